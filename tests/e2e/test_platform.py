"""The whole way, with the real services: from a MariaDB replica to the query API, to the real Prometheus,
to the dashboard's model, to a page; and what each real fault looks like at the end of it.

One miniature cluster serves all tests of the class; each test mends what it breaks.
"""

import json
import shutil
import tempfile
import time
import unittest
from pathlib import Path

from tests.platform.cluster import Cluster
from tests.platform.processes import PORTS, Process, binaries, tool, wait_until
from tests.platform.programs import fetch

LAG = 'mysql_slave_status_seconds_behind_master{instance="db2"}'

# The shipped rules, with holds short enough for a test.
RULES = """\
groups:
  - name: replication-test
    interval: 1s
    rules:
      - alert: ReplicaSqlThreadStopped
        expr: mysql_slave_status_slave_sql_running == 0
        for: 2s
        labels: {severity: critical}
        annotations: {summary: "The replica {{ $labels.instance }} no longer executes"}
"""


class Platform(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(tempfile.mkdtemp(prefix="clusterwatch-e2e-"))
        (cls.directory / "rules.yml").write_text(RULES)
        cls.cluster = Cluster(cls.directory, interval="1s", rules=[cls.directory / "rules.yml"])
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.wait_until_monitored()
        cls.collector = cls.cluster.collector
        cls.model_path, cls.latency_log = cls.directory / "model.json", cls.directory / "latency.log"
        cls.dashboard = Process("dashboard", [
            binaries() / "clusterwatch-dashboard", "--collector", cls.collector.url, "--dump-model", cls.model_path,
            "--latency-log", cls.latency_log], cls.directory, env={"QT_QPA_PLATFORM": "offscreen"})
        cls.addClassCleanup(cls.dashboard.stop)
        cls.dashboard.start()
        wait_until(cls.sees, 30, "the dashboard sees the cluster", cls.dashboard, every=0.2)

    def setUp(self):
        self.addCleanup(self._mend)

    def _mend(self):
        for fault in list(reversed(self.cluster.broken)):
            self.cluster.mend(fault)
        self.cluster.wait_until_monitored()

    def break_it(self, fault):
        self.cluster.break_it(fault)

    def state_of(self, node, kind):
        target = self.collector.target(node, kind)
        return target and target["state"]

    def becomes(self, node, kind, state, deadline=20):
        wait_until(lambda: self.state_of(node, kind) == state, deadline, f"{kind} of {node} is {state}",
                   self.collector.process)

    @classmethod
    def model(cls) -> dict:
        """What the running dashboard shows, as its model says it; written anew, as a whole, each second."""
        return json.loads(cls.model_path.read_text())

    @classmethod
    def verdict(cls) -> str:
        return cls.model()["verdict"]["kind"]

    @classmethod
    def sees(cls) -> bool:
        """Connected and fed. Not "calm": a busy machine may rightly earn the host probe's warning."""
        return cls.verdict() in ("calm", "warning")

    def tile(self, name) -> dict:
        return next(tile for tile in self.model()["tiles"] if tile["name"] == name)

    def tile_becomes(self, name, state, deadline=20):
        wait_until(lambda: self.tile(name)["state"] == state, deadline, f"the tile {name} is {state}", self.dashboard)

    # --- the value ----------------------------------------------------------------------------------

    def test_a_value_of_the_replica_reaches_query_prometheus_and_dashboard(self):
        replica = self.cluster.databases.replica
        # A value that only the real server can have given: where it reads in its primary's log. The
        # traffic moves it on, so it is compared between two readings of the server itself.
        def position():
            return int(replica.replica_status()["Read_Master_Log_Pos"])
        expression = 'mysql_slave_status_read_master_log_pos{instance="db2"}'
        before = position()
        value = wait_until(lambda: (v := self.collector.value(expression)) is not None and v >= before and v, 15,
                           "the value arrives", self.collector.process)
        self.assertLessEqual(value, position())
        self.assertEqual(self.collector.value(LAG), 0)

        prometheus = self.start_prometheus()
        before = position()
        scraped = wait_until(lambda: (v := self.prometheus_value(prometheus, expression)) and v >= before and v, 30,
                             "Prometheus has scraped it", prometheus, every=0.3)
        self.assertLessEqual(scraped, position())
        self.assertEqual(self.prometheus_value(prometheus, LAG), 0)
        labels = self.prometheus_query(prometheus, LAG)[0]["metric"]
        self.assertEqual((labels["job"], labels["instance"], labels["cluster"]), ("mysql", "db2", "demo"))

        tile = wait_until(lambda: (t := self.tile("replica"))["number"]["value"] is not None and t, 20,
                          "the lag is on the dashboard", self.dashboard)
        self.assertEqual(tile["state"], "ok", tile)
        self.assertTrue(tile["number"]["current"], tile)
        self.assertLess(tile["number"]["value"], 5)

    def start_prometheus(self) -> Process:
        port = PORTS.free()
        directory = self.directory / "prometheus"
        directory.mkdir(exist_ok=True)
        (directory / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: clusterwatch
    honor_labels: true
    metrics_path: /federate
    params: {{'match[]': ['{{job="mysql"}}']}}
    static_configs: [{{targets: ['127.0.0.1:{self.collector.port}']}}]
""")
        process = Process("prometheus", [tool("prometheus", "usr/bin/prometheus"), "--config.file=prometheus.yml",
                                         f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.path=data"],
                          directory).start()
        process.port = port
        self.addCleanup(process.stop)
        wait_until(lambda: fetch(f"http://127.0.0.1:{port}/-/ready")[0] == 200, 30, "Prometheus is ready", process)
        return process

    @staticmethod
    def prometheus_query(process, expression) -> list:
        from urllib.parse import quote
        _, body = fetch(f"http://127.0.0.1:{process.port}/api/v1/query?query={quote(expression)}")
        return json.loads(body)["data"]["result"]

    def prometheus_value(self, process, expression):
        result = self.prometheus_query(process, expression)
        return float(result[0]["value"][1]) if result else None

    # --- faults -------------------------------------------------------------------------------------

    def test_duplicate_key_empties_the_lag_turns_critical_and_pages(self):
        self.assertEqual(self.collector.value(LAG), 0)
        self.break_it("replica-sql")
        self.becomes("db2", "mysql_replication", "critical")
        # The run that saw the stopped thread has no lag; the series ends there, not five minutes later.
        self.assertEqual(self.collector.query(LAG), [])
        self.assertEqual(self.collector.value('mysql_slave_status_slave_sql_running{instance="db2"}'), 0)
        texts = " ".join(check["text"] for check in self.collector.target("db2", "mysql_replication")["checks"])
        self.assertIn("1062", texts)
        self.tile_becomes("replica", "critical", 5)
        self.assertEqual(self.verdict(), "critical")
        self.assertIn("1062", json.dumps(self.model()["problems"]))

        fired = wait_until(lambda: self.cluster.webhook.alerts("ReplicaSqlThreadStopped", "firing"), 30,
                           "the page arrives", self.collector.process)
        self.assertEqual(fired[0]["labels"]["instance"], "db2")
        page = self.cluster.webhook.pages[-1]
        self.assertEqual(page["version"], "4")
        self.assertIn("groupKey", page)

        self.cluster.mend("replica-sql")
        self.becomes("db2", "mysql_replication", "ok", 40)
        wait_until(lambda: self.collector.value(LAG) is not None, 10, "the lag is back")
        wait_until(lambda: self.cluster.webhook.alerts("ReplicaSqlThreadStopped", "resolved"), 30,
                   "the page is resolved", self.collector.process)

    def test_a_page_is_kept_while_its_receiver_is_down(self):
        webhook = self.cluster.webhook
        webhook.status = 503
        self.addCleanup(setattr, webhook, "status", 200)
        seen = len(webhook.alerts("ReplicaSqlThreadStopped", "firing"))
        self.break_it("replica-sql")
        wait_until(lambda: webhook.refused > 0, 40, "the page is tried and refused", self.collector.process)
        self.collector.process.kill()  # the queue is on disk
        self.collector.start()
        webhook.status = 200
        wait_until(lambda: len(webhook.alerts("ReplicaSqlThreadStopped", "firing")) > seen, 90,
                   "the page arrives after all", self.collector.process)

    def test_stopped_receiver_thread(self):
        self.break_it("replica-io")
        self.becomes("db2", "mysql_replication", "critical")
        self.assertEqual(self.collector.query(LAG), [])
        self.assertEqual(self.collector.value('mysql_slave_status_slave_io_running{instance="db2"}'), 0)

    def test_frozen_primary_delays_no_other_probe(self):
        self.break_it("primary-freeze")
        self.becomes("db1", "mysql", "critical", 30)
        self.assertEqual(self.collector.value('mysql_up{instance="db1"}'), 0)
        host = self.collector.target("db1", "host")
        # Its state is this machine's own: a busy one may rightly earn a warning.
        self.assertEqual((host["freshness"], host["outcome"]), ("fresh", "ok"))

    def test_httpd_down(self):
        self.break_it("apache-down")
        self.becomes("web1", "apache", "critical")
        self.assertEqual(self.collector.value('apache_up{instance="web1"}'), 0)
        self.assertEqual(self.collector.value('up{job="apache",instance="web1"}'), 1)
        self.assertEqual(self.collector.query('apache_accesses_total{instance="web1"}'), [])
        self.assertEqual(self.state_of("web2", "apache"), "ok")

    def test_memcached_down(self):
        self.break_it("memcached-down")
        self.becomes("cache1", "memcached", "critical")
        self.assertEqual(self.collector.value('memcached_up{instance="cache1"}'), 0)

    def test_a_silent_agent_is_seen_within_five_seconds_and_is_not_good(self):
        self.break_it("agent-kill")
        killed = time.monotonic()
        wait_until(lambda: self.collector.nodes()["web2"]["silent"], 8, "web2 is silent", self.collector.process)
        # 5 s from its last word, which was up to a heartbeat old when it died.
        self.assertLess(time.monotonic() - killed, 5.5)
        target = self.collector.target("web2", "apache")
        self.assertEqual((target["freshness"], target["state"]), ("silent", "unknown"))
        # The model is written once a second, which is no delay of the screen.
        wait_until(lambda: self.tile("web")["state"] != "ok", 3, "the tile is not good", self.dashboard)
        self.assertLess(time.monotonic() - killed, 6.5)
        self.assertFalse(self.sees())
        # After three intervals its series are over.
        wait_until(lambda: not self.collector.query('apache_up{instance="web2"}'), 15, "the series of web2 end")

    def test_a_dead_collector_makes_the_dashboard_blind_and_the_spools_fill(self):
        self.break_it("collector-kill")
        killed = time.monotonic()
        wait_until(lambda: self.verdict() == "blind", 8, "the dashboard says that it is blind", self.dashboard)
        self.assertLess(time.monotonic() - killed, 6)
        self.assertNotIn("ok", [tile["state"] for tile in self.model()["tiles"]])
        killed_ms = time.time() * 1000
        self.cluster.mend("collector-kill")
        self.cluster.wait_until_monitored()
        wait_until(self.sees, 30, "the dashboard sees again", self.dashboard)
        # What was measured while the collector was dead is there, at its own time.
        points = self.collector.query('apache_up{instance="web1"}[10m]')[0]["values"]
        self.assertTrue([t for t, _ in points if killed_ms - 4000 < t * 1000 < killed_ms])

    def test_from_reading_to_model_within_half_a_second(self):
        already = len(self.latencies())
        fresh = wait_until(lambda: len(self.latencies()) >= already + 200 and self.latencies()[already:], 60,
                           "200 runs have reached the model", self.dashboard)
        ordered = sorted(fresh)
        p95 = ordered[int(len(ordered) * 0.95)]
        print(f"\nfrom reading to model: p50 {ordered[len(ordered) // 2]} ms, p95 {p95} ms of {len(ordered)} runs")
        self.assertLess(p95, 500)

    def latencies(self):
        """Milliseconds from the start of each run to the model; lines may be cut while they are written."""
        runs = [json.loads(line) for line in self.latency_log.read_text().splitlines() if line.endswith("}")]
        return [run["now_ms"] - run["time_ms"] for run in runs]


if __name__ == "__main__":
    unittest.main()
