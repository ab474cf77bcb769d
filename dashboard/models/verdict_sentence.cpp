#include "dashboard/models/verdict_sentence.h"

#include <QRegularExpression>
#include <QStringList>
#include <algorithm>
#include <cmath>

#include "dashboard/models/format.h"

namespace clusterwatch::dashboard {
namespace {

QString withoutStop(QString text) {
    while (!text.isEmpty() && QString(" .,;:").contains(text.back())) text.chop(1);
    return text;
}

// As a word: "db1" is not named by "db12", nor by "old-db1".
bool names(const QString& text, const QString& instance) {
    if (instance.isEmpty()) return false;
    const QRegularExpression word("(?<![\\w-])" + QRegularExpression::escape(instance) +
                                  "(?![\\w-])");
    return word.match(text).hasMatch();
}

QString headOf(const Problem& problem, const QString& fault) {
    if (names(fault, problem.instance)) return {};
    if (problem.members.empty() || !problem.instance.isEmpty()) return problem.title + ": ";
    // "Host load: 7 nodes" reads "Host load on 7 nodes, such as web1: ..." or, where all say the
    // same, "... on 7 nodes: ...".
    const QString where = problem.title.mid(problem.group_title.size() + 2);
    const bool one_speaks = std::find(problem.members.begin(), problem.members.end(),
                                      problem.text) != problem.members.end();
    return problem.group_title + " on " + where + (one_speaks ? ", such as " : ": ");
}

// The ends of a sentence, from the most telling to the shortest.
QStringList tailsOf(const Problem& problem, const Effect& effect, std::int64_t now_ms) {
    if (problem.since_ms <= 0) return {". " + effect.full, ". " + effect.brief};
    const double seconds = std::max(0.0, double(now_ms - problem.since_ms) / 1000);
    const QString age = formatAge(std::floor(seconds)).replace(".0", "");
    const QString since = " since " + formatClock(problem.since_ms, now_ms) + " (" + age + "). ";
    const QString lasted = " for " + age + ". ";
    return {since + effect.full, lasted + effect.full, lasted + effect.brief};
}

// The fault whole, then without its last clause, and so on; each is a statement of its own.
QStringList clausesOf(const QString& fault) {
    static const QRegularExpression boundary("[;.,] | \\(|: ");
    QStringList shorter;
    for (auto it = boundary.globalMatch(fault); it.hasNext();)
        shorter.prepend(withoutStop(fault.left(it.next().capturedStart())));
    shorter.prepend(fault);
    return shorter;
}

}  // namespace

QString sentenceOf(const Problem& problem, const Effect& effect, std::int64_t now_ms) {
    const QString fault = withoutStop(problem.text.simplified());
    const QString head = headOf(problem, fault);
    const QStringList tails = tailsOf(problem, effect, now_ms);
    // A clause that says less than half of what there is room for is no better than cut words.
    const auto room = kVerdictLength - head.size() - tails.back().size();
    for (const QString& clause : clausesOf(fault)) {
        if (clause.size() != fault.size() && clause.size() < room / 2) break;
        for (const QString& tail : tails)
            if (head.size() + clause.size() + tail.size() <= kVerdictLength)
                return head + clause + tail;
    }
    const QString cut = head + shortened(fault, std::max(12, int(room))) + tails.back();
    return shortened(cut, kVerdictLength);
}

}  // namespace clusterwatch::dashboard
