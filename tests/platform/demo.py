"""`./run demo`: the miniature cluster with the dashboard, and the faults to try on it.

The demo owns every process. `./run demo --break X` is a second, short-lived program that asks the demo to do it
over a socket in the demo's directory, so that whatever is started again has the same owner.
"""

import argparse
import os
import shutil
import socket
import sys
import time

from tests.platform.cluster import Cluster
from tests.platform.local import Dashboard
from tests.platform.processes import ROOT, Interrupts, StartError
from tests.platform.webhook import describe

DIRECTORY = ROOT / "build" / "demo"
# Relative to ROOT, since the path of a socket may not be longer than 107 bytes.
CONTROL = "build/demo/control"


def say(text: str):
    print(text, flush=True)


def ask(request: str) -> int:
    """Sends one request to the running demo and prints its answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(CONTROL)
        except OSError:
            print("no demo is running here; start one with ./run demo", file=sys.stderr)
            return 1
        connection.sendall(request.encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    status, _, text = answer.partition(" ")
    print(text or "the demo ended", file=sys.stdout if status == "ok" else sys.stderr)
    return 0 if status == "ok" else 1


class Control:
    """Answers `break X`, `mend X` and `mend` on the socket, one at a time."""

    def __init__(self, cluster: Cluster):
        self._cluster = cluster
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(CONTROL)
        self._socket.listen(4)

    def serve_for(self, seconds: float):
        """Runs in the main thread: a process started again must have it as its parent."""
        self._socket.settimeout(seconds)
        try:
            connection, _ = self._socket.accept()
        except TimeoutError:
            return
        with connection:
            connection.settimeout(5)
            try:
                answer = self._answer(connection.recv(200).decode().split())
            except (ValueError, RuntimeError, OSError) as error:
                answer = f"error {error}"
            say(answer.partition(" ")[2])
            try:
                connection.sendall(answer.encode())
            except OSError:
                pass  # whoever asked has left

    def _answer(self, request) -> str:
        if request[:1] == ["break"] and len(request) == 2:
            return "ok " + self._cluster.break_it(request[1])
        if request[:1] == ["mend"]:
            faults = request[1:] or list(reversed(self._cluster.broken))
            unknown = [fault for fault in faults if fault not in Cluster.FAULTS]
            if unknown:
                raise ValueError(f"no fault '{unknown[0]}'; there are: {', '.join(Cluster.FAULTS)}")
            return "ok " + ("\n".join(self._cluster.mend(fault) for fault in faults) or "nothing is broken")
        raise ValueError("expected: break FAULT, or mend [FAULT]")

    def close(self):
        self._socket.close()
        os.unlink(CONTROL)


def print_addresses(cluster: Cluster):
    rows = [("collector", cluster.collector.url, "/api/v1/query, /federate, /metrics")]
    rows += [(apache.name, f"http://127.0.0.1:{apache.port}", "Apache httpd") for apache in cluster.apaches]
    rows += [(memcached.name, memcached.address, "memcached") for memcached in cluster.memcacheds]
    rows += [("db1", cluster.databases.primary.address, "MariaDB primary"),
             ("db2", cluster.databases.replica.address, "MariaDB replica"),
             ("docs1", str(cluster.documents.relative_to(ROOT)), "document tree"),
             ("pages", cluster.webhook.url, "printed below")]
    for name, address, what in rows:
        say(f"  {name:10} {address:32} {what}")
    say(f"  logs       {DIRECTORY.relative_to(ROOT)}/*/*.log")
    say("\nTry, in another terminal:")
    say("  ./run demo --break replica-sql      and, when the page has come,   ./run demo --mend")
    say(f"  faults: {', '.join(Cluster.FAULTS)}")


def demo_runs() -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(CONTROL)
            return True
        except OSError:
            return False


def run(arguments) -> int:
    if demo_runs():
        print("a demo is running here already", file=sys.stderr)
        return 1
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    begin = time.monotonic()
    cluster = Cluster(DIRECTORY, page=lambda page: say(describe(page)), collector_port=9420)
    control, dashboard, status = None, None, 0
    try:
        with Interrupts():
            cluster.start(say)
            control = Control(cluster)
            say(f"running after {time.monotonic() - begin:.1f} s\n")
            print_addresses(cluster)
            if not arguments.no_dashboard:
                dashboard = Dashboard(cluster.collector.url, DIRECTORY / "dashboard")
                dashboard.start(say, cluster.wait_until_charted)
            limit = arguments.for_seconds
            say(f"\nThe demo ends after {limit:g} s." if limit else "\nCtrl-C stops everything.")
            while not limit or time.monotonic() - begin < limit:
                control.serve_for(0.2)
                if dashboard and dashboard.closed():
                    say("the dashboard was closed")
                    break
    except (StartError, TimeoutError, RuntimeError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        status = 1
    say("stopping")
    if dashboard:
        dashboard.stop()
    cluster.stop()
    if control:
        control.close()
    return status


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run demo", description="A miniature cluster of real services on loopback.")
    parser.add_argument("--break", dest="fault", metavar="FAULT", help=", ".join(Cluster.FAULTS))
    parser.add_argument("--mend", nargs="?", const="", metavar="FAULT")
    parser.add_argument("--for", dest="for_seconds", type=float, metavar="SECONDS")
    parser.add_argument("--no-dashboard", action="store_true")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    if arguments.fault is not None:
        return ask(f"break {arguments.fault}")
    if arguments.mend is not None:
        return ask(f"mend {arguments.mend}")
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
