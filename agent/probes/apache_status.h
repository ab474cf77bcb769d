// The page of Apache's mod_status in its machine form (?auto): bytes in, families out.
//
// A pure function that takes any bytes. Names, labels and values are those of apache_exporter 0.12
// (Debian 12). Format: a line "Key: value" each, before them the bare name of the host; numbers may
// start with a dot; which keys there are depends on ExtendedStatus and on the MPM, and what is not
// there is left out. Source: httpd, modules/generators/mod_status.c.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/probe_run.h"
#include "common/result.h"

namespace clusterwatch::agent {

// What the checks and facts need.
struct ApacheFigures {
    std::string version;  // "Apache/2.4.71 (Debian)"
    std::string mpm;
    std::optional<double> busy;
    std::optional<double> idle;
    std::optional<double> slots;     // length of the scoreboard
    std::optional<double> graceful;  // 'G': old generations still finishing
    bool extended = false;           // ExtendedStatus On
};

// An error (kInvalid) if the text is no status page, saying what it seems to be.
Result<ApacheFigures> parseApacheStatus(std::string_view text, ProbeRun& run);

}  // namespace clusterwatch::agent
