// Delivers notifications to webhooks: at least once, in order within a group, until they are taken.
//
// One thread a webhook, so a slow receiver delays no other. A notification is on the disk
// (NotificationQueue) before its first attempt and leaves the queue only after a 2xx answer; so neither
// a receiver that is down nor kill -9 loses one. A repeated delivery carries the same
// `Idempotency-Key` header.
//
// Retries: exponential back-off with jitter, 1 s to 60 s. No answer, 429 and 5xx hold up the whole
// webhook. Any other answer than 2xx concerns that notification: it is repeated every 60 s (an
// operator who mends the receiver gets the page after all) and shown in status(); other groups go on.
// Redirects are never followed: the token is for this host only.
//
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "collector/alerts/notification_queue.h"
#include "common/clock.h"
#include "common/thread_annotations.h"

namespace clusterwatch::alerts {

struct Webhook {
    std::string name;
    std::string url;    // http://host[:port]/path or https://...
    std::string token;  // sent as `Authorization: Bearer ...`; may be empty
    bool send_resolved = true;
    std::filesystem::path ca_file;  // for https; empty: the system's
};

struct NotifierOptions {
    std::string external_url;
    Milliseconds repeat = kRepeatInterval;
    Milliseconds first_retry{1'000};
    Milliseconds last_retry{60'000};
    Milliseconds timeout{10'000};  // of one attempt: to connect, and then to be answered
};

// What is left of a delivery's answer.
struct PostResult {
    int status = 0;  // 0: no answer, then `error` says why
    std::string error;
    Milliseconds retry_after{0};
};

struct WebhookStatus {
    std::string name;
    std::size_t queued = 0;
    std::uint64_t delivered = 0, failed_attempts = 0;  // since the start
    std::uint64_t refused_full = 0;                    // times that the queue's limit was hit
    std::string last_error;                            // empty after a success
    std::vector<DeliveryAttempt> attempts;             // newest first
};

class Notifier {
  public:
    // Checks the URLs; kInvalid names the webhook.
    // REQUIRES: queue and clock outlive the notifier.
    static Result<std::unique_ptr<Notifier>> make(NotificationQueue& queue, const Clock& clock,
                                                  std::vector<Webhook> webhooks,
                                                  const NotifierOptions& options = {});
    ~Notifier();
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

    // What RuleHooks::notify is. All webhooks are tried; the first error is returned.
    Status notify(std::span<const rules::Alert> alerts);

    void start();
    void stop();  // ends a running attempt; what is queued stays queued

    std::vector<WebhookStatus> status() const;

  private:
    class Worker;

    Notifier() = default;

    NotificationQueue* queue_ = nullptr;  // never null after make()
    NotifierOptions options_;
    std::vector<std::unique_ptr<Worker>> workers_;  // constant after make()
};

}  // namespace clusterwatch::alerts
