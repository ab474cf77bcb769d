#include "dashboard/shell/main_window.h"

#include <QApplication>
#include <QLabel>
#include <QShortcut>
#include <QStringList>
#include <QVBoxLayout>
#include <functional>
#include <utility>

#include "dashboard/shell/now_session.h"

namespace clusterwatch::dashboard {
namespace {

constexpr std::pair<const char*, const char*> kHelp[] = {
    {"Keys", ""},
    {"1", "Now"},
    {"j k", "next, previous problem"},
    {"Tab", "next part of the screen"},
    {"t", "light or dark"},
    {"F11", "full screen"},
    {"?", "this help; Esc closes it"},
    {"Ctrl+Q", "quit"},
    {"", ""},
    {"Marks", ""},
    {"ring", "good, and proven by fresh data"},
    {"triangle W", "warning; outlined: an alert is pending"},
    {"square C", "critical; outlined: an alert is pending"},
    {"diamond ?", "not known, or not current: hatched"},
    {"dash", "not monitored"},
    {"crossed eye", "no link to the collector"},
};

// Two columns in a font of equal widths: plain text cannot be mistaken for markup.
QString helpText() {
    QStringList lines;
    for (const auto& [what, meaning] : kHelp)
        lines << (*meaning ? QString("  ") + QString(what).leftJustified(14) + meaning
                           : QString(what));
    return lines.join('\n');
}

}  // namespace

MainWindow::MainWindow(NowSession& session, bool dark, QWidget* parent)
    : QWidget(parent), session_(session), screen_(new NowScreen(this)), help_(new QLabel(this)) {
    setWindowTitle("clusterwatch");
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(screen_);

    help_->setTextFormat(Qt::PlainText);
    help_->setText(helpText());
    help_->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    help_->setMargin(24);
    help_->setAutoFillBackground(true);
    help_->setFrameShape(QFrame::Box);
    help_->setAccessibleName("Help");
    help_->hide();

    connect(&session_, &NowSession::viewChanged, this, [this] {
        const NowView& view = session_.view();
        screen_->display(view);
        setWindowTitle(view.cluster.isEmpty() ? QString("clusterwatch")
                                              : view.cluster + " - clusterwatch");
    });
    connect(&session_, &NowSession::lagChanged, this, [this] { screen_->showLag(session_.lag()); });
    connect(&session_, &NowSession::requestsChanged, this,
            [this] { screen_->showRequests(session_.requests()); });
    screen_->showLag(session_.lag());
    screen_->showRequests(session_.requests());
    addKeys();
    setDark(dark);
}

void MainWindow::setDark(bool dark) {
    dark_ = dark;
    const Theme& theme = dark ? Theme::darkTheme() : Theme::light();
    QApplication::setPalette(theme.palette());
    QFont mono = uiFont(kBody);
    mono.setFamilies({"DejaVu Sans Mono", "Noto Sans Mono", "monospace"});
    help_->setFont(mono);
    screen_->setTheme(theme);
}

void MainWindow::addKeys() {
    const auto on = [this](const QKeySequence& keys, std::function<void()> action) {
        auto* shortcut = new QShortcut(keys, this);
        connect(shortcut, &QShortcut::activated, this, std::move(action));
    };
    on(Qt::Key_1, [this] { screen_->setFocus(); });
    on(Qt::Key_J, [this] { screen_->selectNeighbour(+1); });
    on(Qt::Key_K, [this] { screen_->selectNeighbour(-1); });
    on(Qt::Key_T, [this] { setDark(!dark_); });
    on(Qt::Key_F11, [this] { isFullScreen() ? showNormal() : showFullScreen(); });
    on(Qt::Key_Question, [this] { toggleHelp(); });
    on(Qt::Key_Escape, [this] { help_->hide(); });
    on(QKeySequence("Ctrl+Q"), [] { QApplication::quit(); });
}

void MainWindow::toggleHelp() {
    help_->setVisible(!help_->isVisible());
    placeHelp();
    help_->raise();
}

void MainWindow::placeHelp() {
    help_->adjustSize();
    help_->move((width() - help_->width()) / 2, (height() - help_->height()) / 2);
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    placeHelp();
}

}  // namespace clusterwatch::dashboard
