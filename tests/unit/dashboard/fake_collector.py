#!/usr/bin/env python3
"""A stand-in for the collector: the paths of docs/formats/http-api.md that the dashboard uses, with
made-up data, so that the screen can be seen and tested in states that real services are slow to reach.

    fake_collector.py [--port 0] [--scene healthy|critical|warning|silent|empty]

Prints its URL. While it runs, lines on standard input change it: `scene NAME`, `freeze` (answers
nothing and sends no heartbeat, as a stopped process would), `thaw`, `quit`.
"""
import argparse
import json
import math
import random
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STARTED = time.time()
TIERS = [("lb", "Load balancer", ["haproxy"], "", []), ("web", "Apache httpd", ["apache"], "", ["app"]),
         ("app", "Application server", ["tomcat"], "", ["cache", "docs", "db"]),
         ("cache", "memcached pool", ["memcached"], "", []), ("mq", "HornetQ", ["hornetq"], "", []),
         ("jobs", "Quartz", ["quartz"], "", []), ("docs", "Document storage", ["docstore"], "", []),
         ("db", "MySQL primary", ["mysql"], "primary", []), ("replica", "MySQL replica", ["mysql"], "replica", ["db"])]
MEMBERS = [("web1", "apache", "apache", "web"), ("web2", "apache", "apache", "web"),
           ("cache1", "memcached", "memcached", ""), ("cache2", "memcached", "memcached", ""),
           ("docs1", "docstore", "docstore", ""), ("db1", "mysql", "mysql", "primary"),
           ("db1", "mysql", "mysql_replication", "primary"), ("db2", "mysql", "mysql", "replica"),
           ("db2", "mysql", "mysql_replication", "replica"), ("web1", "node", "host", ""),
           ("db1", "node", "host", ""), ("db2", "node", "host", "")]
SQL_ERROR = ("SQL thread stopped: 1062 Could not execute Write_rows_v1 event on table shop.orders; "
             "Duplicate entry '4711' for key 'PRIMARY'")


class World:
    def __init__(self, scene):
        self.lock = threading.Condition()
        self.scene, self.frozen, self.events, self.next_id = scene, False, [], 1
        self.since = time.time() - 252
        self.last_run = {}

    def set_scene(self, scene):
        with self.lock:
            self.scene, self.since = scene, time.time()

    def silent(self, node):
        return self.scene == "silent" and node == "web2"

    def checks(self, member):
        node, _, kind, role = member
        if self.scene == "critical" and kind == "mysql_replication" and role == "replica":
            return "critical", [{"name": "replication", "state": "critical", "text": SQL_ERROR}]
        if self.scene == "critical" and node == "cache2" and kind == "memcached":
            return "warning", [{"name": "connections", "state": "warning", "text": "86 % of 1024 connections in use"}]
        if self.scene == "warning" and kind == "docstore":
            return "warning", [{"name": "space", "state": "warning", "text": "/srv/documents: 9 % free (41 GB)"}]
        return "ok", [{"name": "reachable", "state": "ok", "text": "answers"}]

    def target(self, member):
        node, job, kind, role = member
        now = time.time()
        run = self.last_run.get(member, now - 2)
        state, checks = self.checks(member)
        silent = self.silent(node)
        return {"node": node, "probe": kind, "kind": kind, "role": role, "job": job, "instance": node,
                "interval_seconds": 10, "deadline_seconds": 5, "freshness": "silent" if silent else "fresh",
                "last_run_ms": int(run * 1000) - 20, "last_received_ms": int(run * 1000),
                "age_seconds": (now - self.since + 6) if silent else now - run, "outcome": "ok", "message": "",
                "state": "unknown" if silent else state, "last_state": state,
                "state_since_ms": int((self.since if state != "ok" else STARTED - 86400) * 1000),
                "checks": checks, "facts": {}}

    def node(self, name, targets):
        silent = self.silent(name)
        entry = {"node": name, "agent_id": name, "version": "0.1.0", "silent": silent,
                 "age_seconds": time.time() - self.since + 6 if silent else 0.7,
                 "last_word_ms": int(time.time() * 1000), "clock_offset_seconds": 0.003, "conflict": "",
                 "spool": {"batches": 0, "bytes": 0, "oldest_ms": 0, "dropped_batches": 0, "dropped_samples": 0}}
        if targets:
            entry["targets"] = [self.target(m) for m in MEMBERS if m[0] == name]
        return entry

    def nodes(self):
        names = [] if self.scene == "empty" else sorted({m[0] for m in MEMBERS})
        return {"now_ms": int(time.time() * 1000), "version": "0.1.0", "live_id": self.next_id - 1,
                "storage": {"healthy": True, "reason": ""}, "nodes": [self.node(n, True) for n in names]}

    def topology(self):
        tiers = []
        for name, title, jobs, role, needs in TIERS:
            expected = [] if self.scene == "empty" else \
                [{"job": j, "instance": n} for n, j, _, r in MEMBERS if j in jobs and role in ("", r)]
            unique = [e for i, e in enumerate(expected) if e not in expected[:i]]
            tiers.append({"name": name, "title": title, "jobs": jobs, "role": role, "expected": unique,
                          "needs": [{"tier": t, "edge": "hard"} for t in needs]})
        return {"cluster": "demo", "namespace": "default", "tiers": tiers}

    def alerts(self):
        if self.scene != "critical":
            return []
        def alert(name, severity, instance, job, state, summary, age):
            at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self.since - age))
            return {"labels": {"alertname": name, "severity": severity, "instance": instance, "job": job},
                    "annotations": {"summary": summary}, "state": state, "activeAt": at, "value": "0e+00"}
        return [alert("ReplicationStopped", "critical", "db2", "mysql", "firing", "replication SQL thread stopped: error 1062, duplicate entry", 0),
                alert("ReplicationLagHigh", "warning", "db2", "mysql", "pending", "replica lag above 10 s", -100)]

    def publish(self, kind, data):
        with self.lock:
            self.events.append((self.next_id, kind, json.dumps(data)))
            self.next_id += 1
            self.lock.notify_all()


