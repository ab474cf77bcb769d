// clusterwatch-dashboard: builds the session and the window, or renders the screen without a display.
#include <QApplication>
#include <QElapsedTimer>
#include <QSaveFile>
#include <QSocketNotifier>
#include <QTimer>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <fcntl.h>
#include <unistd.h>

#include "dashboard/models/now_json.h"
#include "dashboard/shell/main_window.h"
#include "dashboard/shell/now_session.h"
#include "dashboard/shell/options.h"

namespace clusterwatch::dashboard {
namespace {

constexpr int kWrongUse = 2;
constexpr int kUnreachable = 3;
constexpr int kCannotWrite = 1;

int stop_pipe[2] = {-1, -1};

// The only thing a signal handler may do here is write(2).
void onSignal(int) {
    const char byte = 1;
    if (write(stop_pipe[1], &byte, 1) < 0) return;
}

void quitOnSignals(QApplication& app) {
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return;
    auto* notifier = new QSocketNotifier(stop_pipe[0], QSocketNotifier::Read, &app);
    QObject::connect(notifier, &QSocketNotifier::activated, &app, &QCoreApplication::quit);
    std::signal(SIGINT, onSignal);
    std::signal(SIGTERM, onSignal);
}

// Qt's own warnings under our name; two that off-screen drawing always causes say nothing to a user.
void logQt(QtMsgType type, const QMessageLogContext&, const QString& message) {
    if (type == QtDebugMsg || type == QtInfoMsg) return;
    if (message.contains("propagateSizeHints") || message.contains("XDG_RUNTIME_DIR")) return;
    std::cerr << "clusterwatch-dashboard: " << message.toStdString() << "\n";
}

bool hasDisplay() {
    for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
        if (const char* value = std::getenv(name); value && *value) return true;
    return false;
}

void dump(const NowSession& session, const std::string& path) {
    QSaveFile file(QString::fromStdString(path));
    const QByteArray json = toJson(session.view());
    if (!file.open(QIODevice::WriteOnly) || file.write(json) != json.size() || !file.commit())
        std::cerr << "clusterwatch-dashboard: cannot write " << path << ": "
                  << file.errorString().toStdString() << "\n";
}

// Waits for the picture to be complete, or for proof that it won't be; then one turn of the event
// loop for the last repaint.
int takeScreenshot(QApplication& app, NowSession& session, MainWindow& window,
                   const Options& options) {
    QTimer poll;
    QElapsedTimer waited;
    waited.start();
    QObject::connect(&poll, &QTimer::timeout, &app, [&] {
        const bool late = double(waited.elapsed()) / 1000 >= options.wait_s;
        if (session.complete() || late) {
            poll.stop();
            QTimer::singleShot(400, &app, &QCoreApplication::quit);
        }
    });
    poll.start(50);
    QApplication::exec();
    if (!options.dump_model.empty()) dump(session, options.dump_model);
    if (!window.grab().save(QString::fromStdString(options.screenshot), "PNG")) {
        std::cerr << "clusterwatch-dashboard: cannot write " << options.screenshot << "\n";
        return kCannotWrite;
    }
    std::cout << "wrote " << options.screenshot << "\n";
    if (!session.view().blind()) return 0;
    std::cerr << "clusterwatch-dashboard: cannot reach the collector at "
              << options.collector.toString(QUrl::RemoveUserInfo).toStdString() << ": "
              << session.view().link.reason.toStdString() << "\n";
    return kUnreachable;
}

int run(int argc, char** argv) {
    const ParsedOptions parsed = parseOptions(argc, argv);
    if (!parsed.options) return parsed.exit_status;
    const Options& options = *parsed.options;
    if (!options.screenshot.empty()) {
        setenv("QT_QPA_PLATFORM", "offscreen", 1);
    } else if (!hasDisplay()) {
        std::cerr
            << "clusterwatch-dashboard: there is no display (neither DISPLAY nor WAYLAND_DISPLAY "
               "is set). "
               "Use --screenshot FILE for a picture, or QT_QPA_PLATFORM=offscreen to run unseen.\n";
        return kWrongUse;
    }

    qInstallMessageHandler(logQt);
    QApplication::setHighDpiScaleFactorRoundingPolicy(
        Qt::HighDpiScaleFactorRoundingPolicy::PassThrough);
    QApplication app(argc, argv);
    QApplication::setApplicationName("clusterwatch-dashboard");
    QApplication::setDesktopFileName("clusterwatch-dashboard");
    QApplication::setApplicationVersion(CLUSTERWATCH_VERSION);
    QApplication::setStyle("Fusion");
    quitOnSignals(app);

    static const SystemClock clock;
    NowSession session({options.collector, options.token}, clock);
    if (!options.latency_log.empty())
        if (const Status status = session.logLatencyTo(options.latency_log); !status) {
            std::cerr << "clusterwatch-dashboard: " << status.error().message() << "\n";
            return kWrongUse;
        }
    MainWindow window(session, options.theme == "dark");
    window.resize(options.size);
    if (!options.screenshot.empty()) window.setAttribute(Qt::WA_DontShowOnScreen);
    options.kiosk ? window.showFullScreen() : window.show();

    QTimer dumping;
    QObject::connect(&dumping, &QTimer::timeout, &app, [&] { dump(session, options.dump_model); });
    if (!options.dump_model.empty()) dumping.start(1000);
    session.start();
    if (!options.screenshot.empty()) return takeScreenshot(app, session, window, options);
    const int status = QApplication::exec();
    if (!options.dump_model.empty()) dump(session, options.dump_model);
    return status;
}

}  // namespace
}  // namespace clusterwatch::dashboard

int main(int argc, char** argv) { return clusterwatch::dashboard::run(argc, argv); }
