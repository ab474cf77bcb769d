"""Bad input: a clear answer, a counter, and no harm."""

import os
import shutil
import signal
import struct
import subprocess
import unittest
import zlib
from pathlib import Path

from tests.e2e.support import EndToEnd, Ledger, driver, summary
from tests.platform.processes import binaries
from tests.platform.programs import Collector, fetch


def run_program(name: str, *arguments, timeout=20):
    return subprocess.run([binaries() / name, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL)


class Configuration(EndToEnd):
    """Exit status 2, file and line, what is wrong; nothing started."""

    def refused(self, program: str, text: str, line: int, *words):
        path = self.directory / "wrong.yaml"
        path.write_text(text)
        for arguments in (["--config", path, "--check-config"], ["--config", path]):
            done = run_program(program, *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(f"wrong.yaml:{line}", done.stderr)
            for word in words:
                self.assertIn(word, done.stderr)

    def test_collector(self):
        data = f"data_dir: {self.directory}/data\n"
        self.refused("clusterwatch-collector", data + "cluster: x\nretension: 3d\n", 3, "retension")
        self.refused("clusterwatch-collector", data + "storage: {retention: ninety}\n", 2, "ninety")
        self.refused("clusterwatch-collector", data + "listen: [127.0.0.1:99999]\n", 2, "99999")
        self.assertFalse((self.directory / "data").exists(), "a refused configuration made a data directory")

    def test_agent(self):
        spool = f"spool: {{dir: {self.directory}/spool}}\n"
        self.refused("clusterwatch-agent", spool + "probes:\n  - {kind: apachy}\n", 3, "apachy")
        self.refused("clusterwatch-agent", spool + "probes:\n  - {kind: host, intervall: 5s}\n", 3, "intervall")
        self.refused("clusterwatch-agent", spool + "interval: fast\n", 2, "fast")
        self.assertFalse((self.directory / "spool").exists(), "a refused configuration made a spool")

    def test_a_password_file_that_others_can_read_is_not_used_and_not_shown(self):
        secret = self.directory / "mysql.secret"
        secret.write_text("hunter2-canary\n")
        secret.chmod(0o644)
        path = self.directory / "agent.yaml"
        path.write_text(f"spool: {{dir: {self.directory}/spool}}\nprobes:\n"
                        f"  - {{kind: mysql, address: '127.0.0.1:3306', user: x, password_file: {secret}}}\n")
        done = run_program("clusterwatch-agent", "--config", path, "check")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"{secret}: others may read it", done.stdout + done.stderr)
        self.assertNotIn("hunter2-canary", done.stdout + done.stderr)

    def test_a_wrong_rule_file(self):
        rules = self.directory / "wrong-rules.yml"
        rules.write_text("groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: 'up ==='\n")
        path = self.directory / "collector.yaml"
        path.write_text(f"data_dir: {self.directory}/data\nrule_files: ['{rules}']\n")
        done = run_program("clusterwatch-collector", "--config", path, "--check-config")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("wrong-rules.yml", done.stderr)

    def test_a_right_one_is_accepted_and_starts_nothing(self):
        collector = Collector(self.directory / "collector")
        done = run_program("clusterwatch-collector", "--config", collector.config, "--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(collector.data.exists())


class Requests(EndToEnd):
    """4xx with a reason, counted, memory bounded, and the collector goes on."""

    HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "zstd"}

    def setUp(self):
        super().setUp()
        self.collector = self.started(Collector(self.directory / "collector"))

    def post(self, body, **headers):
        # Where the collector answers before it has read an oversized body, the connection may break first.
        try:
            return fetch(self.collector.url + "/api/v1/report", data=body, headers={**self.HEADERS, **headers})
        except OSError as error:
            return 413, str(error).encode()

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.collector.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    @staticmethod
    def zstd_frame_declaring(size: int) -> bytes:
        """A zstd frame (RFC 8878, 3.1.1) that declares `size` bytes and holds one block of zeros of 128 KiB."""
        header = struct.pack("<I", 0xFD2FB528) + bytes([0xE0]) + struct.pack("<Q", size)
        block = struct.pack("<I", (128 * 1024) << 3 | 1 << 1 | 1)[:3] + b"\0"  # RLE, last
        return header + block

    def test_garbage(self):
        for body in (b"", b"garbage", b"\x28\xb5\x2f\xfd", os.urandom(1000)):
            status, answer = self.post(body)
            self.assertIn(status, (400, 413, 415), (body[:10], answer))
            self.assertTrue(answer, "a refusal without a reason")
        self.assertEqual(fetch(self.collector.url + "/-/ready")[0], 200)

    def test_a_declared_length_beyond_the_limit_allocates_nothing(self):
        before = self.resident_kib()
        for _ in range(50):
            status, answer = self.post(self.zstd_frame_declaring(2_700_000_000))
            self.assertIn(status, (400, 413), answer)
        self.assertLess(self.resident_kib() - before, 64 * 1024)
        self.assertGreater(self.collector_counter(), 0, "the refusals are not counted")

    def collector_counter(self) -> float:
        text = fetch(self.collector.url + "/metrics")[1].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith(("clusterwatch_limit_hits_total", "clusterwatch_http_refused_total",
                                       "clusterwatch_report_refused_total", "clusterwatch_http_requests_total"))
                   and 'code="2' not in line)

    def test_an_oversized_body(self):
        status, answer = self.post(b"x" * (17 << 20))
        self.assertEqual(status, 413, answer)
        self.assertEqual(fetch(self.collector.url + "/-/ready")[0], 200)

    def test_other_encodings_and_types(self):
        self.assertIn(self.post(b"{}", **{"Content-Type": "application/json"})[0], (400, 415))
        self.assertIn(self.post(zlib.compress(b"x"), **{"Content-Encoding": "br"})[0], (400, 415))

    def test_bad_queries(self):
        for query in ("", "up{", "sum(", "{}", "up[5m", "nonsense(up)", "(" * 5000, "x" * 70_000):
            status, answer = fetch(self.collector.url + "/api/v1/query", data=b"query=" + query.encode(),
                                   headers={"Content-Type": "application/x-www-form-urlencoded"})
            self.assertIn(status, (400, 413, 422), (query[:20], answer))
        status, answer = fetch(self.collector.url + "/api/v1/query?query=up%7B")
        self.assertEqual(status, 400)
        self.assertIn(b'"errorType":"bad_data"', answer.replace(b" ", b""))

    def test_unknown_paths_and_methods(self):
        self.assertEqual(fetch(self.collector.url + "/no/such/path")[0], 404)
        self.assertEqual(fetch(self.collector.url + "/api/v1/report")[0], 405)
        self.assertIn(fetch(self.collector.url + "/../../etc/passwd")[0], (400, 404))


