#include "tests/faults/fault_file_system.h"

#include <algorithm>

namespace clusterwatch::testing {

class FaultFile final : public File {
  public:
    FaultFile(FaultFileSystem& fs, FaultFileSystem::NodePtr node)
        : fs_(fs), node_(std::move(node)) {}

    Status append(std::string_view bytes) override { return fs_.append(*node_, bytes); }
    Status sync() override { return fs_.sync(*node_); }
    Status truncate(std::uint64_t size) override { return fs_.truncate(*node_, size); }
    Result<std::uint64_t> size() const override {
        MutexLock lock(fs_.mutex_);
        return static_cast<std::uint64_t>(node_->data.size());
    }
    Result<std::string> read(std::uint64_t offset, std::size_t length) const override {
        MutexLock lock(fs_.mutex_);
        if (offset >= node_->data.size()) return std::string();
        return node_->data.substr(offset, length);
    }

  private:
    FaultFileSystem& fs_;
    const FaultFileSystem::NodePtr node_;
};

void FaultFileSystem::failCall(std::uint64_t n, ErrorCode code, std::uint64_t times) {
    MutexLock lock(mutex_);
    fail_times_ = times;
    fail_at_ = calls_ + n;
    fail_code_ = code;
    happened_ = false;
}

void FaultFileSystem::dieAtCall(std::uint64_t n) {
    MutexLock lock(mutex_);
    die_at_ = calls_ + n;
    happened_ = false;
}

void FaultFileSystem::clearFaults() {
    MutexLock lock(mutex_);
    fail_at_ = die_at_ = capacity_ = std::numeric_limits<std::uint64_t>::max();
    on_sync_ = nullptr;
}

std::uint64_t FaultFileSystem::calls() const {
    MutexLock lock(mutex_);
    return calls_;
}

bool FaultFileSystem::faultHappened() const {
    MutexLock lock(mutex_);
    return happened_;
}

void FaultFileSystem::setCapacity(std::uint64_t bytes) {
    MutexLock lock(mutex_);
    capacity_ = bytes;
}

void FaultFileSystem::onSync(std::function<void()> hook) {
    MutexLock lock(mutex_);
    on_sync_ = std::move(hook);
}

std::optional<Error> FaultFileSystem::fault(const char* what) {
    const std::uint64_t call = calls_++;
    const bool fails = call >= fail_at_ && call - fail_at_ < fail_times_;
    if (call < die_at_ && !fails) return std::nullopt;
    happened_ = true;
    return Error(call >= die_at_ ? ErrorCode::kIo : fail_code_,
                 std::string("injected failure of ") + what);
}

std::uint64_t FaultFileSystem::used() const {
    std::uint64_t total = 0;
    for (const auto& [name, node] : names_) total += node->data.size();
    return total;
}

Status FaultFileSystem::append(Node& node, std::string_view bytes) {
    MutexLock lock(mutex_);
    const bool dead = calls_ > die_at_;
    if (auto error = fault("write")) {
        if (!dead) node.data += bytes.substr(0, bytes.size() / 2);
        return *error;
    }
    const std::uint64_t in_use = used();
    const std::uint64_t room = capacity_ > in_use ? capacity_ - in_use : 0;
    if (bytes.size() > room) {
        node.data += bytes.substr(0, room);
        return Error(ErrorCode::kFull, "no space left in the test's file system");
    }
    node.data += bytes;
    return {};
}

Status FaultFileSystem::sync(Node& node) {
    std::function<void()> hook;
    {
        MutexLock lock(mutex_);
        hook = on_sync_;
    }
    if (hook) hook();
    MutexLock lock(mutex_);
    const bool alive = calls_ < die_at_;
    if (auto error = fault("sync")) {
        if (alive && node.data.size() > node.durable.size())
            node.lost.emplace_back(node.durable.size(), node.data.size());
        return *error;
    }
    node.durable = node.data;
    for (auto [from, to] : node.lost)
        std::fill(node.durable.begin() + static_cast<std::ptrdiff_t>(from),
                  node.durable.begin() + static_cast<std::ptrdiff_t>(to), '\0');
    return {};
}

Status FaultFileSystem::truncate(Node& node, std::uint64_t size) {
    MutexLock lock(mutex_);
    if (auto error = fault("truncate")) return *error;
    node.data.resize(size);
    std::erase_if(node.lost, [&](const auto& range) { return range.first >= size; });
    for (auto& range : node.lost) range.second = std::min<std::size_t>(range.second, size);
    return {};
}

void FaultFileSystem::cutPower(Unsynced unsynced, std::mt19937_64& random) {
    MutexLock lock(mutex_);
    auto lucky = [&] { return unsynced == Unsynced::kRandomPrefix && random() % 2 == 0; };
    std::map<std::string, NodePtr> after = durable_names_;
    for (const auto& [name, node] : names_)
        if (lucky()) after[name] = node;
    for (const auto& [name, node] : durable_names_)
        if (!names_.contains(name) && lucky()) after.erase(name);
    for (auto& [name, node] : after) {
        std::string kept = node->durable;
        const bool grown = node->data.size() > kept.size() && node->lost.empty();
        if (grown && lucky())
            kept = node->data.substr(
                0, kept.size() + random() % (node->data.size() - kept.size() + 1));
        node = std::make_shared<Node>(Node{kept, kept, {}});
    }
    names_ = durable_names_ = after;
}

std::vector<std::filesystem::path> FaultFileSystem::files() const {
    MutexLock lock(mutex_);
    std::vector<std::filesystem::path> out;
    for (const auto& [name, node] : names_) out.emplace_back(name);
    return out;
}

std::string FaultFileSystem::contents(const std::filesystem::path& path) const {
    MutexLock lock(mutex_);
    const auto it = names_.find(path.string());
    return it == names_.end() ? std::string() : it->second->data;
}

void FaultFileSystem::setContents(const std::filesystem::path& path, std::string bytes) {
    MutexLock lock(mutex_);
    auto node = std::make_shared<Node>(Node{bytes, bytes, {}});
    names_[path.string()] = durable_names_[path.string()] = node;
    directories_.insert(path.parent_path().string());
}

std::map<std::string, std::string> FaultFileSystem::image() const {
    MutexLock lock(mutex_);
    std::map<std::string, std::string> out;
    for (const auto& [name, node] : names_) out[name] = node->data;
    return out;
}

void FaultFileSystem::setImage(const std::map<std::string, std::string>& image) {
    {
        MutexLock lock(mutex_);
        names_.clear();
        durable_names_.clear();
    }
    for (const auto& [name, bytes] : image) setContents(name, bytes);
}

Result<std::unique_ptr<File>> FaultFileSystem::open(const std::filesystem::path& path,
                                                    OpenMode mode) {
    MutexLock lock(mutex_);
    const std::string name = path.string();
    auto it = names_.find(name);
    if (mode == OpenMode::kCreateNew) {
        if (auto error = fault("create")) return *error;
        if (it != names_.end()) return Error(ErrorCode::kIo, name + " exists");
        it = names_.emplace(name, std::make_shared<Node>()).first;
    }
    if (it == names_.end()) return Error(ErrorCode::kNotFound, name + " does not exist");
    return std::unique_ptr<File>(std::make_unique<FaultFile>(*this, it->second));
}

Status FaultFileSystem::remove(const std::filesystem::path& path) {
    MutexLock lock(mutex_);
    if (auto error = fault("remove")) return *error;
    if (names_.erase(path.string()) == 0)
        return Error(ErrorCode::kNotFound, path.string() + " does not exist");
    return {};
}

Status FaultFileSystem::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
    MutexLock lock(mutex_);
    if (auto error = fault("rename")) return *error;
    auto node = names_.extract(from.string());
    if (node.empty()) return Error(ErrorCode::kNotFound, from.string() + " does not exist");
    names_[to.string()] = node.mapped();
    return {};
}

Status FaultFileSystem::createDirectories(const std::filesystem::path& path) {
    MutexLock lock(mutex_);
    directories_.insert(path.string());
    return {};
}

Result<std::vector<std::string>> FaultFileSystem::list(const std::filesystem::path& directory) {
    MutexLock lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [name, node] : names_)
        if (std::filesystem::path(name).parent_path() == directory)
            out.push_back(std::filesystem::path(name).filename().string());
    if (out.empty() && !directories_.contains(directory.string()))
        return Error(ErrorCode::kNotFound, directory.string() + " does not exist");
    return out;
}

Status FaultFileSystem::syncDirectory(const std::filesystem::path& directory) {
    MutexLock lock(mutex_);
    if (auto error = fault("directory sync")) return *error;
    auto inside = [&](const std::string& name) {
        return std::filesystem::path(name).parent_path() == directory;
    };
    std::erase_if(durable_names_, [&](const auto& e) REQUIRES_LOCK(mutex_) {
        return inside(e.first) && !names_.contains(e.first);
    });
    for (const auto& [name, node] : names_)
        if (inside(name)) durable_names_[name] = node;
    return {};
}

}  // namespace clusterwatch::testing
