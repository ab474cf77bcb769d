"""The rules of the tree that no compiler checks: which folder may include which, where SQL, SQLite, Qt
Charts and the generated protobuf classes may appear, and what may not be in a tracked file."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A folder's own files and these. The nearest folder named here counts. The three programs never include each
# other; in the collector only main.cpp and what lies beside it sees everything.
MAY_INCLUDE = {
    "common": [],
    "proto": ["common"],
    "agent/probes": ["agent/probe.h", "common"],
    "agent": ["common", "proto"],
    "collector/store": ["collector/query/series_source.h", "collector/query/matcher.h", "common"],
    "collector/query": ["common"],
    "collector/derive": ["common"],
    "collector/ingest": ["collector/derive", "collector/store", "common", "proto"],
    "collector/rules": ["collector/query", "common"],
    "collector/alerts": ["collector/query/prometheus_json.h", "collector/rules", "common"],
    "collector/api": ["collector/alerts", "collector/derive", "collector/ingest", "collector/query", "collector/rules",
                      "collector/store", "common", "proto"],
    "collector": ["common", "proto"],
    "dashboard/models": ["common"],
    "dashboard/charts": ["dashboard/models", "common"],
    "dashboard/client": ["dashboard/models", "common"],
    "dashboard/screens": ["dashboard/charts", "dashboard/client", "dashboard/models", "common"],
    "dashboard/shell": ["dashboard/charts", "dashboard/client", "dashboard/models", "dashboard/screens", "common"],
    "dashboard": ["common"],
}

# Headers of a library that only these folders may know.
ONLY_IN = {
    r"sqlite3\.h": ["collector/store", "collector/alerts", "collector/rules"],
    r"QtCharts|QChart|QLineSeries|QDateTimeAxis": ["dashboard/charts"],
    r"report\.pb\.h|google/protobuf": ["proto"],
    r"microhttpd\.h": ["collector/api"],
    r"yaml-cpp": ["common"],
    r"QtNetwork|QNetwork|QTcpSocket": ["dashboard/client"],
    r"mysql\.h|libmemcached": ["agent/probes"],
}

# What SQL looks like in our own store, as against the statements that probes send to a server.
SQL = re.compile(r'"\s*(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|CREATE\s+(TABLE|INDEX)|DELETE\s+FROM|UPDATE\s+\w+\s+SET)\s', re.I)
SQL_FOLDERS = ("collector/store", "collector/alerts", "collector/rules", "agent/probes")

# In pieces, so that this file does not refuse itself.
FORBIDDEN_TEXT = [re.compile(pattern) for pattern in (
    "/" + r"work/(main|shared)", "/" + r"root/", "/" + r"home/\w+", "/tmp/" + r"brief", "registry" + r"\.npmjs", "pypi" + r"\.org",
    "files\\.python" + r"hosted", "deb\\." + r"debian\.org", "repo1?\\.maven", "proxy\\." + r"golang\.org", "crates" + r"\.io/",
)]


def tracked():
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [Path(name) for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def sources():
    return [path for path in tracked() if path.suffix in (".h", ".cpp") and path.parts[0] in
            ("common", "proto", "agent", "collector", "dashboard")]


def folder_of(path: Path) -> str:
    """The longest folder of MAY_INCLUDE that holds the file."""
    return max((name for name in MAY_INCLUDE if path.is_relative_to(name)), key=len)


def include_is_allowed(path: Path, included: str) -> bool:
    own = folder_of(path)
    target = Path(included)
    if target.is_relative_to(own):
        return True
    # A program's main and what lies beside it builds the concrete things of its own folders.
    if str(path.parent) == own and own in ("agent", "collector", "dashboard") and target.parts[0] == own:
        return True
    return any(target.is_relative_to(allowed) for allowed in MAY_INCLUDE[own])


class Tree(unittest.TestCase):
    def refuse(self, findings, rule):
        self.assertEqual(findings, [], f"{rule}:\n  " + "\n  ".join(findings))

    def test_includes_run_one_way(self):
        findings = []
        for path in sources():
            for included in re.findall(r'^#include "([^"]+/[^"]+)"', (ROOT / path).read_text(), re.M):
                if included.split("/")[0] in ("common", "proto", "agent", "collector", "dashboard", "tests") \
                        and not include_is_allowed(path, included):
                    findings.append(f"{path} includes {included}")
        self.refuse(findings, "forbidden includes (the table is in this test)")

    def test_the_rule_itself_refuses(self):
        self.assertFalse(include_is_allowed(Path("agent/runner.cpp"), "collector/store/store.h"))
        self.assertFalse(include_is_allowed(Path("dashboard/models/x.cpp"), "dashboard/client/http.h"))
        self.assertFalse(include_is_allowed(Path("collector/query/engine.cpp"), "collector/store/store.h"))
        self.assertFalse(include_is_allowed(Path("common/text.cpp"), "proto/wire.h"))
        self.assertTrue(include_is_allowed(Path("collector/main.cpp"), "collector/store/store.h"))

    def test_libraries_stay_where_they_belong(self):
        findings = []
        for path in sources():
            for line in re.findall(r"^#include <[^>]+>", (ROOT / path).read_text(), re.M):
                for header, folders in ONLY_IN.items():
                    if re.search(header, line) and not any(path.is_relative_to(folder) for folder in folders):
                        findings.append(f"{path}: {line} belongs to {', '.join(folders)}")
        self.refuse(findings, "a library's header outside its folder")

    def test_sql_only_in_the_store(self):
        findings = [f"{path}: {match.group(0).strip()}" for path in sources() if not str(path).startswith(SQL_FOLDERS)
                    for match in SQL.finditer((ROOT / path).read_text())]
        self.refuse(findings, "SQL outside the store")

    def test_nothing_of_one_machine(self):
        findings = []
        for path in tracked():
            text = (ROOT / path).read_bytes()
            if b"\0" in text:
                continue
            for number, line in enumerate(text.decode(errors="replace").splitlines(), 1):
                findings += [f"{path}:{number}: {line.strip()[:100]}" for pattern in FORBIDDEN_TEXT
                             if pattern.search(line)]
        self.refuse(findings, "paths of a machine or hosts of a registry")

    def test_sources_begin_with_what_they_are(self):
        """A header says what it is before anything else; a .cpp may leave it to its header."""
        findings = [str(path) for path in sources() if path.suffix == ".h"
                    and not (ROOT / path).read_text().startswith("//")]
        self.refuse(findings, "headers without a first comment")

    def test_every_source_is_built(self):
        """Sources are listed by hand, so one can be forgotten."""
        findings = []
        for path in sources():
            if path.suffix == ".cpp":
                lists = [ROOT / folder / "CMakeLists.txt" for folder in path.parents if (ROOT / folder / "CMakeLists.txt").exists()]
                if not any(re.search(rf"\b{re.escape(path.name)}\b", file.read_text()) for file in lists):
                    findings.append(str(path))
        self.refuse(findings, "sources in no CMakeLists.txt")


if __name__ == "__main__":
    unittest.main()
