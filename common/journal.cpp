// The journal's writer (group commit over segment files) and reader.
//
// Who touches what: the list of segments and the queue of waiting records are under mutex_. The
// current file belongs to the leader, the one thread that has set leading_; it writes and syncs
// without the mutex, so that others can queue up behind it, and that is what makes the group.
//
// Positions only grow and are never used twice: bytes whose write or sync failed keep their
// positions, except where a write was cut back within the same file before anything was written
// after it.
#include "common/journal.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>

#include "common/journal_segment.h"
#include "common/thread_annotations.h"

namespace clusterwatch {

namespace {

namespace segment = journal_segment;

// One write call takes at most about this much; a larger record goes alone.
constexpr std::size_t kGroupBytes = std::size_t{8} << 20;

using segment::Segment;

void countDamaged(JournalDamage& damage, std::uint64_t bytes) {
    ++damage.damaged_records;
    damage.damaged_bytes += bytes;
}

class JournalImpl final : public Journal {
  public:
    JournalImpl(FileSystem& fs, std::filesystem::path directory, JournalOptions options)
        : fs_(fs), directory_(std::move(directory)), options_(options) {}

    // REQUIRES: called once, before the journal is shared.
    Status recover();

    Result<JournalPosition> append(std::uint8_t type, std::string_view payload) override;
    Status read(JournalPosition from,
                const std::function<bool(const JournalRecord&)>& visit) override;
    Status removeBefore(JournalPosition position) override;

    std::vector<JournalSegment> segments() const override;
    JournalPosition begin() const override;
    JournalPosition end() const override;
    std::uint64_t bytes() const override;
    JournalDamage damage() const override;
    bool healthy() const override { return healthy_.load(std::memory_order_relaxed); }

  private:
    // A record that waits for its group. Lives on the stack of the thread that appends it.
    struct Waiting {
        std::uint8_t type;
        std::string_view payload;
        bool done = false;
        JournalPosition end = 0;
        std::optional<Error> error = std::nullopt;
    };

    std::vector<Waiting*> takeGroup() REQUIRES_LOCK(mutex_);
    Status writeGroup(const std::vector<Waiting*>& group) EXCLUDES_LOCK(mutex_);
    Status ensureSegment() EXCLUDES_LOCK(mutex_);
    Status recoverLast(Segment& last) REQUIRES_LOCK(mutex_);
    Status adoptLast(Segment& last);
    // `written_end` is the position after everything that may have reached the file.
    void abandon(JournalPosition written_end) EXCLUDES_LOCK(mutex_);
    // False when `visit` wants no more.
    Result<bool> readSegment(const Segment& one, JournalPosition from,
                             const std::function<bool(const JournalRecord&)>& visit);
    void count(const Segment& one, std::uint64_t offset, std::uint64_t bytes) EXCLUDES_LOCK(mutex_);

    FileSystem& fs_;
    const std::filesystem::path directory_;
    const JournalOptions options_;

    mutable Mutex mutex_;
    std::condition_variable_any group_done_;
    std::deque<Waiting*> queue_ GUARDED_BY(mutex_);
    bool leading_ GUARDED_BY(mutex_) = false;
    std::vector<Segment> segments_ GUARDED_BY(mutex_);
    JournalDamage damage_ GUARDED_BY(mutex_);
    std::atomic<bool> healthy_{true};

