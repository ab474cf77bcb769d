"""`./run test`: the rules of the tree, every C++ test, the end-to-end tests; one closing line with the sum.

A C++ test program counts as many tests as it reports; a program that ends without a report counts as one that
failed. A skipped test counts as failed: a test that did not run has shown nothing.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

from tests.platform.processes import ROOT

PYTHON_SUITES = ("tests/tidy", "tests/platform", "tests/e2e")


class Count:
    def __init__(self):
        self.passed = 0
        self.failed = []

    def add(self, passed: int, failed):
        self.passed += passed
        self.failed += failed


def ctest_names(build: Path, pattern: str):
    told = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1", "-R", pattern], capture_output=True,
                          text=True, check=True)
    return [test["name"] for test in json.loads(told.stdout)["tests"]]


def run_cpp(build: Path, wanted: str, count: Count):
    pattern = wanted or "."  # an empty -R matches no test at all
    names = ctest_names(build, pattern)
    if not names:
        # A filter may mean Python's tests alone; without one, no C++ test is a build gone wrong.
        count.add(0, [] if wanted else [f"{build}: CTest knows no test"])
        return
    reports = build / "test-reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir()
    results = reports / "ctest.xml"
    subprocess.run(["ctest", "--test-dir", build, "-R", pattern, "-j", str(os.cpu_count()), "--output-on-failure",
                    "--no-tests=error", "--output-junit", results],
                   env={**os.environ, "GTEST_OUTPUT": f"xml:{reports}/", "QT_QPA_PLATFORM": "offscreen"}, check=False)
    outcome = {case.get("name"): case for case in xml.parse(results).getroot().iter("testcase")}
    for name in names:
        add_program(name, outcome.get(name), reports / f"{name}.xml", count)


def add_program(name: str, outcome, report: Path, count: Count):
    ended_well = outcome is not None and outcome.get("status") == "run"
    if not report.exists():
        count.add(int(ended_well), [] if ended_well else [name])
        return
    failed = []
    cases = list(xml.parse(report).getroot().iter("testcase"))
    for case in cases:
        if case.find("failure") is not None or case.get("result") == "skipped" or case.get("status") == "notrun":
            failed.append(f"{name}: {case.get('classname')}.{case.get('name')}")
    if not ended_well and not failed:
        failed.append(f"{name}: the program failed after its last test")
        count.add(len(cases), failed)
    else:
        count.add(len(cases) - len(failed), failed)


def chosen(suite, pattern: str):
    """The tests of a suite whose full name matches."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, pattern)
        # A module that can't be imported shows up as a _FailedTest, which must never be filtered away.
        elif re.search(pattern, test.id()) or type(test).__name__ == "_FailedTest":
            yield test


class Result(unittest.TextTestResult):
    """Says how long each test took, since the whole has a budget."""

    def startTest(self, test):
        self._begin = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.stream.writeln(f"    {time.monotonic() - self._begin:.1f} s")


def run_python(pattern: str, count: Count):
    for folder in PYTHON_SUITES:
        suite = unittest.TestLoader().discover(str(ROOT / folder), "test_*.py", str(ROOT))
        suite = unittest.TestSuite(chosen(suite, pattern))
        if not suite.countTestCases():
            continue
        print(f"== {folder}", flush=True)
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)
        bad = [str(test) for test, _ in result.failures + result.errors]
        bad += [f"{test}: skipped: {why}" for test, why in result.skipped]
        bad += [f"{test}: passed unexpectedly" for test in result.unexpectedSuccesses]
        count.add(max(0, result.testsRun - len(bad)), bad)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run test")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--filter", default="", metavar="NAME", help="a regular expression on the tests' names")
    parser.add_argument("--only", choices=("cpp", "python"))
    arguments = parser.parse_args()
    os.chdir(ROOT)
    count = Count()
    begin = time.monotonic()
    if arguments.only != "python":
        run_cpp(arguments.build.resolve(), arguments.filter, count)
    if arguments.only != "cpp":
        run_python(arguments.filter, count)
    if count.passed + len(count.failed) == 0:
        print(f"no test's name matches '{arguments.filter}'")
        count.failed.append("nothing ran")
    for name in count.failed:
        print(f"FAILED  {name}")
    print(f"the tests took {time.monotonic() - begin:.0f} s")
    print(f"{count.passed} passed, {len(count.failed)} failed", flush=True)
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
