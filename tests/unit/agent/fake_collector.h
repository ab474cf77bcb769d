// A collector for the agent's tests: a real HTTP server that decodes reports through proto/ and keeps
// what a collector would keep, and that can be told to fail in the ways that collectors fail.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <httplib.h>

#include "common/limits.h"
#include "proto/wire.h"

namespace clusterwatch::agent {

class FakeCollector {
  public:
    enum class Mood { kWell, kLoseReply, kStatus, kForgetful, kAcknowledgeMore };

    FakeCollector() {
        server_.Post("/api/v1/report",
                     [this](const httplib::Request& q, httplib::Response& r) { answer(q, r); });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::jthread([this] { server_.listen_after_bind(); });
        while (!server_.is_running()) std::this_thread::yield();
    }
    ~FakeCollector() { server_.stop(); }

    std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

    void set(Mood mood, int status = 503, std::string retry_after = "") {
        std::lock_guard lock(mutex_);
        mood_ = mood;
        status_ = status;
        retry_after_ = std::move(retry_after);
    }
    void setAhead(std::chrono::milliseconds ahead) { ahead_ms_ = ahead.count(); }
    // Every report with this number is called malformed.
    void poison(std::uint64_t sequence) {
        std::lock_guard lock(mutex_);
        poison_ = sequence;
    }

    struct Stored {
        wire::Lane lane;
        std::uint32_t checksum;
        double first_value;
    };
    std::map<std::uint64_t, Stored> stored() const {
        std::lock_guard lock(mutex_);
        return stored_;
    }
    // In the order of arrival, duplicates included.
    std::vector<std::uint64_t> arrivals() const {
        std::lock_guard lock(mutex_);
        return arrivals_;
    }
    std::size_t reports() const { return reports_; }
    std::size_t heartbeats() const { return heartbeats_; }
    wire::Report last() const {
        std::lock_guard lock(mutex_);
        return last_;
    }
    std::vector<wire::ScheduledProbe> schedule() const {
        std::lock_guard lock(mutex_);
        return schedule_;
    }
    std::string authorization() const {
        std::lock_guard lock(mutex_);
        return authorization_;
    }

  private:
    struct Session {
        std::uint32_t series = 0, layouts = 0;
        std::map<std::uint32_t, std::size_t> layout_size;
    };

    void answer(const httplib::Request& request, httplib::Response& response) {
        std::lock_guard lock(mutex_);
        ++reports_;
        authorization_ = request.get_header_value("Authorization");
        const auto bytes = wire::decompress(request.body, limits::kDecodedBytes);
        const auto report =
            bytes ? wire::decodeReport(*bytes) : Result<wire::Report>(bytes.error());
        if (!report) return fail(response, 400, report.error().message());
        if (mood_ == Mood::kStatus) return fail(response, status_, "as told");
        for (const auto& batch : report->batches)
            if (batch.sequence == poison_) return fail(response, 400, "poison");
        take(*report, response);
    }

    void take(const wire::Report& report, httplib::Response& response) {
        wire::ReportReply reply;
        const bool known = sessions_.contains(report.session);
        if (report.session != 0 && (!known || mood_ == Mood::kForgetful)) {
            sessions_.clear();
            mood_ = Mood::kWell;
            reply.session_unknown = true;
        } else {
            reply.session = report.session != 0 ? report.session : next_session_++;
            auto& session = sessions_[reply.session];
            for (const auto& s : report.series)
                if (s.ref != session.series++) return fail(response, 400, "series out of order");
            for (const auto& l : report.layouts) {
                if (l.ref != session.layouts++) return fail(response, 400, "layout out of order");
                session.layout_size[l.ref] = l.series.size();
            }
            for (const auto& batch : report.batches) {
                if (session.layout_size[batch.run.layout] != batch.run.values.size())
                    return fail(response, 400, "values do not fit the layout");
                arrivals_.push_back(batch.sequence);
                const auto value = batch.run.values.empty() ? 0 : batch.run.values[0];
                const auto [old, fresh] =
                    stored_.try_emplace(batch.sequence, Stored{report.lane, batch.checksum, value});
                if (!fresh && old->second.checksum != batch.checksum)
                    reply.conflict = "another checksum";
                reply.acknowledged.push_back(batch.sequence);
                if (mood_ == Mood::kAcknowledgeMore)
                    reply.acknowledged.push_back(batch.sequence + 1);
            }
        }
        if (report.batches.empty()) ++heartbeats_;
        if (report.schedule_complete) schedule_ = report.schedule;
        last_ = report;
        if (mood_ == Mood::kLoseReply) {
            mood_ = Mood::kWell;
            return fail(response, 0, "");
        }
        const auto now =
            std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
        reply.received_ms = reply.replied_ms = toUnixMs(now) + ahead_ms_;
        response.set_content(wire::encode(reply), "application/x-protobuf");
    }

    // Status 0: the answer is cut off, as when the connection breaks after the commit.
    void fail(httplib::Response& response, int status, const std::string& why) const {
        if (status == 0) {
            response.set_content_provider(
                100, "application/x-protobuf",
                [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
            return;
        }
        response.status = status;
        if (!retry_after_.empty()) response.set_header("Retry-After", retry_after_);
        response.set_content(why, "text/plain");
    }

    httplib::Server server_;
    int port_ = 0;
    std::atomic<std::size_t> reports_{0}, heartbeats_{0};
    std::atomic<std::int64_t> ahead_ms_{0};
    mutable std::mutex mutex_;
    Mood mood_ = Mood::kWell;
    int status_ = 503;
    std::string retry_after_, authorization_;
    std::uint64_t poison_ = 0, next_session_ = 1;
    std::map<std::uint64_t, Session> sessions_;
    std::map<std::uint64_t, Stored> stored_;
    std::vector<std::uint64_t> arrivals_;
    std::vector<wire::ScheduledProbe> schedule_;
    wire::Report last_;
    std::jthread thread_;
};

}  // namespace clusterwatch::agent