def noise(t, seed):
    return math.sin(t / 97 + seed) * 0.5 + math.sin(t / 31 + seed * 3) * 0.3 + random.Random(int(t / 5) * 31 + seed).uniform(-.4, .4)


def series(world, query, t):
    """(labels, value or None) of each series of one of the dashboard's own queries at time t."""
    if world.scene == "empty":
        return
    if "seconds_behind" in query:
        lag = max(0.0, round(noise(t, 5) * 1.2))
        ago = time.time() - t
        if 1500 < ago < 1620:
            lag = (1620 - ago) / 3
        broken = world.scene == "critical" and t > world.since
        if not broken and not 2400 < ago < 2580:  # a gap
            yield {"__name__": "mysql_slave_status_seconds_behind_master", "job": "mysql", "instance": "db2"}, lag
    elif "apache_accesses" in query:
        for i, name in enumerate(("web1", "web2")):
            if not (world.silent(name) and t > world.since):
                yield {"job": "apache", "instance": name}, max(0, 90 + 22 * noise(t, i + 1))
    elif "memcached_commands" in query:
        for i, name in enumerate(("cache1", "cache2")):
            yield {"job": "memcached", "instance": name, "command": "get", "status": "hit"}, 940 + 20 * noise(t, i)
            yield {"job": "memcached", "instance": name, "command": "get", "status": "miss"}, 42 + 6 * noise(t, i + 7)
    elif "mysql_global_status_queries" in query:
        for i, name in enumerate(("db1", "db2")):
            yield {"job": "mysql", "instance": name}, max(0, 410 + 60 * noise(t, i + 9))
    elif "docstore" in query:
        for which, value in (("size", 500e9), ("avail", 41e9 if world.scene == "warning" else 212e9)):
            yield {"__name__": f"docstore_{which}_bytes", "job": "docstore", "instance": "docs1"}, value


def make_handler(world):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def reply(self, body):
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            while world.frozen:
                time.sleep(0.1)
            url = urllib.parse.urlparse(self.path)
            q = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
            if url.path.endswith("/topology"):
                self.reply(world.topology())
            elif url.path.endswith("/nodes"):
                self.reply(world.nodes())
            elif url.path == "/api/v1/alerts":
                self.reply({"status": "success", "data": {"alerts": world.alerts()}})
            elif url.path == "/api/v1/query":
                now = time.time()
                self.reply({"status": "success", "data": {"resultType": "vector", "result": [
                    {"metric": labels, "value": [now, str(v)]} for labels, v in series(world, q["query"], now)]}})
            elif url.path == "/api/v1/query_range":
                self.reply(self.range(q))
            elif url.path.endswith("/live"):
                self.live()
            else:
                self.send_error(404)

        def range(self, q):
            found, t = {}, float(q["start"])
            while t <= float(q["end"]):
                for labels, v in series(world, q["query"], t):
                    found.setdefault(json.dumps(labels), []).append([t, str(v)])
                t += float(q["step"])
            return {"status": "success", "data": {"resultType": "matrix", "result": [
                {"metric": json.loads(k), "values": v} for k, v in found.items()]}}

        def live(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            last = int(self.headers.get("Last-Event-ID") or 0)
            try:
                while True:
                    if not world.frozen:
                        with world.lock:
                            news = [e for e in world.events if e[0] > last]
                        for number, kind, data in news:
                            self.wfile.write(f"id: {number}\nevent: {kind}\ndata: {data}\n\n".encode())
                            last = number
                        self.wfile.write(f": hb {int(time.time() * 1000)}\n\n".encode())
                        self.wfile.flush()
                    with world.lock:
                        world.lock.wait(1)
            except OSError:
                self.close_connection = True

    return Handler


def run_probes(world):
    turn = 0
    while True:
        member = MEMBERS[turn % len(MEMBERS)]
        turn += 1
        if world.scene != "empty" and not world.frozen and not world.silent(member[0]):
            world.last_run[member] = time.time()
            world.publish("run", world.target(member))
        time.sleep(10 / len(MEMBERS))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that has left is no news


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--scene", default="healthy")
    args = parser.parse_args()
    world = World(args.scene)
    server = Server(("127.0.0.1", args.port), make_handler(world))
    threading.Thread(target=run_probes, args=(world,), daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[:1] == ["scene"]:
            world.set_scene(words[1])
        elif words[:1] == ["freeze"]:
            world.frozen = True
        elif words[:1] == ["thaw"]:
            world.frozen = False
        elif words[:1] == ["quit"]:
            return


if __name__ == "__main__":
    main()
