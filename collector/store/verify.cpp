// `clusterwatch-collector verify`: reads everything, changes nothing.
#include <set>

#include "collector/store/catalogue.h"
#include "collector/store/chunk_row.h"
#include "collector/store/data_directory.h"
#include "collector/store/journal_record.h"
#include "collector/store/partition.h"
#include "common/journal.h"

namespace clusterwatch::store {

namespace {

constexpr query::TimeRange kAlways{INT64_MIN, INT64_MAX};

Status verifyJournal(FileSystem& fs, const std::filesystem::path& directory, VerifyReport& report) {
    auto damage = Journal::inspect(fs, directory, [&](const JournalRecord& record) {
        ++report.journal_records;
        if (record.type == kCommitRecord && !decodeRecord(record.payload))
            report.problems.push_back("the journal's record at " + std::to_string(record.position) +
                                      " is of an unknown version");
        return true;
    });
    if (!damage) {
        if (damage.error().code() == ErrorCode::kNotFound) return {};
        return damage.error().context("reading the journal");
    }
    report.damaged_records = damage->damaged_records;
    if (damage->damaged_records > 0)
        report.problems.push_back(std::to_string(damage->damaged_records) +
                                  " damaged records in the journal, " +
                                  std::to_string(damage->damaged_bytes) + " bytes");
    return {};
}

// A row's damage, or empty. Counts its samples.
std::string verifyRow(const Partition& partition, std::int64_t id, VerifyReport& report) {
    auto blob = partition.blob(id);
    if (!blob) return blob.error().message();
    auto row = ChunkRow::parse(std::move(*blob));
    if (!row) return row.error().message();
    std::vector<Sample> samples;
    for (const SeriesId series : row->series()) {
        samples.clear();
        if (auto s = row->read(series, kAlways, samples); !s) return s.error().message();
        report.samples += samples.size();
    }
    return {};
}

void verifyPartition(const std::filesystem::path& file, std::int64_t start, VerifyReport& report) {
    const std::string name = file.string();
    auto partition = Partition::open(file, start, Database::Mode::kRead);
    if (!partition) {
        report.problems.push_back(partition.error().message());
        return;
    }
    auto rows = (*partition)->allRows();
    if (!rows) {
        report.problems.push_back(name + ": " + rows.error().message());
        return;
    }
    for (const auto& key : *rows) {
        ++report.chunk_rows;
        const std::string damage = verifyRow(**partition, key.id, report);
        if (damage.empty()) continue;
        ++report.damaged_chunk_rows;
        report.problems.push_back(name + ", row " + std::to_string(key.id) + ": " + damage);
    }
    auto problems = (*partition)->integrityProblems();
    if (!problems) {
        report.problems.push_back(name + ": " + problems.error().message());
        return;
    }
    for (const auto& problem : *problems) report.problems.push_back(name + ": " + problem);
}

}  // namespace

Result<VerifyReport> verifyDataDirectory(const std::filesystem::path& data_dir, FileSystem& fs) {
    if (auto s = DataDirectory::check(data_dir); !s) return s.error();
    VerifyReport report;
    if (auto s = verifyJournal(fs, data_dir / "journal", report); !s) return s.error();
    auto catalogue = Catalogue::open(data_dir / "catalogue.db", Database::Mode::kRead);
    if (!catalogue) {
        report.problems.push_back(catalogue.error().message());
    } else if (auto loaded = catalogue->load(); !loaded) {
        report.problems.push_back("catalogue.db: " + loaded.error().message());
    }
    auto names = posixFileSystem().list(data_dir / "chunks");
    if (!names) return report;
    for (const auto& name : *names)
        if (const auto start = Partition::parseFileName(name))
            verifyPartition(data_dir / "chunks" / name, *start, report);
    return report;
}

}  // namespace clusterwatch::store
