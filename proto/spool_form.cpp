// A run as it lies in the agent's spool: self-contained, so that a batch can be sent to any
// collector in any session, and read by a newer agent after an upgrade.
#include <fmt/format.h>
#include <google/protobuf/arena.h>
#include <zlib.h>

#include "common/limits.h"
#include "proto/convert.h"
#include "proto/wire.h"

namespace clusterwatch::wire {

std::string encodeSpooled(const ProbeRun& run) {
    // One arena instead of an allocation a label: the agent does this for each run.
    google::protobuf::Arena arena;
    auto* out = google::protobuf::Arena::CreateMessage<pb::SpooledRun>(&arena);
    encodeHeader(run, *out->mutable_header());
    for (const auto& family : run.families) {
        auto* to = out->add_families();
        to->set_name(isValidMetricName(family.name) ? family.name : cleanName(family.name));
        encodeMetadata(family.metadata, *to->mutable_metadata());
        for (const auto& reading : family.readings) {
            auto* series = to->add_series();
            encodeLabels(reading.labels, *series->mutable_labels());
            series->set_value(reading.value);
        }
    }
    return out->SerializeAsString();
}

Result<ProbeRun> decodeSpooled(std::string_view bytes) {
    pb::SpooledRun in;
    if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return Error{ErrorCode::kInvalid, "a spooled run is no valid protobuf message"};
    auto run = decodeHeader(in.header());
    if (!run) return run.error();
    std::size_t samples = 0;
    for (const auto& family : in.families()) {
        if (auto s = checkMetricName(family.name()); !s) return s.error();
        auto metadata = decodeMetadata(family.metadata());
        if (!metadata) return metadata.error();
        samples += static_cast<std::size_t>(family.series_size());
        if (samples > limits::kSeriesPerProbe)
            return Error{ErrorCode::kLimit,
                         fmt::format("a run has more than {} series", limits::kSeriesPerProbe)};
        MetricFamily to{family.name(), std::move(*metadata), {}};
        to.readings.reserve(static_cast<std::size_t>(family.series_size()));
        for (const auto& series : family.series()) {
            auto labels = decodeLabels(series.labels());
            if (!labels) return labels.error().context(family.name());
            to.readings.push_back({std::move(*labels), series.value()});
        }
        run->families.push_back(std::move(to));
    }
    return run;
}

std::uint32_t checksum(std::string_view spooled) {
    return static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const unsigned char*>(spooled.data()), spooled.size()));
}

}  // namespace clusterwatch::wire
