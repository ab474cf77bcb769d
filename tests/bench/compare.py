"""`./run bench`: the same samples and the same queries, in the same run, on our collector, Debian's Prometheus and
Debian's VictoriaMetrics; then our agent beside collectd over the same services.

What is compared: processor time of the server process (/proc/PID/stat, user and system), since wall time on a shared
machine says little. Each takes its own best way in: our agents' reports, remote write (snappy) for the peers; each
request holds one sample of 500 series. What differs: our collector acknowledges after the data is synced to disk; Prometheus
writes its log without syncing; VictoriaMetrics keeps the last seconds in memory. The client's cost is not counted.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

from tests.bench.footprint import compare_footprint, cpu_seconds
from tests.e2e.support import driver, summary
from tests.platform.processes import PORTS, ROOT, Process, binaries, tool, wait_until
from tests.platform.programs import Collector, fetch

AGENTS, SERIES = 10, 500


class Server:
    """One of the three, behind what they have in common."""

    def __init__(self, name, url, process, start, stop, **driver_options):
        self.name, self.url, self._process, self.start, self.stop = name, url, process, start, stop
        self.driver_options = driver_options

    @property
    def pid(self):
        return self._process.pid


def clusterwatch(directory: Path) -> Server:
    collector = Collector(directory)
    return Server("clusterwatch", collector.url, collector.process, collector.start, collector.stop, format="report")


def peer(name: str, directory: Path, command, port: int, ready: str) -> Server:
    process = Process(name, command, directory)
    url = f"http://127.0.0.1:{port}"

    def start():
        process.start()
        wait_until(lambda: fetch(url + ready, 2)[0] == 200, 30, f"{name} is ready", process)
    return Server(name, url, process, start, process.stop, format="remote-write")


def prometheus(directory: Path) -> Server:
    directory.mkdir(parents=True)
    (directory / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    port = PORTS.free()
    return peer("prometheus", directory, [
        tool("prometheus", "usr/bin/prometheus"), "--config.file=prometheus.yml", "--web.enable-remote-write-receiver",
        f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.path=data"], port, "/-/ready")


def victoria_metrics(directory: Path) -> Server:
    port = PORTS.free()
    return peer("victoria-metrics", directory, [
        tool("victoria-metrics", "usr/bin/victoria-metrics"), f"-httpListenAddr=127.0.0.1:{port}",
        "-storageDataPath=data", "-search.latencyOffset=0", "-selfScrapeInterval=0"], port, "/health")


def measure_ingest(server: Server, directory: Path, batches: int, start_ms: int) -> dict:
    before = cpu_seconds(server.pid)
    load = driver(directory, server.url, f"load-{server.name}", agents=AGENTS, series=SERIES, batches=batches,
                  start_ms=start_ms, step_ms=10_000, **server.driver_options).start()
    if load.wait(600) != 0:
        raise RuntimeError(f"the driver failed on {server.name}\n{load.log()}")
    told = summary(load)
    # What was put off is paid for as well: two seconds are enough for VictoriaMetrics to write its buffers.
    time.sleep(2)
    return {"cpu_us_per_sample": (cpu_seconds(server.pid) - before) * 1e6 / told["samples"],
            "samples_per_second": told["samples"] / told["seconds"], "samples": told["samples"]}


def measure_query(server: Server, path: str, rounds: int) -> dict:
    # Once unmeasured, and to see that all have the same answer.
    status, body = fetch(server.url + path, 60)
    if status != 200:
        raise RuntimeError(f"{server.name}: HTTP {status} {body[:300]!r}")
    result = json.loads(body)["data"]["result"]
    points = sum(len(series.get("values", [1])) for series in result)
    before, times = cpu_seconds(server.pid), []
    for _ in range(rounds):
        begin = time.perf_counter()
        fetch(server.url + path, 60)
        times.append(time.perf_counter() - begin)
    return {"cpu_ms": (cpu_seconds(server.pid) - before) * 1000 / rounds, "wall_ms": statistics.median(times) * 1000,
            "series": len(result), "points": points}


def queries(start_ms: int, batches: int):
    begin, end = start_ms // 1000 + 600, start_ms // 1000 + batches * 10
    rates, one, all_of_one = (urllib.parse.quote(expression) for expression in (
        'rate(load_value{instance="v3"}[5m])', 'load_value{instance="v3",series="7"}', 'load_value{instance="v3"}'))
    return {
        f"range, rate of {SERIES} series": (f"/api/v1/query_range?query={rates}&start={begin}&end={end}&step=30", 20),
        "range, one series": (f"/api/v1/query_range?query={one}&start={begin}&end={end}&step=15", 200),
        f"instant, {SERIES} series": (f"/api/v1/query?query={all_of_one}&time={end}", 100),
    }


def compare_servers(directory: Path, batches: int) -> dict:
    start_ms = (int(time.time()) - batches * 10 - 60) * 1000
    results = {}
    for make in (clusterwatch, prometheus, victoria_metrics):
        server = make(directory / make.__name__)
        try:
            server.start()
            results[server.name] = {"ingest": measure_ingest(server, directory, batches, start_ms)}
            for name, (path, rounds) in queries(start_ms, batches).items():
                results[server.name][name] = measure_query(server, path, rounds)
        finally:
            server.stop()
    return results


def print_servers(results: dict):
    ours = results["clusterwatch"]
    print(f"\ningest: {ours['ingest']['samples']} samples, {AGENTS} senders, {SERIES} series each")
    for name, told in results.items():
        cost = told["ingest"]["cpu_us_per_sample"]
        print(f"  {name:18} {cost:8.3f} us CPU a sample  {told['ingest']['samples_per_second']:12.0f} samples/s"
              f"  {cost / ours['ingest']['cpu_us_per_sample']:6.2f} x ours")
    for query in [key for key in ours if key != "ingest"]:
        print(f"\n{query}")
        for name, told in results.items():
            cost = told[query]
            print(f"  {name:18} {cost['cpu_ms']:8.2f} ms CPU  {cost['wall_ms']:8.2f} ms  {cost['series']:5} series"
                  f"  {cost['points']:7} points  {cost['cpu_ms'] / max(ours[query]['cpu_ms'], 0.01):6.2f} x ours")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench")
    parser.add_argument("--batches", type=int, default=720, help="a sender; 10 s of data each (default: two hours)")
    parser.add_argument("--footprint-seconds", type=int, default=120)
    parser.add_argument("--only", choices=("servers", "footprint", "wire"))
    arguments = parser.parse_args()
    os.chdir(ROOT)
    directory = Path(tempfile.mkdtemp(prefix="clusterwatch-bench-"))
    results = {}
    try:
        if arguments.only in (None, "servers"):
            results["servers"] = compare_servers(directory, arguments.batches)
            print_servers(results["servers"])
        if arguments.only in (None, "footprint"):
            results["footprint"] = compare_footprint(directory / "footprint", arguments.footprint_seconds)
        if arguments.only in (None, "wire"):
            print()
            subprocess.run([binaries() / "wire_bench", "--benchmark_min_time=0.5"], check=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    out = ROOT / "build" / "bench.json"
    out.write_text(json.dumps(results, indent=1))
    print(f"\nfigures: {out.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
