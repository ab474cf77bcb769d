// The window around the screen: keys, theme, full screen, help.
#pragma once

#include <QWidget>

#include "dashboard/screens/now_screen.h"

class QLabel;

namespace clusterwatch::dashboard {

class NowSession;

class MainWindow : public QWidget {
  public:
    // `session` outlives the window.
    MainWindow(NowSession& session, bool dark, QWidget* parent = nullptr);

    void setDark(bool dark);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void addKeys();
    void toggleHelp();
    void placeHelp();

    NowSession& session_;
    NowScreen* screen_;
    QLabel* help_;
    bool dark_ = false;
};

}  // namespace clusterwatch::dashboard
