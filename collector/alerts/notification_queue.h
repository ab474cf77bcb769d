// What must survive a crash of everything that pages: the state of the alerts, which of them each
// webhook has been told of, and the notifications that are still to be delivered.
//
// One small SQLite file, `alerts.db` in the data directory, synchronous=FULL: what a call has
// returned success for is on the disk. It has its own SQL, beside the store's (a documented
// exception): it is no time series, and a full or broken store must not stop a page.
//
// Deciding and queueing are one transaction: an alert is marked as told exactly when its
// notification is in the queue. So the same alerts may be handed over at every evaluation, and after a
// crash, without a second notification.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/alerts/webhook_message.h"
#include "collector/rules/rule_engine.h"
#include "common/clock.h"
#include "common/result.h"
#include "common/thread_annotations.h"

struct sqlite3;

namespace clusterwatch::alerts {

inline constexpr std::size_t kMaxQueuedPerWebhook = 10'000;
inline constexpr std::size_t kKeptAttempts = 200;  // of the delivery log, per webhook
inline constexpr Milliseconds kRepeatInterval{std::chrono::hours(4)};

struct Notification {
    std::int64_t id = 0;     // rises; never used twice in one database
    std::string message_id;  // unique over databases, the same for every attempt
    std::string webhook;
    std::string group_key;
    std::string body;
    std::int64_t queued_at_ms = 0;
    std::int64_t attempts = 0;
};

struct DeliveryAttempt {
    std::int64_t at_ms = 0;
    std::string message_id, group_key;
    int http_status = 0;  // 0: no answer
    bool delivered = false;
    std::string error;
};

struct EnqueueOptions {
    std::string webhook;
    bool send_resolved = true;
    std::string external_url;
    Milliseconds repeat = kRepeatInterval;
    std::size_t max_queued = kMaxQueuedPerWebhook;
};

class NotificationQueue final : public rules::AlertStateStore {
  public:
    // Creates the file if there is none. A file that is not ours or of a newer version is refused,
    // unchanged.
    static Result<std::unique_ptr<NotificationQueue>> open(const std::filesystem::path& file,
                                                           const Clock& clock);
    ~NotificationQueue() override;

    Result<std::vector<rules::StoredAlert>> loadAlerts() override;
    Status saveAlerts(const std::string& group,
                      std::span<const rules::StoredAlert> alerts) override;

    // Queues what this webhook has not been told yet: newly firing and resolved alerts, and groups
    // whose last notification is older than `repeat`. Returns how many notifications were queued;
    // kLimit, and nothing changed, if the queue is full.
    Result<std::size_t> enqueue(std::span<const rules::Alert> alerts,
                                const EnqueueOptions& options);

    // The oldest notification of each group, in order of id: within a group nothing overtakes.
    Result<std::vector<Notification>> heads(const std::string& webhook) const;
    // Records an attempt; a delivered notification leaves the queue.
    Status finishAttempt(const Notification& notification, const DeliveryAttempt& attempt);

    Result<std::vector<DeliveryAttempt>> attempts(const std::string& webhook,
                                                  std::size_t limit) const;  // newest first
    Result<std::size_t> queued(const std::string& webhook) const;
    // Forgets what belongs to webhooks that are not in the list; returns the notifications lost.
    Result<std::size_t> keepOnly(const std::vector<std::string>& webhooks);

  private:
    struct Close {
        void operator()(sqlite3* database) const;
    };

    NotificationQueue(std::unique_ptr<sqlite3, Close> database, const Clock& clock);
    Status prepare() EXCLUDES_LOCK(mutex_);
    // What this webhook does not know yet about alerts of one name.
    struct News {
        bool firing = false;
        std::vector<MessageAlert> resolved;
    };
    using Group = std::vector<const rules::Alert*>;
    Result<News> newsOf(const Group& alerts, const EnqueueOptions& options) REQUIRES_LOCK(mutex_);
    Status remember(const std::string& alertname, const Group& alerts,
                    const EnqueueOptions& options) REQUIRES_LOCK(mutex_);
    Status push(const std::string& alertname, const News& news, const EnqueueOptions& options)
        REQUIRES_LOCK(mutex_);
    Result<std::vector<MessageAlert>> firingOf(const std::string& alertname,
                                               const EnqueueOptions& options) REQUIRES_LOCK(mutex_);

    const Clock& clock_;
    std::string database_id_;  // constant after open()
    mutable Mutex mutex_;
    std::unique_ptr<sqlite3, Close> database_ GUARDED_BY(mutex_);
};

}  // namespace clusterwatch::alerts
