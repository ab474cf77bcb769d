#include <QAbstractItemModelTester>
#include <QPersistentModelIndex>
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "dashboard/models/problem_list_model.h"

namespace clusterwatch::dashboard {
namespace {

Problem problem(const QString& key, const QString& text = "text") {
    Problem problem;
    problem.key = key;
    problem.text = text;
    return problem;
}

std::string keys(const ProblemListModel& model) {
    QString all;
    for (int row = 0; row < model.rowCount(); ++row) all += model.at(row).key;
    return all.toStdString();
}

TEST(ProblemList, ASelectionSurvivesUpdatesAndSorting) {
    ProblemListModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.update({problem("a"), problem("b"), problem("c")});
    const QPersistentModelIndex selected = model.index(1);
    model.update({problem("x"), problem("c"), problem("b", "changed"), problem("a")});
    ASSERT_TRUE(selected.isValid());
    EXPECT_EQ(model.at(selected.row()).key, "b");
    EXPECT_EQ(model.at(selected.row()).text, "changed");
    model.update({problem("a")});
    EXPECT_FALSE(selected.isValid());
}

TEST(ProblemList, BecomesWhatItIsToldFromAnyState) {
    ProblemListModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        std::string letters = "abcdefghij";
        std::shuffle(letters.begin(), letters.end(), random);
        letters.resize(random() % 10);
        std::vector<Problem> problems;
        for (const char c : letters) problems.push_back(problem(QString(QChar(c))));
        model.update(problems);
        ASSERT_EQ(keys(model), letters);
    }
}

TEST(ProblemList, IsBounded) {
    ProblemListModel model;
    std::vector<Problem> flood;
    for (int i = 0; i < 2000; ++i) flood.push_back(problem(QString::number(i)));
    model.update(flood);
    EXPECT_EQ(model.rowCount(), int(ProblemListModel::kRows));
}

}  // namespace
}  // namespace clusterwatch::dashboard
