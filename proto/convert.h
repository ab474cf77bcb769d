// What spool and wire have in common: a run's header, labels and metadata, to and from protobuf.
//
// The encoding side mends what a service's text may carry (bytes that are no UTF-8, overlong text),
// so that a run is never stuck in the spool because a collector must refuse it. The decoding side
// mends nothing: it refuses. Free functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/repeated_field.h>

#include "clusterwatch/v1/report.pb.h"
#include "common/probe_run.h"
#include "common/result.h"

namespace clusterwatch::wire {

namespace pb = clusterwatch::v1;

// `text` as UTF-8 of at most `max_bytes`: wrong bytes become '?', a cut is marked by "...".
std::string cleanText(std::string_view text, std::size_t max_bytes);
// A label or metric name that Prometheus's data model allows: wrong characters become '_'.
std::string cleanName(std::string_view name);

void encodeHeader(const ProbeRun& run, pb::RunHeader& out);
void encodeMetadata(const MetricMetadata& metadata, pb::Metadata& out);
void encodeLabels(const Labels& labels, google::protobuf::RepeatedPtrField<pb::Label>& out);

Result<ProbeRun> decodeHeader(const pb::RunHeader& header);
Result<MetricMetadata> decodeMetadata(const pb::Metadata& metadata);
Result<Labels> decodeLabels(const google::protobuf::RepeatedPtrField<pb::Label>& labels);

// kInvalid if it is no UTF-8, kLimit if it is longer than `max_bytes`; `what` names it.
Status checkText(std::string_view what, std::string_view text, std::size_t max_bytes);
Status checkMetricName(std::string_view name);

}  // namespace clusterwatch::wire
