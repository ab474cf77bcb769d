#include "dashboard/screens/theme.h"

namespace clusterwatch::dashboard {

const Theme& Theme::light() {
    static const Theme theme{
        .dark = false,
        .window = "#D9D9D7",
        .panel = "#E7E7E5",
        .border = "#B4B5B3",
        .text = "#15181A",
        .dim = "#484D51",
        .neutral = "#6B7074",
        .warning = "#E8A200",
        .warning_edge = "#4A3A00",
        .warning_text = "#231B00",
        .critical = "#A50F15",
        .critical_text = "#FFFFFF",
        .hatch = "#5A5F63",
        .accent = "#1A66C2",
        .selection = "#CDD3DA",
        .grid = "#CDCECC",
        .lines = {"#46566A", "#77828E", "#2A3138", "#5E7386", "#8A8F94", "#3E4A55", "#69757F"}};
    return theme;
}

const Theme& Theme::darkTheme() {
    static const Theme theme{
        .dark = true,
        .window = "#1E2124",
        .panel = "#272B2F",
        .border = "#434A50",
        .text = "#E9EBED",
        .dim = "#A9AFB5",
        .neutral = "#8B9096",
        .warning = "#FFD23F",
        .warning_edge = "#FFD23F",
        .warning_text = "#231B00",
        .critical = "#FF5A4F",
        .critical_text = "#1B0504",
        .hatch = "#9AA0A6",
        .accent = "#4FA3FF",
        .selection = "#363D45",
        .grid = "#353A3F",
        .lines = {"#A9BACB", "#7F8C99", "#DDE3E8", "#8FA3B5", "#6F777F", "#C3CBD2", "#98A2AB"}};
    return theme;
}

QPalette Theme::palette() const {
    QPalette palette;
    palette.setColor(QPalette::Window, window);
    palette.setColor(QPalette::Base, panel);
    palette.setColor(QPalette::AlternateBase, panel);
    palette.setColor(QPalette::Button, panel);
    palette.setColor(QPalette::WindowText, text);
    palette.setColor(QPalette::Text, text);
    palette.setColor(QPalette::ButtonText, text);
    palette.setColor(QPalette::ToolTipBase, panel);
    palette.setColor(QPalette::ToolTipText, text);
    palette.setColor(QPalette::Highlight, selection);
    palette.setColor(QPalette::HighlightedText, text);
    palette.setColor(QPalette::Mid, border);
    return palette;
}

QFont uiFont(int pixels, bool bold) {
    QFont font;
    font.setFamilies({"Inter", "Noto Sans", "DejaVu Sans"});
    font.setPixelSize(pixels);
    font.setBold(bold);
    return font;
}

}  // namespace clusterwatch::dashboard
