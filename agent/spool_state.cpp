#include "agent/spool_state.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "agent/bytes.h"
#include "proto/wire.h"

namespace clusterwatch::agent {
namespace {

constexpr std::string_view kMagic = "CWSTATE";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSlotDistance = 4096;  // two slots never share a disk block
constexpr std::size_t kSlotBytes =
    kMagic.size() + 1 + 8 * (1 + 6 + kMaxCollectors * (1 + 2 * kCursorRanges)) + 4;

std::string encodeSlot(std::uint64_t counter, const SpoolNumbers& n) {
    std::string slot(kMagic);
    slot.push_back(static_cast<char>(kVersion));
    for (const auto number : {counter, n.epoch, n.journal_end, n.dropped_before, n.used_through,
                              n.dropped_batches, n.dropped_samples})
        putNumber(slot, number);
    for (const auto& cursor : n.cursors) {
        putNumber(slot, cursor.url_hash);
        for (const auto& range : cursor.settled) {
            putNumber(slot, range.first);
            putNumber(slot, range.last);
        }
    }
    putNumber(slot, wire::checksum(slot));
    return slot;
}

}  // namespace

Result<SpoolState> SpoolState::open(const std::filesystem::path& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return Error::fromErrno(errno, file.string());
    SpoolState state(fd);
    // The blocks are reserved now, while there is space. Not every file system can; then the first
    // write reserves them.
    if (::posix_fallocate(fd, 0, 2 * kSlotDistance) == ENOSPC)
        return Error::fromErrno(ENOSPC, file.string());
    if (auto done = state.load(); !done) return done.error().context(file.string());
    return state;
}

SpoolState::SpoolState(SpoolState&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), counter_(other.counter_), loaded_(other.loaded_) {}

SpoolState::~SpoolState() {
    if (fd_ >= 0) ::close(fd_);
}

Status SpoolState::load() {
    for (std::size_t i = 0; i < 2; ++i) {
        std::string bytes(kSlotBytes, '\0');
        const auto got =
            ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(i * kSlotDistance));
        if (got < 0) return Error::fromErrno(errno, "reading it");
        std::string_view slot(bytes.data(), static_cast<std::size_t>(got));
        if (slot.size() < kSlotBytes || !slot.starts_with(kMagic)) continue;
        if (static_cast<std::uint8_t>(slot[kMagic.size()]) > kVersion)
            return Error(ErrorCode::kInvalid, "written by a newer version of clusterwatch-agent");
        auto crc = slot.substr(kSlotBytes - 4);
        if (takeNumber<std::uint32_t>(crc) != wire::checksum(slot.substr(0, kSlotBytes - 4)))
            continue;
        slot.remove_prefix(kMagic.size() + 1);
        const auto counter = takeNumber<std::uint64_t>(slot);
        if (counter < counter_) continue;
        counter_ = counter;
        for (auto* number :
             {&loaded_.epoch, &loaded_.journal_end, &loaded_.dropped_before, &loaded_.used_through,
              &loaded_.dropped_batches, &loaded_.dropped_samples})
            *number = takeNumber<std::uint64_t>(slot);
        for (auto& cursor : loaded_.cursors) {
            cursor.url_hash = takeNumber<std::uint64_t>(slot);
            for (auto& range : cursor.settled) {
                range.first = takeNumber<std::uint64_t>(slot);
                range.last = takeNumber<std::uint64_t>(slot);
            }
        }
    }
    return {};
}

Status SpoolState::write(const SpoolNumbers& numbers, bool durable) {
    const auto slot = encodeSlot(++counter_, numbers);
    const auto at = static_cast<off_t>(counter_ % 2 * kSlotDistance);
    if (::pwrite(fd_, slot.data(), slot.size(), at) != static_cast<ssize_t>(slot.size()))
        return Error::fromErrno(errno, "writing the spool's state");
    if (durable && ::fdatasync(fd_) != 0)
        return Error::fromErrno(errno, "syncing the spool's state");
    return {};
}

}  // namespace clusterwatch::agent
