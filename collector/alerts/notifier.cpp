// See notifier.h.
#include "collector/alerts/notifier.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "collector/alerts/webhook_client.h"
#include "common/logging.h"

namespace clusterwatch::alerts {
namespace {

bool accepted(int status) { return status >= 200 && status < 300; }

// Says something about the receiver, not about this notification.
bool receiverIsDown(int status) {
    return status == 0 || status == 408 || status == 429 || status >= 500;
}

}  // namespace

class Notifier::Worker {
  public:
    Worker(NotificationQueue& queue, const Clock& clock, Webhook webhook,
           const NotifierOptions& options, std::unique_ptr<WebhookClient> client)
        : queue_(queue),
          clock_(clock),
          webhook_(std::move(webhook)),
          options_(options),
          client_(std::move(client)) {}

    void start() {
        thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
    }
    void stop() {
        thread_.request_stop();
        client_->stop();
        if (thread_.joinable()) thread_.join();
    }

    Status enqueue(std::span<const rules::Alert> alerts) {
        const auto queued = queue_.enqueue(alerts, {webhook_.name, webhook_.send_resolved,
                                                    options_.external_url, options_.repeat});
        const MutexLock lock(mutex_);
        if (!queued) {
            if (queued.error().code() == ErrorCode::kLimit) ++refused_full_;
            return queued.error();
        }
        if (*queued > 0) {
            news_ = true;
            wake_.notify_all();
        }
        return {};
    }

    WebhookStatus status() const {
        WebhookStatus status;
        status.name = webhook_.name;
        if (auto queued = queue_.queued(webhook_.name)) status.queued = *queued;
        if (auto attempts = queue_.attempts(webhook_.name, kKeptAttempts)) {
            status.attempts = std::move(*attempts);
        }
        const MutexLock lock(mutex_);
        status.delivered = delivered_;
        status.failed_attempts = failed_attempts_;
        status.refused_full = refused_full_;
        status.last_error = last_error_;
        return status;
    }

  private:
    void run(std::stop_token stop) {
        while (!stop.stop_requested()) {
            {
                const MutexLock lock(mutex_);
                news_ = false;
            }
            const MonotonicTime next = deliverDue(stop);
            MutexLock lock(mutex_);
            const auto wait = std::max<MonotonicTime::duration>(next - clock_.monotonicNow(), {});
            wake_.wait_for(lock, stop, wait, [this]() REQUIRES_LOCK(mutex_) { return news_; });
        }
    }

    // Tries what is due; returns when something will be again.
    MonotonicTime deliverDue(std::stop_token stop) {
        const MonotonicTime idle = clock_.monotonicNow() + options_.last_retry;
        auto heads = queue_.heads(webhook_.name);
        if (!heads) {
            setError(heads.error().message());
            return clock_.monotonicNow() + options_.first_retry;
        }
        if (clock_.monotonicNow() < receiver_due_) return receiver_due_;
        MonotonicTime next = idle;
        for (const Notification& head : *heads) {
            if (stop.stop_requested()) return next;
            const auto refused = refused_.find(head.id);
            if (refused != refused_.end() && clock_.monotonicNow() < refused->second) {
                next = std::min(next, refused->second);
                continue;
            }
            if (!attempt(head, stop)) return receiver_due_;
            // The group's next one may be waiting behind it.
            next = std::min(next,
                            refused_.contains(head.id) ? refused_[head.id] : clock_.monotonicNow());
        }
        return next;
    }

