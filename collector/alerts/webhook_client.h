// One HTTP POST to a webhook. Not thread-safe, but stop() may be called from any thread.
#pragma once

#include <memory>
#include <string>

#include "collector/alerts/notifier.h"
#include "common/result.h"

namespace clusterwatch::alerts {

class WebhookClient {
  public:
    // kInvalid: no http(s) URL, or one with user:password@.
    static Result<std::unique_ptr<WebhookClient>> make(const Webhook& webhook,
                                                       Milliseconds timeout);
    ~WebhookClient();

    PostResult post(const Notification& notification);
    void stop();  // ends a running post() soon

  private:
    struct Impl;
    explicit WebhookClient(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

}  // namespace clusterwatch::alerts
