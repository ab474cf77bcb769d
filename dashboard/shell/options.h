// The command line of clusterwatch-dashboard.
#pragma once

#include <QByteArray>
#include <QSize>
#include <QUrl>
#include <optional>
#include <string>

namespace clusterwatch::dashboard {

struct Options {
    QUrl collector;
    QByteArray token;
    std::string screen = "now";
    std::string theme = "light";
    QSize size{1366, 768};
    std::string screenshot;  // empty: a window
    double wait_s = 10;
    bool kiosk = false;
    std::string dump_model, latency_log;
};

// The options, or the status with which to exit after what has been printed (0: help, version,
// --check-config; 2: a wrong option).
struct ParsedOptions {
    std::optional<Options> options;
    int exit_status = 0;
};
ParsedOptions parseOptions(int argc, char** argv);

}  // namespace clusterwatch::dashboard
