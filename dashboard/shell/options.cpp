#include "dashboard/shell/options.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "common/config_node.h"
#include "common/text.h"

namespace clusterwatch::dashboard {
namespace {

constexpr int kWrong = 2;

int wrong(const std::string& message) {
    std::cerr << "clusterwatch-dashboard: " << message << "\n";
    return kWrong;
}

std::optional<QSize> parseSize(const std::string& text) {
    const auto parts = split(text, 'x');
    if (parts.size() != 2) return std::nullopt;
    const auto width = parseInt(parts[0]), height = parseInt(parts[1]);
    if (!width || !height || *width < 320 || *width > 7680 || *height < 240 || *height > 4320)
        return std::nullopt;
    return QSize(int(*width), int(*height));
}

std::optional<QUrl> parseUrl(const std::string& text) {
    const QUrl url(QString::fromStdString(text), QUrl::StrictMode);
    const bool http = url.scheme() == "http" || url.scheme() == "https";
    if (!url.isValid() || !http || url.host().isEmpty() || url.hasQuery() || url.hasFragment())
        return std::nullopt;
    return url;
}

}  // namespace

ParsedOptions parseOptions(int argc, char** argv) {
    Options options;
    std::string url = "http://127.0.0.1:9420", size = "1366x768", token_file;
    bool check_only = false;
    CLI::App app{
        "The dashboard of clusterwatch: what is wrong now, since when, and whether this screen can "
        "be trusted."};
    app.name("clusterwatch-dashboard");
    app.set_version_flag("--version",
                         std::string("clusterwatch-dashboard ") + CLUSTERWATCH_VERSION);
    app.add_option("--collector", url, "URL of the collector")->capture_default_str();
    app.add_option("--token-file", token_file,
                   "file with the bearer token; only its owner may read it");
    app.add_option("--screen", options.screen, "screen to show: now")
        ->check(CLI::IsMember({"now"}))
        ->capture_default_str();
    app.add_option("--theme", options.theme, "light or dark")
        ->check(CLI::IsMember({"light", "dark"}))
        ->capture_default_str();
    app.add_option("--size", size, "size of the window or picture, WIDTHxHEIGHT")
        ->capture_default_str();
    app.add_flag("--kiosk", options.kiosk, "full screen");
    app.add_option(
        "--screenshot", options.screenshot,
        "write a PNG and exit; needs no display; status 3 if the collector can't be reached");
    app.add_option("--wait", options.wait_s,
                   "with --screenshot: wait at most so many seconds for data")
        ->check(CLI::Range(0.0, 600.0))
        ->capture_default_str();
    app.add_option("--dump-model", options.dump_model,
                   "write what the screen says as JSON, each second and at the end");
    app.add_option("--latency-log", options.latency_log,
                   "append a JSON line for each run that reached the model");
    app.add_flag("--check-config", check_only, "check the options and exit");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return {std::nullopt, app.exit(error) == 0 ? 0 : kWrong};
    }

    const auto parsed_url = parseUrl(url);
    if (!parsed_url)
        return {std::nullopt,
                wrong("--collector: '" + url +
                      "' is no URL of the form http://HOST:PORT or https://HOST:PORT")};
    options.collector = *parsed_url;
    const auto parsed_size = parseSize(size);
    if (!parsed_size)
        return {std::nullopt,
                wrong("--size: '" + size + "' is not WIDTHxHEIGHT between 320x240 and 7680x4320")};
    options.size = *parsed_size;
    if (!token_file.empty()) {
        const auto token = readSecret(token_file);
        if (!token) return {std::nullopt, wrong("--token-file: " + token.error().message())};
        options.token = QByteArray::fromStdString(*token);
    }
    if (check_only) {
        std::cout << "the options are right\n";
        return {std::nullopt, 0};
    }
    return {options, 0};
}

}  // namespace clusterwatch::dashboard
