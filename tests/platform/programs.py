"""Our own programs, started as a user would start them: configuration files, flags, HTTP."""

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tests.platform.processes import PORTS, ROOT, Process, binaries, wait_until


def fetch(url: str, timeout: float = 10, data=None, headers=None):
    """(status, body): an HTTP error status is an answer, not an exception."""
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


class Collector:
    def __init__(self, directory: Path, *, cluster="demo", topology=None, rules=(), webhooks=(), port=0, retention="90d",
                 evaluation="", data_dir=None):
        self.directory = Path(directory)
        self.data = Path(data_dir) if data_dir else self.directory / "data"
        self.port = PORTS.free(port)
        self.config = self.directory / "collector.yaml"
        self.directory.mkdir(parents=True, exist_ok=True)
        lines = [f"cluster: {cluster}", f"data_dir: {quoted(self.data)}", f"listen: ['127.0.0.1:{self.port}']",
                 f"storage: {{mode: local, retention: {retention}}}"]
        if topology:
            (self.directory / "cluster.yaml").write_text(topology)
            lines.append("topology_file: cluster.yaml")
        if rules:
            lines.append(f"rule_files: [{', '.join(quoted(rule) for rule in rules)}]")
        if webhooks:
            lines += ["alerting:", "  webhooks:"]
            lines += [f"    - {{name: {name}, url: {quoted(url)}, send_resolved: true}}" for name, url in webhooks]
        self.config.write_text("\n".join(lines) + "\n" + evaluation)
        self.process = Process("collector", [binaries() / "clusterwatch-collector", "--config", self.config],
                               self.directory)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, deadline: float = 20):
        self.process.start()
        wait_until(lambda: fetch(self.url + "/-/ready", 2)[0] == 200, deadline, "the collector is ready", self.process)
        return self

    def stop(self) -> int:
        return self.process.stop()

    def get(self, path: str, **parameters):
        """The JSON of a path; raises if it is not a 200."""
        status, body = fetch(self.url + path + ("?" + urllib.parse.urlencode(parameters) if parameters else ""), 30)
        if status != 200:
            raise OSError(f"{path} {parameters}: HTTP {status} {body[:500].decode(errors='replace')}")
        return json.loads(body)

    def query(self, expression: str, **parameters) -> list:
        answer = self.get("/api/v1/query", query=expression, **parameters)
        return answer["data"]["result"]

    def value(self, expression: str):
        """The one value of an instant query, or None where the result is empty."""
        result = self.query(expression)
        if len(result) > 1:
            raise AssertionError(f"{expression}: {len(result)} series, not one")
        return float(result[0]["value"][1]) if result else None

    def nodes(self) -> dict:
        return {node["node"]: node for node in self.get("/api/v1/clusterwatch/nodes")["nodes"]}

    def target(self, node: str, kind: str):
        """One target of a node as /nodes shows it, or None."""
        targets = self.nodes().get(node, {}).get("targets", [])
        return next((target for target in targets if target["kind"] == kind), None)


class Agent:
    """One agent with an identity of its own, as if on its own node. `probes` are lines of YAML flow maps."""

    def __init__(self, node: str, directory: Path, collector_url: str, probes, interval="10s", port=0, spool_bytes="64MiB"):
        self.node = node
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = PORTS.free(port)
        self.spool = self.directory / "spool"
        self.config = self.directory / "agent.yaml"
        self.config.write_text(
            f"node: {node}\ncollectors:\n  - url: {collector_url}\nlisten: 127.0.0.1:{self.port}\ninterval: {interval}\n"
            f"spool:\n  dir: {quoted(self.spool)}\n  max_bytes: {spool_bytes}\n  max_age: 7d\nprobes:\n"
            + "".join(f"  - {probe}\n" for probe in probes))
        self.process = Process("agent", [binaries() / "clusterwatch-agent", "--config", self.config], self.directory)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process.start()
        wait_until(lambda: fetch(self.url + "/metrics", 2)[0] == 200, 15, f"the agent of {self.node} answers", self.process)
        return self

    def stop(self) -> int:
        return self.process.stop()

    def metric(self, name: str):
        """The first sample of that name in the agent's own /metrics, or None."""
        for line in fetch(self.url + "/metrics")[1].decode().splitlines():
            if line.startswith((name + " ", name + "{")):
                return float(line.rsplit(" ", 1)[1])
        return None


def quoted(value) -> str:
    """A YAML scalar that any path survives."""
    return json.dumps(str(value))


def shipped(name: str) -> Path:
    return ROOT / "config" / name
