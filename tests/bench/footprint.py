"""What our agent takes from its node, beside collectd, over the same services in the same minutes.

Both look every 10 s at the host, an httpd, a memcached and a MariaDB replica; the agent sends to a collector, collectd
over UDP (its network plugin, to a port where nobody listens). Anonymous memory is what the process alone costs; resident
counts shared libraries too.
"""

import os
import time
from pathlib import Path

from tests.platform.processes import PORTS, TOOLS, Process, tool, wait_until
from tests.platform.programs import Agent, Collector, quoted
from tests.platform.services import Apache, MariaDbPair, Memcached

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, all threads (proc(5): fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kib(pid: int) -> dict:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {"anonymous": sizes["Anonymous"], "resident": sizes["Rss"]}


class Collectd:
    def __init__(self, directory: Path, apache: Apache, memcached: Memcached, databases: MariaDbPair):
        directory.mkdir(parents=True)
        root = tool("collectd-core", "usr/sbin/collectd").parents[2]
        password = databases.password_file.read_text().strip()
        configuration = directory / "collectd.conf"
        descriptor = os.open(configuration, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"""
Hostname "node"
FQDNLookup false
Interval 10
BaseDir "{directory}"
PIDFile "{directory}/collectd.pid"
PluginDir "{root}/usr/lib/collectd"
TypesDB "{root}/usr/share/collectd/types.db"
""" + "".join(f"LoadPlugin {name}\n" for name in
              ("cpu", "memory", "disk", "load", "interface", "apache", "memcached", "mysql", "network")) + f"""
<Plugin apache>
  <Instance "web">
    URL "{apache.status_url}"
  </Instance>
</Plugin>
<Plugin memcached>
  <Instance "cache">
    Address "127.0.0.1"
    Port "{memcached.port}"
  </Instance>
</Plugin>
<Plugin mysql>
  <Database "replica">
    Host "127.0.0.1"
    Port {databases.replica.port}
    User "{databases.monitor_user}"
    Password "{password}"
    SlaveStats true
  </Database>
</Plugin>
<Plugin network>
  Server "127.0.0.1" "{PORTS.free()}"
</Plugin>
""")
        self.process = Process("collectd", [root / "usr/sbin/collectd", "-f", "-C", configuration], directory)


def compare_footprint(directory: Path, seconds: int) -> dict:
    services, started = [], []
    try:
        apache = Apache("web1", directory / "web1")
        memcached = Memcached("cache1", directory / "cache1")
        databases = MariaDbPair(directory / "db", TOOLS / "mariadb-template")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "db").mkdir()
        for service in (apache, memcached, databases):
            services.append(service)
            service.start()
        collector = Collector(directory / "collector")
        started.append(collector)
        collector.start()
        agent = make_agent(directory, collector, apache, memcached, databases)
        started.append(agent)
        agent.start()
        collectd = Collectd(directory / "collectd", apache, memcached, databases)
        started.append(collectd.process)
        collectd.process.start()
        # Three rounds to warm up; every probe must work, or its cost would be missed.
        wait_until(lambda: collector.value("mysql_up") == 1 and collector.value("apache_up") == 1
                   and collector.value("memcached_up") == 1, 40, "all probes report", collector.process)
        time.sleep(min(30, seconds))
        return measure({"agent": agent.process, "collectd": collectd.process}, seconds)
    finally:
        for program in reversed(started):
            program.stop()
        for service in reversed(services):
            service.remove()


def make_agent(directory, collector, apache, memcached, databases) -> Agent:
    login = (f"address: {quoted(databases.replica.address)}, user: {databases.monitor_user}, "
             f"password_file: {quoted(databases.password_file)}, role: replica")
    return Agent("node", directory / "agent", collector.url, [
        "{kind: host}", f"{{kind: apache, url: {quoted(apache.status_url)}}}",
        f"{{kind: memcached, address: {quoted(memcached.address)}}}", f"{{kind: mysql, {login}}}",
        f"{{kind: mysql_replication, {login}}}"], interval="10s")


def measure(processes: dict, seconds: int) -> dict:
    before = {name: cpu_seconds(process.pid) for name, process in processes.items()}
    time.sleep(seconds)
    results = {}
    print(f"\nfootprint over {seconds} s at an interval of 10 s")
    for name, process in processes.items():
        process.require_running()
        results[name] = {**memory_kib(process.pid), "cpu_seconds": cpu_seconds(process.pid) - before[name]}
        print(f"  {name:10} {results[name]['anonymous'] / 1024:6.1f} MB anonymous  {results[name]['resident'] / 1024:6.1f} MB "
              f"resident  {results[name]['cpu_seconds']:6.2f} s CPU")
    return results
