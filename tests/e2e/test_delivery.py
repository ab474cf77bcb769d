"""Whatever is killed, nothing acknowledged is lost and nothing is stored twice."""

import re
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.e2e.support import EndToEnd, Ledger, driver, summary
from tests.platform.processes import ROOT, wait_until
from tests.platform.programs import Agent, Collector

SERIES = 50


class CollectorKilled(EndToEnd):
    def test_kill_9_of_the_collector_while_agents_send(self):
        collector = self.started(Collector(self.directory / "collector"))
        load = self.started(driver(self.directory, collector.url, agents=4, series=SERIES, seconds=12, pause_ms=5))
        for _ in range(4):
            acknowledged = self._acknowledged_lines()
            wait_until(lambda: self._acknowledged_lines() > acknowledged + 50, 20, "batches are acknowledged", load)
            collector.process.kill()
            collector.start()
        self.assertEqual(load.wait(60), 0, load.log())
        told = summary(load)
        self.assertGreater(told["failed"], 0, "no request failed: the kill did not hit any")
        self.assertEqual(told["refused_samples"], 0)

        ledger = Ledger(self.directory / "driver.ledger", SERIES)
        self.assertGreater(len(ledger.acknowledged), 200)
        self.assertEqual(ledger.compare(collector), (0, 0, 0), "(lost, duplicated, alien) samples")
        # And what was read from memory is also on the disk.
        collector.process.kill()
        collector.start()
        self.assertEqual(ledger.compare(collector), (0, 0, 0), "(lost, duplicated, alien) after one more kill")

    def _acknowledged_lines(self) -> int:
        path = self.directory / "driver.ledger"
        return path.read_text().count("A ") if path.exists() else 0

    def test_a_clean_stop_keeps_everything(self):
        collector = self.started(Collector(self.directory / "collector"))
        load = self.started(driver(self.directory, collector.url, agents=2, series=SERIES, batches=50))
        self.assertEqual(load.wait(60), 0, load.log())
        self.assertEqual(collector.stop(), 0, collector.process.log())
        collector.start()
        ledger = Ledger(self.directory / "driver.ledger", SERIES)
        self.assertEqual(len(ledger.acknowledged), 100)
        self.assertEqual(ledger.compare(collector), (0, 0, 0))


class CountingStatus:
    """A status page of httpd whose "Total Accesses" is the number of the request: so the stored values
    tell exactly which runs of the probe were kept."""

    def __init__(self):
        page = (ROOT / "tests/fixtures/apache/event-idle.auto.txt").read_text()
        counter = self
        self.served = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                counter.served += 1
                body = re.sub(r"Total Accesses: \d+", f"Total Accesses: {counter.served}", page).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/server-status?auto"

    def start(self):
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class AgentKilled(EndToEnd):
    def test_kill_9_of_an_agent_with_a_filled_spool(self):
        page = self.started(CountingStatus())
        collector = self.started(Collector(self.directory / "collector"))
        agent = self.started(Agent("web1", self.directory / "agent", collector.url,
                                   [f'{{kind: apache, url: "{page.url}"}}'], interval="1s"))
        wait_until(lambda: self._stored(collector), 20, "the first run is stored", collector.process)
        collector.process.kill()
        before = page.served
        wait_until(lambda: page.served >= before + 6, 30, "the spool fills", agent.process)
        agent.process.kill()
        at_kill = page.served
        agent.start()
        wait_until(lambda: page.served >= at_kill + 3, 30, "the agent measures again", agent.process)
        collector.start()
        last = page.served
        wait_until(lambda: max(self._stored(collector), default=0) >= last, 30, "the spool has been sent",
                   agent.process)
        agent.stop()
        stored = self._stored(collector)
        self.assertEqual(len(stored), len(set(stored)), "a run is stored twice")
        missing = set(range(1, last + 1)) - set(stored)
        # The one run that was under way when the agent was killed had not been measured yet.
        self.assertLessEqual(missing, {at_kill})

    @staticmethod
    def _stored(collector):
        return [int(float(value)) for series in collector.query('apache_accesses_total{instance="web1"}[1h]')
                for _, value in series["values"]]

    def test_back_fill_carries_the_times_of_the_readings(self):
        page = self.started(CountingStatus())
        collector = self.started(Collector(self.directory / "collector"))
        agent = self.started(Agent("web1", self.directory / "agent", collector.url,
                                   [f'{{kind: apache, url: "{page.url}"}}'], interval="1s"))
        wait_until(lambda: self._stored(collector), 20, "the first run is stored", collector.process)
        collector.stop()
        gap_begin = time.time()
        before = page.served
        wait_until(lambda: page.served >= before + 5, 30, "the spool fills", agent.process)
        gap_end = time.time()
        collector.start()
        wait_until(lambda: max(self._stored(collector), default=0) >= before + 5, 30, "the gap is filled", agent.process)
        times = [float(t) for series in collector.query('apache_accesses_total{instance="web1"}[1h]')
                 for t, _ in series["values"]]
        self.assertGreaterEqual(sum(gap_begin <= t <= gap_end for t in times), 4)


if __name__ == "__main__":
    unittest.main()
