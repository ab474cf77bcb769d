"""The whole way, with the real services: from a MariaDB replica to the query API, to the real Prometheus,
to the dashboard's model, to a page; and what each real fault looks like at the end of it.

One miniature cluster serves all tests of the class; each test mends what it breaks.
"""

import json
import shutil
import subprocess
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

    def model(self) -> dict:
        """What a dashboard that has just connected shows, as its model says it."""
        path = self.directory / "model.json"
        path.unlink(missing_ok=True)
        done = subprocess.run([binaries() / "clusterwatch-dashboard", "--collector", self.collector.url,
                               "--dump-model", path], env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(self.directory)},
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(path.read_text())

    def tile(self, name) -> dict:
        return next(tile for tile in self.model()["tiles"] if tile["name"] == name)

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

        tile = self.tile("replica")
        self.assertEqual(tile["state"], "ok", tile)
        self.assertIsNotNone(tile["number"]["value"], tile)
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
        self.assertEqual(self.tile("replica")["state"], "critical")
        self.assertNotEqual(self.model()["verdict"]["kind"], "ok")

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
        self.assertEqual((host["freshness"], host["state"]), ("fresh", "ok"))

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
        tile = self.tile("web")
        self.assertNotEqual(tile["state"], "ok", tile)
        # After three intervals its series are over.
        wait_until(lambda: not self.collector.query('apache_up{instance="web2"}'), 15, "the series of web2 end")

    def test_collector_killed_and_back(self):
        self.break_it("collector-kill")
        time.sleep(2)  # agents measure on meanwhile; that is the fault's length, not a wait for something
        self.cluster.mend("collector-kill")
        self.cluster.wait_until_monitored()
        self.assertEqual(self.collector.value(LAG), 0)

    def test_from_reading_to_model_within_half_a_second(self):
        log = self.directory / "latency.log"
        dashboard = Process("latency", [binaries() / "clusterwatch-dashboard", "--collector", self.collector.url,
                                        "--latency-log", log], self.directory, env={"QT_QPA_PLATFORM": "offscreen"})
        self.addCleanup(dashboard.stop)
        dashboard.start()
        def seconds():
            return [float(line.split()[-1]) for line in log.read_text().splitlines() if line.strip()]
        wait_until(lambda: len(seconds()) >= 150, 60, "150 runs have reached the model", dashboard)
        ordered = sorted(seconds())
        p95 = ordered[int(len(ordered) * 0.95)]
        print(f"\nfrom reading to model: p50 {ordered[len(ordered) // 2] * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms of {len(ordered)}")
        self.assertLess(p95, 0.5)


if __name__ == "__main__":
    unittest.main()
