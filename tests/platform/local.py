"""`./run`, the main job: a collector, an agent that watches this machine, and the dashboard.

Its data stays between runs, in $XDG_DATA_HOME/clusterwatch (by default ~/.local/share/clusterwatch).
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.platform.processes import PORTS, ROOT, Interrupts, Process, StartError, binaries, wait_until
from tests.platform.programs import Collector, fetch, quoted, shipped


def say(text: str):
    print(text, flush=True)


def has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class Dashboard:
    """A window where there is a display; otherwise a picture of what it would show."""

    def __init__(self, collector_url: str, directory: Path):
        self._url = collector_url
        self._directory = Path(directory)
        self._program = binaries() / "clusterwatch-dashboard"
        self._process = None

    def start(self, say, wait_until_there_is_data):
        self._directory.mkdir(parents=True, exist_ok=True)
        if has_display():
            self._process = Process("dashboard", [self._program, "--collector", self._url], self._directory).start()
            say("\nthe dashboard is open in a window; closing it ends this run")
            return
        picture = self._directory / "now.png"
        say("\nno display (neither DISPLAY nor WAYLAND_DISPLAY is set), so a picture instead of a window; "
            "waiting for data, about 10 s")
        wait_until_there_is_data()
        process = Process("screenshot", [self._program, "--collector", self._url, "--screenshot", picture],
                          self._directory, env={"QT_QPA_PLATFORM": "offscreen"}).start()
        try:
            if process.wait(60) != 0 or not picture.exists():
                raise StartError(f"the dashboard wrote no picture\n{process.log()}")
        except subprocess.TimeoutExpired:
            process.kill()
            raise StartError(f"the dashboard wrote no picture within 60 s\n{process.log()}") from None
        say(f"the dashboard, as a picture: {picture}")

    def closed(self) -> bool:
        return self._process is not None and not self._process.running()

    def stop(self):
        if self._process:
            self._process.stop(5)


def data_home() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "clusterwatch"


def discovered_configuration(discovered: str, collector_url: str, directory: Path, port: int) -> Path:
    """What the agent's `discover` printed, with the lines that differ for this run put in their place."""
    kept, skipping = [], False
    for line in discovered.splitlines():
        if line[:1] not in ("", " ", "-", "#"):
            skipping = line.split(":")[0] in ("collectors", "listen", "spool")
        if not skipping:
            kept.append(line)
    configuration = directory / "agent.yaml"
    configuration.write_text(
        "\n".join(kept) + f"\ncollectors:\n  - url: {collector_url}\nlisten: 127.0.0.1:{port}\n"
        f"spool:\n  dir: {quoted(directory / 'spool')}\n  max_bytes: 64MiB\n  max_age: 7d\n")
    return configuration


# The tiers of one machine: each is on the screen only if `discover` found such a service.
LOCAL_TIERS = (
    # probe's kind, tier, title, job
    ("host", "machine", "This machine", "node"),
    ("apache", "web", "Apache httpd", "apache"),
    ("memcached", "cache", "memcached", "memcached"),
    ("docstore", "documents", "Document storage", "docstore"),
    ("mysql", "database", "Database", "mysql"),
)


def local_topology(agent_configuration: str) -> str:
    active = [line for line in agent_configuration.splitlines() if not line.lstrip().startswith("#")]
    found = {kind for kind, *_ in LOCAL_TIERS if any(re.search(rf"\bkind: {kind}\b", line) for line in active)}
    return "tiers:\n" + "".join(f"  - {{name: {tier}, title: {title}, jobs: [{job}]}}\n"
                                for kind, tier, title, job in LOCAL_TIERS if kind in found)


class LocalRun:
    def __init__(self):
        self.directory = data_home()
        found = subprocess.run([binaries() / "clusterwatch-agent", "discover"], capture_output=True, text=True,
                               timeout=60, stdin=subprocess.DEVNULL, check=True).stdout
        self.collector = Collector(self.directory, cluster="local", port=9420, topology=local_topology(found),
                                   rules=[shipped("rules/replication.yml")], data_dir=self.directory / "collector")
        self._found = found
        self.agent_port = PORTS.free(9421)
        self.dashboard = Dashboard(self.collector.url, self.directory / "dashboard")
        self._agent = None

    def start(self, with_dashboard: bool):
        begin = time.monotonic()
        self.collector.start()
        program = binaries() / "clusterwatch-agent"
        directory = self.directory / "agent"
        directory.mkdir(parents=True, exist_ok=True)
        configuration = discovered_configuration(self._found, self.collector.url, directory, self.agent_port)
        self._agent = Process("agent", [program, "--config", configuration], directory).start()
        wait_until(lambda: fetch(f"http://127.0.0.1:{self.agent_port}/metrics", 2)[0] == 200, 15, "the agent answers",
                   self._agent)
        say(f"running after {time.monotonic() - begin:.1f} s\n")
        say(f"  collector  {self.collector.url:24} /api/v1/query, /federate, /metrics, /-/ready")
        say(f"  agent      {f'http://127.0.0.1:{self.agent_port}':24} /metrics; its configuration: {configuration}")
        say(f"  data       {self.directory}")
        if with_dashboard:
            self.dashboard.start(say, self._wait_for_data)

    def _wait_for_data(self):
        # Two runs, so that the tiles have their rates.
        wait_until(lambda: self.collector.query('rate(node_cpu_seconds_total{mode="idle"}[30s])'), 40,
                   "two runs of a probe have arrived", self.collector.process)

    def ended(self) -> str:
        """What has ended by itself, or nothing."""
        if self.dashboard.closed():
            return "the dashboard was closed"
        for process in (self.collector.process, self._agent):
            if not process.running():
                return f"{process.name} ended with status {process.returncode()}:\n{process.log()}"
        return ""

    def stop(self):
        self.dashboard.stop()
        if self._agent:
            self._agent.stop()
        self.collector.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run")
    parser.add_argument("--for", dest="for_seconds", type=float, metavar="SECONDS")
    parser.add_argument("--no-dashboard", action="store_true")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    begin, status = time.monotonic(), 0
    run = None
    try:
        run = LocalRun()
        with Interrupts():
            run.start(not arguments.no_dashboard)
            limit = arguments.for_seconds
            say(f"\nEnds after {limit:g} s." if limit else "\nCtrl-C stops everything.")
            while not limit or time.monotonic() - begin < limit:
                time.sleep(0.2)
                ended = run.ended()
                if ended:
                    say(ended)
                    status = 0 if ended.startswith("the dashboard") else 1
                    break
    except (StartError, TimeoutError, OSError, subprocess.SubprocessError) as error:
        print(f"run: {error}", file=sys.stderr)
        status = 1
    if run:
        say("stopping")
        run.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