    // False: the receiver is down; wait until receiver_due_.
    bool attempt(const Notification& notification, std::stop_token stop) {
        const PostResult result = client_->post(notification);
        const bool ok = accepted(result.status);
        if (!ok && stop.stop_requested()) return false;  // ended by us: says nothing
        DeliveryAttempt entry{toUnixMs(clock_.wallNow()),
                              notification.message_id,
                              notification.group_key,
                              result.status,
                              ok,
                              result.error};
        const Status recorded = queue_.finishAttempt(notification, entry);
        if (ok && recorded) {
            refused_.erase(notification.id);
            receiver_failures_ = 0;
            const MutexLock lock(mutex_);
            ++delivered_;
            last_error_.clear();
            return true;
        }
        const std::string why = recorded ? result.error : recorded.error().message();
        setError(why);
        log_.warn(fmt::format("webhook {}: {}; will try again", webhook_.name, why));
        if (!ok && !receiverIsDown(result.status)) {
            refused_[notification.id] = clock_.monotonicNow() + options_.last_retry;
            receiver_failures_ = 0;
            return true;
        }
        receiver_due_ = clock_.monotonicNow() + std::max(backOff(), result.retry_after);
        return false;
    }

    // 1 s, then anything from 1 s to 2, 4, 8 ... 60 s: the jitter keeps collectors apart.
    Milliseconds backOff() {
        const int doublings = std::min(receiver_failures_++, 16);
        const auto most = std::min<std::int64_t>(options_.last_retry.count(),
                                                 options_.first_retry.count() << doublings);
        std::uniform_int_distribution<std::int64_t> jitter(
            std::min(options_.first_retry.count(), most), most);
        return Milliseconds(jitter(random_));
    }

    void setError(const std::string& error) {
        const MutexLock lock(mutex_);
        ++failed_attempts_;
        last_error_ = error;
    }

    // Constant after construction.
    NotificationQueue& queue_;
    const Clock& clock_;
    const Webhook webhook_;
    const NotifierOptions options_;
    const std::unique_ptr<WebhookClient> client_;

    // Of the thread alone.
    MonotonicTime receiver_due_{};
    int receiver_failures_ = 0;
    std::map<std::int64_t, MonotonicTime> refused_;  // when to repeat what was refused, by id
    std::minstd_rand random_{std::random_device{}()};
    RateLimitedLog log_{std::chrono::seconds(30)};

    mutable Mutex mutex_;
    std::condition_variable_any wake_;
    bool news_ GUARDED_BY(mutex_) = false;
    std::uint64_t delivered_ GUARDED_BY(mutex_) = 0;
    std::uint64_t failed_attempts_ GUARDED_BY(mutex_) = 0;
    std::uint64_t refused_full_ GUARDED_BY(mutex_) = 0;
    std::string last_error_ GUARDED_BY(mutex_);
    std::jthread thread_;  // last: ends before the rest is destroyed
};

Result<std::unique_ptr<Notifier>> Notifier::make(NotificationQueue& queue, const Clock& clock,
                                                 std::vector<Webhook> webhooks,
                                                 const NotifierOptions& options) {
    std::unique_ptr<Notifier> notifier(new Notifier);
    notifier->queue_ = &queue;
    notifier->options_ = options;
    std::vector<std::string> names;
    for (Webhook& webhook : webhooks) {
        auto client = WebhookClient::make(webhook, options.timeout);
        if (!client) return client.error();
        names.push_back(webhook.name);
        notifier->workers_.push_back(std::make_unique<Worker>(queue, clock, std::move(webhook),
                                                              options, std::move(*client)));
    }
    const auto lost = queue.keepOnly(names);
    if (!lost) return lost.error();
    if (*lost > 0) {
        spdlog::warn(
            "{} notifications were waiting for webhooks that are no longer configured; "
            "they are dropped",
            *lost);
    }
    return notifier;
}

Notifier::~Notifier() { stop(); }

Status Notifier::notify(std::span<const rules::Alert> alerts) {
    Status result;
    for (auto& worker : workers_) {
        if (Status status = worker->enqueue(alerts); !status && result) result = status;
    }
    return result;
}

void Notifier::start() {
    for (auto& worker : workers_) worker->start();
}

void Notifier::stop() {
    for (auto& worker : workers_) worker->stop();
}

std::vector<WebhookStatus> Notifier::status() const {
    std::vector<WebhookStatus> result;
    for (const auto& worker : workers_) result.push_back(worker->status());
    return result;
}

}  // namespace clusterwatch::alerts
