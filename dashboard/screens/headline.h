// The two lines that say whether to act and whether to believe: the verdict, and the trust bar.
#pragma once

#include <QWidget>

#include "dashboard/models/now_view.h"
#include "dashboard/screens/theme.h"

namespace clusterwatch::dashboard {

class VerdictLine : public QWidget {
  public:
    static constexpr int kHeight = 84;

    explicit VerdictLine(QWidget* parent = nullptr);
    void display(const Verdict& verdict, const Theme& theme);

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    Verdict verdict_;
    const Theme* theme_ = nullptr;
};

class TrustBar : public QWidget {
  public:
    static constexpr int kHeight = 48;

    explicit TrustBar(QWidget* parent = nullptr);
    void display(const std::vector<TrustItem>& items, bool blind, const Theme& theme);

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

  private:
    std::vector<TrustItem> items_;
    bool blind_ = false;
    const Theme* theme_ = nullptr;
};

}  // namespace clusterwatch::dashboard
