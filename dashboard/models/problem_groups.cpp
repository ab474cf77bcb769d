#include "dashboard/models/problem_groups.h"

#include <QStringList>
#include <algorithm>
#include <map>
#include <tuple>

namespace clusterwatch::dashboard {
namespace {

constexpr std::size_t kNamed = 3;  // more are counted instead

QString titleOf(const std::vector<Problem>& members) {
    const Problem& first = members.front();
    if (members.size() > kNamed)
        return first.group_title + ": " + QString::number(members.size()) +
               (first.title.startsWith("Host ") ? " nodes" : " instances");
    QStringList names;
    for (const Problem& member : members) names << member.member;
    return first.group_title + ": " + names.join(", ");
}

Problem joined(std::vector<Problem> members) {
    std::sort(members.begin(), members.end(),
              [](const Problem& a, const Problem& b) { return a.member < b.member; });
    // The one that has stood longest speaks for the others; an unknown start is no early one.
    Problem row =
        *std::min_element(members.begin(), members.end(), [](const Problem& a, const Problem& b) {
            return std::tuple(a.since_ms <= 0, a.since_ms) <
                   std::tuple(b.since_ms <= 0, b.since_ms);
        });
    const bool same = std::all_of(members.begin(), members.end(),
                                  [&](const Problem& member) { return member.text == row.text; });
    const bool one_instance =
        std::all_of(members.begin(), members.end(),
                    [&](const Problem& member) { return member.instance == row.instance; });
    row.key = "group\x1f" + row.group;
    if (one_instance) {
        row.title = row.group_title;
    } else {
        if (!same) row.text = row.member + ": " + row.text;
        row.title = titleOf(members);
        row.instance.clear();
    }
    for (const Problem& member : members) row.members.push_back(member.member + ": " + member.text);
    return row;
}

}  // namespace

std::vector<Problem> grouped(std::vector<Problem> problems) {
    std::vector<Problem> rows;
    std::map<QString, std::vector<Problem>> groups;
    for (Problem& problem : problems)
        if (problem.group.isEmpty())
            rows.push_back(std::move(problem));
        else
            groups[problem.group].push_back(std::move(problem));
    for (auto& [group, members] : groups)
        rows.push_back(members.size() == 1 ? std::move(members.front())
                                           : joined(std::move(members)));
    return rows;
}

}  // namespace clusterwatch::dashboard
