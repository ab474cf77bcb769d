"""The miniature cluster on loopback: the real services, an agent of its own identity for each "node", a
collector, a receiver of pages, traffic. Used by the demo and by the end-to-end tests.

    web1, web2      Apache httpd            db1   MariaDB primary
    cache1, cache2  memcached               db2   MariaDB replica
    docs1           a document tree
"""

from pathlib import Path

from tests.platform.processes import TOOLS, wait_until
from tests.platform.programs import Agent, Collector, quoted, shipped
from tests.platform.services import Apache, MariaDbPair, Memcached
from tests.platform.traffic import Traffic
from tests.platform.webhook import WebhookReceiver

TOPOLOGY = """\
tiers:
  - name: web
    title: Apache httpd
    jobs: [apache]
    needs: [{tier: cache, edge: soft}, {tier: documents, edge: hard}, {tier: primary, edge: hard}]
    expected: [{job: apache, instance: web1}, {job: apache, instance: web2}]
  - name: cache
    title: memcached
    jobs: [memcached]
    expected: [{job: memcached, instance: cache1}, {job: memcached, instance: cache2}]
  - name: documents
    title: Document storage
    jobs: [docstore]
    expected: [{job: docstore, instance: docs1}]
  - name: primary
    title: Database primary
    jobs: [mysql]
    role: primary
    needs: [{tier: replica, edge: async}]
    expected: [{job: mysql, instance: db1}]
  - name: replica
    title: Database replica
    jobs: [mysql]
    role: replica
    expected: [{job: mysql, instance: db2}]
"""


class Cluster:
    FAULTS = ("replica-sql", "replica-io", "primary-freeze", "apache-down", "memcached-down", "agent-kill",
              "collector-kill")

    def __init__(self, directory: Path, *, interval="10s", replication_interval=None, page=None, collector_port=0,
                 webhook_port=0, rules=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.broken = []  # faults in the order in which they were caused
        self._interval = interval
        self._replication_interval = replication_interval or interval
        self.webhook = WebhookReceiver(webhook_port, page)
        self.apaches = [Apache(name, self.directory / name) for name in ("web1", "web2")]
        self.memcacheds = [Memcached(name, self.directory / name) for name in ("cache1", "cache2")]
        self.databases = MariaDbPair(self.directory, TOOLS / "mariadb-template")
        self.documents = self.directory / "documents"
        self.collector = Collector(
            self.directory / "collector", topology=TOPOLOGY, port=collector_port,
            rules=[shipped("rules/replication.yml")] if rules is None else rules,
            webhooks=[("terminal", self.webhook.url)])
        self.agents = {}
        self.traffic = Traffic(self.apaches, self.memcacheds, self.databases.primary, self.documents, self.directory)

    def start(self, say=lambda text: None):
        self.documents.mkdir(exist_ok=True)
        say("starting two Apache, two memcached, a MariaDB primary and its replica")
        for service in (*self.apaches, *self.memcacheds, self.databases):
            service.start()
        say("starting traffic, the collector and seven agents")
        self.traffic.start()
        self.webhook.start()
        self.collector.start()
        for agent in self._make_agents():
            self.agents[agent.node] = agent.start()
        return self

    def _make_agents(self):
        host = "{kind: host}"
        for apache in self.apaches:
            yield self._agent(apache.name, [host, f"{{kind: apache, url: {quoted(apache.status_url)}}}"])
        for memcached in self.memcacheds:
            yield self._agent(memcached.name, [host, f"{{kind: memcached, address: {quoted(memcached.address)}}}"])
        for server, role in ((self.databases.primary, "primary"), (self.databases.replica, "replica")):
            login = (f"address: {quoted(server.address)}, user: {self.databases.monitor_user}, "
                     f"password_file: {quoted(self.databases.password_file)}, role: {role}")
            yield self._agent(server.name, [
                host, f"{{kind: mysql, {login}}}",
                f"{{kind: mysql_replication, {login}, interval: {self._replication_interval}}}"])
        yield self._agent("docs1", [host, f"{{kind: docstore, path: {quoted(self.documents)}}}"])

    def _agent(self, node, probes) -> Agent:
        return Agent(node, self.directory / f"agent-{node}", self.collector.url, probes, interval=self._interval)

    def wait_until_monitored(self, deadline: float = 60):
        """Every target has reported a run, and every agent speaks."""
        def all_fresh():
            nodes = self.collector.nodes()
            targets = [target for node in nodes.values() for target in node["targets"]]
            return len(nodes) == len(self.agents) and len(targets) >= 16 and all(
                target["freshness"] == "fresh" for target in targets)
        wait_until(all_fresh, deadline, "every target is fresh", self.collector.process, every=0.2)

    def wait_until_charted(self, deadline: float = 60):
        """As above, and rates exist: two runs of everything."""
        self.wait_until_monitored(deadline)
        wait_until(lambda: len(self.collector.query("rate(apache_accesses_total[1m])")) == len(self.apaches), deadline,
                   "the second run of each probe", self.collector.process, every=0.2)

    def stop(self):
        # Agents first: they hand over what they have, while the collector still takes it.
        for agent in self.agents.values():
            agent.process.thaw()
            agent.stop()
        self.collector.stop()
        self.webhook.stop()
        self.traffic.stop()
        for service in (self.databases, *self.memcacheds, *self.apaches):
            service.remove()

    # --- faults -------------------------------------------------------------------------------------

    def break_it(self, fault: str) -> str:
        """Causes the fault and says, in one line, what was done."""
        if fault not in self.FAULTS:
            raise ValueError(f"no fault '{fault}'; there are: {', '.join(self.FAULTS)}")
        if fault in self.broken:
            return f"{fault}: is broken already"
        done = {
            "replica-sql": self._break_replica_sql,
            "replica-io": lambda: self.databases.replica.sql("STOP SLAVE IO_THREAD")
            or "db2: STOP SLAVE IO_THREAD, as an operator would",
            "primary-freeze": lambda: self.databases.primary.process.freeze() or "db1: SIGSTOP to the server",
            "apache-down": lambda: self.apaches[0].stop() or "web1: httpd stopped",
            "memcached-down": lambda: self.memcacheds[0].stop() or "cache1: memcached stopped",
            "agent-kill": lambda: self.agents["web2"].process.kill() or "web2: kill -9 of its agent; its httpd still serves",
            "collector-kill": lambda: self.collector.process.kill() or "kill -9 of the collector; the agents spool",
        }[fault]()
        self.broken.append(fault)
        return f"{fault}: {done}"

    def _break_replica_sql(self) -> str:
        self.databases.break_by_duplicate_key()
        return "a row on db2, then the same key on db1: error 1062 stops the replica's SQL thread"

    def mend(self, fault: str) -> str:
        {
            "replica-sql": self.databases.mend_duplicate_key,
            "replica-io": lambda: self.databases.replica.sql("START SLAVE IO_THREAD"),
            "primary-freeze": self.databases.primary.process.thaw,
            "apache-down": self.apaches[0].start,
            "memcached-down": self.memcacheds[0].start,
            "agent-kill": lambda: self.agents["web2"].start(),
            "collector-kill": self.collector.start,
        }[fault]()
        if fault in self.broken:
            self.broken.remove(fault)
        return f"{fault}: mended"