class DataDirectory(EndToEnd):
    """A clear error, a status that is not 0, and no change to what is there."""

    def refused(self, collector: Collector, *words):
        before = self.content(collector.data)
        done = run_program("clusterwatch-collector", "--config", collector.config)
        self.assertNotEqual(done.returncode, 0)
        self.assertGreater(done.returncode, 0, "it crashed")
        self.assertIn(str(collector.data), done.stderr + done.stdout)
        for word in words:
            self.assertIn(word, (done.stderr + done.stdout).lower())
        self.assertEqual(self.content(collector.data), before, "the directory was changed")

    @staticmethod
    def content(directory: Path):
        return {str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
                for path in sorted(directory.rglob("*"))} if directory.is_dir() else None

    def test_not_ours(self):
        collector = Collector(self.directory / "collector")
        collector.data.mkdir()
        (collector.data / "somebody-elses.txt").write_text("precious")
        self.refused(collector)

    def test_not_a_directory(self):
        collector = Collector(self.directory / "collector")
        collector.data.write_text("a file")
        self.refused(collector)

    def test_in_use_by_another_collector(self):
        collector = self.started(Collector(self.directory / "collector"))
        second = Collector(self.directory / "second", data_dir=collector.data)
        done = run_program("clusterwatch-collector", "--config", second.config)
        self.assertGreater(done.returncode, 0)
        self.assertIn("in use", (done.stderr + done.stdout).lower())
        self.assertEqual(fetch(collector.url + "/-/ready")[0], 200)

    def test_of_a_newer_version(self):
        collector = self.started(Collector(self.directory / "collector"))
        collector.stop()
        identity = collector.data / "clusterwatch-data"
        text = identity.read_text()
        self.assertIn("version 1\n", text)
        identity.write_text(text.replace("version 1\n", "version 999\n"))
        self.refused(collector, "newer", "999")

    def test_not_writable(self):
        # Root may write anywhere, so a read-only mount stands in; without root, the mode bits do.
        collector = Collector(self.directory / "collector")
        collector.data.mkdir()
        if os.geteuid() == 0:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "none", collector.data], check=True)
            self.addCleanup(subprocess.run, ["umount", collector.data])
        else:
            collector.data.chmod(0o555)
        self.refused(collector)


class FullDisk(EndToEnd):
    SERIES = 200

    def setUp(self):
        super().setUp()
        self.disk = self.directory / "disk"
        self.disk.mkdir()
        if os.geteuid() != 0:
            self.fail("this test mounts a small tmpfs, which needs root")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", self.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk])

    def test_refused_with_5xx_queries_go_on_and_nothing_acknowledged_is_lost(self):
        collector = self.started(Collector(self.directory / "collector", data_dir=self.disk / "data"))
        self.write(collector, "before", 0)
        filler = self.fill()
        full = driver(self.directory, collector.url, "full", first_agent=10, agents=2, series=self.SERIES, seed=2,
                      batches=400, give_up_seconds=4)
        self.started(full).wait(60)
        statuses = summary(full)["statuses"]
        self.assertTrue({"503", "507"} & statuses.keys(), statuses)
        self.assertEqual({int(s) // 100 for s in statuses} - {2, 5}, set(), statuses)
        self.assertEqual(self.ledger("before").compare(collector), (0, 0, 0), "queries while the disk is full")

        filler.unlink()
        self.write(collector, "after", 20)
        self.assert_nothing_lost(collector)
        collector.process.kill()
        collector.start()
        self.assert_nothing_lost(collector)

    def write(self, collector, name, first_agent):
        load = self.started(driver(self.directory, collector.url, name, first_agent=first_agent, agents=2,
                                   series=self.SERIES, batches=40, give_up_seconds=10))
        self.assertEqual(load.wait(60), 0, load.log())

    def fill(self) -> Path:
        """Leaves 64 KiB: a few batches more fit, then none."""
        filler = self.disk / "filler"
        status = os.statvfs(self.disk)
        with open(filler, "wb") as file:
            file.write(b"\0" * max(0, status.f_bavail * status.f_frsize - 64 * 1024))
        return filler

    def ledger(self, name) -> Ledger:
        return Ledger(self.directory / f"{name}.ledger", self.SERIES)

    def assert_nothing_lost(self, collector):
        for name in ("before", "full", "after"):
            self.assertEqual(self.ledger(name).compare(collector), (0, 0, 0), f"{name}: (lost, duplicated, alien)")


if __name__ == "__main__":
    unittest.main()
