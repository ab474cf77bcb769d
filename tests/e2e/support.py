"""What the end-to-end tests share: a directory of their own, cleanup that always happens, and the ledger
that compares what was acknowledged with what is stored."""

import json
import shutil
import tempfile
import unittest
from collections import Counter
from pathlib import Path

from tests.platform.processes import Process, binaries
from tests.platform.programs import Collector


class EndToEnd(unittest.TestCase):
    """Gives each test a directory; it is kept, and named, where the test fails."""

    maxDiff = None

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="clusterwatch-e2e-"))
        self.addCleanup(self._remove_directory)

    def _remove_directory(self):
        result = self._outcome.result
        failed = any(test is self for test, _ in [*result.failures, *result.errors])
        if failed:
            print(f"\n{self.id()}: logs are kept in {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def started(self, program):
        """Starts a program (or anything with start and stop) and stops it when the test ends."""
        self.addCleanup(program.stop)
        return program.start()


def driver(directory: Path, collector_url: str, name="driver", **options) -> Process:
    """The virtual agents of driver.cpp; options as its flags, with _ for -."""
    command = [binaries() / "clusterwatch-driver", "--collector", collector_url, "--log", Path(directory) / f"{name}.ledger"]
    for flag, value in options.items():
        command += ["--" + flag.replace("_", "-"), str(value)]
    return Process(name, command, directory)


def summary(process: Process) -> dict:
    """What the driver printed at its end."""
    return json.loads(process.log_path.read_text().strip().splitlines()[-1])


class Ledger:
    """(agent, t_ms, sequence) of every batch, from the driver's log: what was sent, what was acknowledged."""

    def __init__(self, path: Path, series: int):
        self.series = series
        self.sent, self.acknowledged = set(), set()
        for line in Path(path).read_text().splitlines():
            kind, agent, sequence, t_ms = line.split()
            (self.sent if kind == "S" else self.acknowledged).add((int(agent), int(t_ms), int(sequence)))

    def compare(self, collector: Collector, window="1h"):
        """Counts of (lost, duplicated, alien) samples after asking the collector for everything it has."""
        stored = Counter()
        for agent in {agent for agent, _, _ in self.sent}:
            for series in collector.query(f'load_value{{instance="v{agent}"}}[{window}]'):
                index = int(series["metric"]["series"])
                for t, value in series["values"]:
                    stored[(agent, round(float(t) * 1000), float(value), index)] += 1
        sent = self._samples(self.sent)
        acknowledged = self._samples(self.acknowledged)
        lost = acknowledged - stored.keys()
        alien = stored.keys() - sent
        duplicated = sum(count - 1 for count in stored.values())
        return len(lost), duplicated, len(alien)

    def _samples(self, batches):
        # The value follows from the number and the series: see driver.cpp.
        return {(agent, t_ms, float(sequence * 1000 + index), index)
                for agent, t_ms, sequence in batches for index in range(self.series)}