    // The leader's alone (before the journal is shared: recover's).
    std::unique_ptr<File> current_;      // the last of segments_, or null: open a new one
    JournalPosition next_position_ = 0;  // of the next record
    std::string write_buffer_;
};

Status JournalImpl::recover() {
    const MutexLock lock(mutex_);
    if (auto s = fs_.createDirectories(directory_); !s) return s;
    auto found = segment::listSegments(fs_, directory_);
    if (!found) return found.error();
    segments_ = std::move(*found);
    for (const auto& one : segments_)
        if (one.header_damaged && one.end() > one.begin)
            countDamaged(damage_, segment::kFileHeaderBytes);
    if (!segments_.empty()) {
        if (auto s = recoverLast(segments_.back()); !s) return s;
        next_position_ = segments_.back().end();
    }
    if (next_position_ < options_.first_position) {
        next_position_ = options_.first_position;
        current_.reset();
    }
    return {};
}

// Finds where the last segment's whole records end, cuts what is torn behind them, and makes what
// is left durable: after a kill (not a power cut) it may be in the kernel's memory only, and
// whoever reads it now will tell peers that it is safe.
Status JournalImpl::recoverLast(Segment& last) {
    auto scanner = segment::scannerOf(fs_, last);
    if (!scanner) return scanner.error();
    std::uint64_t end_offset = segment::kFileHeaderBytes;
    for (;;) {
        auto found = scanner->next();
        if (!found) return found.error();
        if (!*found) break;
        end_offset = (*found)->end_offset;
    }
    // A whole record that fails its check is not a torn one: it stays for whoever examines it.
    if (scanner->trailing() > 0 && !scanner->trailingIsWhole()) {
        damage_.torn_tail_bytes += last.end_offset - end_offset;
        last.end_offset = end_offset;
    }
    return adoptLast(last);
}

Status JournalImpl::adoptLast(Segment& last) {
    auto file = fs_.open(last.file, FileSystem::OpenMode::kAppendExisting);
    if (!file) return file.error();
    auto size = (*file)->size();
    if (!size) return size.error();
    const bool no_records = last.end_offset == segment::kFileHeaderBytes;
    if (last.header_damaged && no_records) {
        // Made by a process that died before its first record. It is mended, not removed: its name
        // is the only place that knows the position.
        if (auto s = (*file)->truncate(0); !s) return s;
        if (auto s = (*file)->append(segment::encodeFileHeader(last.begin)); !s) return s;
        last.header_damaged = false;
    } else if (*size > last.end_offset) {
        if (auto s = (*file)->truncate(last.end_offset); !s) return s;
    }
    if (auto s = (*file)->sync(); !s) return s;
    if (auto s = fs_.syncDirectory(directory_); !s) return s;
    if (!last.header_damaged) current_ = std::move(*file);
    return {};
}

Result<JournalPosition> JournalImpl::append(std::uint8_t type, std::string_view payload) {
    if (payload.size() > options_.max_record_bytes)
        return Error(ErrorCode::kLimit, "a journal record of " + std::to_string(payload.size()) +
                                            " bytes is larger than the limit of " +
                                            std::to_string(options_.max_record_bytes));
    Waiting own{type, payload};
    MutexLock lock(mutex_);
    queue_.push_back(&own);
    while (!own.done) {
        if (leading_) {
            group_done_.wait(lock);
            continue;
        }
        leading_ = true;
        const auto group = takeGroup();
        lock.unlock();
        const Status written = writeGroup(group);
        lock.lock();
        for (Waiting* one : group) {
            if (!written) one->error = written.error();
            one->done = true;
        }
        leading_ = false;
        group_done_.notify_all();
    }
    if (own.error) return *own.error;
    return own.end;
}

std::vector<JournalImpl::Waiting*> JournalImpl::takeGroup() {
    std::vector<Waiting*> group;
    std::size_t bytes = 0;
    while (!queue_.empty()) {
        bytes += queue_.front()->payload.size() + segment::kRecordHeaderBytes;
        if (!group.empty() && bytes > kGroupBytes) break;
        group.push_back(queue_.front());
        queue_.pop_front();
    }
    return group;
}

Status JournalImpl::writeGroup(const std::vector<Waiting*>& group) {
    if (auto s = ensureSegment(); !s) {
        healthy_ = false;
        return s;
    }
    write_buffer_.clear();
    for (Waiting* one : group) {
        segment::appendRecord(write_buffer_, one->type, next_position_ + write_buffer_.size(),
                              one->payload);
        one->end = next_position_ + write_buffer_.size();
    }
    const JournalPosition written_end = next_position_ + write_buffer_.size();
    std::uint64_t good_offset = 0;
    {
        MutexLock lock(mutex_);
        good_offset = segments_.back().end_offset;
    }

    if (auto s = current_->append(write_buffer_); !s) {
        // Cut back, so that the torn record does not stand between this segment's good records and
        // the next ones. Positions are used again only if that worked.
        if (!current_->truncate(good_offset)) abandon(written_end);
        healthy_ = false;
        return s.error().context("appending to the journal");
    }
    if (auto s = current_->sync(); !s) {
        // Also drops the pages that the kernel may believe clean: a restart must not find there
        // what the disk doesn't have.
        (void)current_->truncate(good_offset).ok();
        abandon(written_end);
        healthy_ = false;
        return s.error().context("appending to the journal");
    }

    next_position_ = written_end;
    if (write_buffer_.capacity() > (std::size_t{1} << 20)) std::string().swap(write_buffer_);
    healthy_ = true;
    MutexLock lock(mutex_);
    segments_.back().end_offset += written_end - segments_.back().end();
    return {};
}

void JournalImpl::abandon(JournalPosition written_end) {
    current_.reset();
    next_position_ = written_end;
}

Status JournalImpl::ensureSegment() {
    {
        MutexLock lock(mutex_);
        if (current_ && segments_.back().end() - segments_.back().begin >= options_.segment_bytes)
            current_.reset();
    }
    if (current_) return {};

    Segment made;
    made.begin = next_position_;
    made.file = directory_ / segment::fileName(made.begin);
    auto file = fs_.open(made.file, FileSystem::OpenMode::kCreateNew);
    if (!file) return file.error().context("opening a new journal segment");
    Status status = (*file)->append(segment::encodeFileHeader(made.begin));
    if (status) status = (*file)->sync();
    if (status) status = fs_.syncDirectory(directory_);
    if (!status) {
        // A file that can't be removed keeps its name and its position; the next try takes another.
        if (!fs_.remove(made.file)) ++next_position_;
        return status.error().context("opening a new journal segment");
    }
    current_ = std::move(*file);
    MutexLock lock(mutex_);
    segments_.push_back(std::move(made));
    return {};
}

void JournalImpl::count(const Segment& one, std::uint64_t offset, std::uint64_t bytes) {
    MutexLock lock(mutex_);
    for (auto& known : segments_) {
        if (known.begin != one.begin || known.counted_offset > offset) continue;
        known.counted_offset = offset + bytes;
        countDamaged(damage_, bytes);
    }
}

Result<bool> JournalImpl::readSegment(const Segment& one, JournalPosition from,
                                      const std::function<bool(const JournalRecord&)>& visit) {
    auto scanner = segment::scannerOf(fs_, one);
    if (!scanner) return scanner.error();
    // `from` is where a record ended; a scan from any other place would find the next one as well.
    if (from > one.begin) scanner->seek(from - one.begin + segment::kFileHeaderBytes);
    for (;;) {
        auto found = scanner->next();
        if (!found) return found.error();
        if (!*found) break;
        if ((*found)->skipped > 0)
            count(one, (*found)->offset - (*found)->skipped, (*found)->skipped);
        if (!visit(segment::recordOf(one, **found))) return false;
    }
    if (scanner->trailing() > 0)
        count(one, one.end_offset - scanner->trailing(), scanner->trailing());
    return true;
}

Status JournalImpl::read(JournalPosition from,
                         const std::function<bool(const JournalRecord&)>& visit) {
    std::vector<Segment> all;
    {
        MutexLock lock(mutex_);
        all = segments_;
    }
    for (const auto& one : all) {
        if (one.end() <= from) continue;
        auto more = readSegment(one, from, visit);
        if (!more) {
            // Removed meanwhile by removeBefore: the caller's user has no need of it any more.
            if (more.error().code() == ErrorCode::kNotFound && begin() >= one.end()) continue;
            return more.error().context("reading the journal");
        }
        if (!*more) return {};
    }
    return {};
}

Status JournalImpl::removeBefore(JournalPosition position) {
    std::vector<std::filesystem::path> files;
    {
        MutexLock lock(mutex_);
        while (segments_.size() > 1 && segments_.front().end() <= position) {
            files.push_back(segments_.front().file);
            segments_.erase(segments_.begin());
        }
    }
    for (const auto& file : files)
        if (auto s = fs_.remove(file); !s) return s.error().context("removing a journal segment");
    if (files.empty()) return {};
    return fs_.syncDirectory(directory_);
}

std::vector<JournalSegment> JournalImpl::segments() const {
    MutexLock lock(mutex_);
    std::vector<JournalSegment> out;
    for (const auto& one : segments_) out.push_back({one.file, one.begin, one.end()});
    return out;
}

JournalPosition JournalImpl::begin() const {
    MutexLock lock(mutex_);
    return segments_.empty() ? options_.first_position : segments_.front().begin;
}

JournalPosition JournalImpl::end() const {
    MutexLock lock(mutex_);
    return std::max(segments_.empty() ? 0 : segments_.back().end(), options_.first_position);
}

std::uint64_t JournalImpl::bytes() const {
    MutexLock lock(mutex_);
    std::uint64_t total = 0;
    for (const auto& one : segments_) total += one.end_offset;
    return total;
}

JournalDamage JournalImpl::damage() const {
    MutexLock lock(mutex_);
    return damage_;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(FileSystem& fs, std::filesystem::path directory,
                                               JournalOptions options) {
    const std::string doing = "opening the journal in " + directory.string();
    auto journal = std::make_unique<JournalImpl>(fs, std::move(directory), options);
    if (auto s = journal->recover(); !s) return s.error().context(doing);
    return std::unique_ptr<Journal>(std::move(journal));
}

Result<JournalDamage> Journal::inspect(FileSystem& fs, const std::filesystem::path& directory,
                                       const std::function<bool(const JournalRecord&)>& visit) {
    auto segments = segment::listSegments(fs, directory);
    if (!segments) return segments.error();
    JournalDamage damage;
    for (const auto& one : *segments) {
        auto scanner = segment::scannerOf(fs, one);
        if (!scanner) return scanner.error();
        if (one.header_damaged && one.end() > one.begin)
            countDamaged(damage, segment::kFileHeaderBytes);
        for (;;) {
            auto found = scanner->next();
            if (!found) return found.error();
            if (!*found) break;
            if ((*found)->skipped > 0) countDamaged(damage, (*found)->skipped);
            if (!visit(segment::recordOf(one, **found))) return damage;
        }
        if (scanner->trailing() == 0) continue;
        if (&one == &segments->back() && !scanner->trailingIsWhole())
            damage.torn_tail_bytes += scanner->trailing();
        else
            countDamaged(damage, scanner->trailing());
    }
    return damage;
}

}  // namespace clusterwatch
