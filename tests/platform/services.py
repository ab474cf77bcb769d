"""The real services of the platform: Apache httpd, memcached, MariaDB with replication. Each one is
Debian's program with a configuration of ours, in a directory of its own, listening on loopback only.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.platform.processes import PORTS, Process, accepts, tool, wait_until

APACHE = "/usr/sbin/apache2"
APACHE_MODULES = "/usr/lib/apache2/modules"
MARIADBD = "/usr/sbin/mariadbd"
MARIADB_INSTALL = "/usr/bin/mariadb-install-db"
MARIADB_CLIENT = "/usr/bin/mariadb"


class Apache:
    """httpd with mod_status (event MPM) and one page."""

    def __init__(self, name: str, directory: Path):
        self.name = name
        self.directory = Path(directory)
        self.port = PORTS.free()
        # Started as root, httpd serves as another user, who may not be able to reach our directory.
        self.documents = Path(tempfile.mkdtemp(prefix="clusterwatch-www-"))
        self.documents.chmod(0o755)
        (self.documents / "index.html").write_text(f"<h1>{name}</h1>\n")
        self.process = Process("httpd", [APACHE, "-DFOREGROUND", "-f", self.directory / "httpd.conf"],
                               self.directory, death_signal=signal.SIGTERM)

    @property
    def status_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/server-status?auto"

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "httpd.conf").write_text(self._configuration())
        self.process.start()
        wait_until(lambda: accepts(self.port), 20, f"{self.name} accepts connections", self.process)
        return self

    def stop(self):
        self.process.stop()

    def remove(self):
        self.stop()
        shutil.rmtree(self.documents, ignore_errors=True)

    def _configuration(self) -> str:
        modules = ["mpm_event", "authz_core", "authz_host", "dir", "mime", "status"]
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        return "".join(f"LoadModule {m}_module {APACHE_MODULES}/mod_{m}.so\n" for m in modules) + f"""
ServerName {self.name}
Listen 127.0.0.1:{self.port}
{user}PidFile "{self.directory}/httpd.pid"
ErrorLog "{self.directory}/error.log"
DefaultRuntimeDir "{self.directory}"
TypesConfig /dev/null
StartServers 1
ServerLimit 4
ThreadsPerChild 8
MaxRequestWorkers 32
MinSpareThreads 4
MaxSpareThreads 16
ExtendedStatus On
DocumentRoot "{self.documents}"
DirectoryIndex index.html
<Location "/server-status">
    SetHandler server-status
    Require local
</Location>
"""


class Memcached:
    def __init__(self, name: str, directory: Path, megabytes: int = 16):
        self.name = name
        self.port = PORTS.free()
        command = [tool("memcached", "usr/bin/memcached"), "-l", "127.0.0.1", "-p", self.port, "-U", 0,
                   "-m", megabytes, "-t", 1, "-c", 128]
        if os.geteuid() == 0:
            command += ["-u", pwd.getpwuid(0).pw_name]
        self.process = Process("memcached", command, directory)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self):
        self.process.start()
        wait_until(lambda: accepts(self.port), 10, f"{self.name} accepts connections", self.process)
        return self

    def stop(self):
        self.process.stop()

    remove = stop


class MariaDb:
    """One server. The administrator logs in through the socket as the user who runs us, without a
    password; the users that come over TCP have random ones. Nothing else on this machine gets in."""

    # What the agent needs, and no more: PROCESS for the global status and the process list,
    # SLAVE MONITOR for SHOW REPLICA STATUS, BINLOG MONITOR (once REPLICATION CLIENT) for the position.
    MONITOR_GRANTS = "PROCESS, BINLOG MONITOR, SLAVE MONITOR"

    def __init__(self, name: str, directory: Path, server_id: int, options=()):
        self.name = name
        self.directory = Path(directory)
        self.data = self.directory / "data"
        self.port = PORTS.free()
        self.server_id = server_id
        command = [MARIADBD, "--no-defaults", f"--datadir={self.data}", "--socket=mysqld.sock",
                   "--bind-address=127.0.0.1", f"--port={self.port}", f"--server-id={server_id}",
                   f"--pid-file={self.directory}/mysqld.pid", "--skip-name-resolve",
                   "--log-bin=binlog", "--binlog-format=ROW", "--gtid-strict-mode=ON", "--log-slave-updates=ON",
                   "--innodb-buffer-pool-size=24M", "--innodb-log-file-size=8M",
                   "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0", "--key-buffer-size=1M",
                   "--aria-pagecache-buffer-size=4M", "--slave-net-timeout=20", "--max-connections=60", *options]
        if os.geteuid() == 0:
            command.append("--user=root")
        self.process = Process("mariadbd", command, self.directory)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def install(self, template: Path):
        """A fresh data directory; `template` is made once and copied, since making it takes seconds."""
        if not template.exists():
            making = template.with_name(template.name + ".new")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            user = pwd.getpwuid(os.geteuid()).pw_name
            subprocess.run([MARIADB_INSTALL, "--no-defaults", f"--datadir={making}", f"--user={user}",
                            f"--auth-root-socket-user={user}", "--skip-test-db", "--force"],
                           check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            making.rename(template)
        self.directory.mkdir(parents=True, exist_ok=True)
        shutil.copytree(template, self.data)

    def start(self):
        self.process.start()
        # A few seconds after a clean stop, minutes of recovery are possible on a slow disk after a kill.
        wait_until(self._answers, 60, f"{self.name} answers", self.process, every=0.1)
        return self

    def _answers(self) -> bool:
        return self._client("SELECT 1").returncode == 0

    def _client(self, statements: str, *options: str) -> subprocess.CompletedProcess:
        # From within the data directory: the path of a socket may not be longer than 107 bytes.
        return subprocess.run([*self.client_command(), "--batch", *options], cwd=self.data,
                              input=statements, capture_output=True, text=True, timeout=60)

    @staticmethod
    def client_command():
        user = pwd.getpwuid(os.geteuid()).pw_name
        return [MARIADB_CLIENT, "--no-defaults", "--socket=mysqld.sock",
                f"--user={'root' if user == 'root' else user}"]

    def sql(self, statements: str, *options: str) -> str:
        done = self._client(statements, *(options or ["--skip-column-names"]))
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()}\n  {statements}")
        return done.stdout

    def replica_status(self) -> dict:
        """SHOW REPLICA STATUS as a dictionary; empty where replication is not configured."""
        lines = self.sql("SHOW REPLICA STATUS", "--column-names").splitlines()
        return dict(zip(lines[0].split("\t"), lines[1].split("\t"))) if len(lines) == 2 else {}

    def stop(self):
        self.process.stop(30)

    remove = stop


class MariaDbPair:
    """A primary and a replica that replicates from it by GTID, with the monitoring user on both."""

    def __init__(self, directory: Path, template: Path):
        self.directory = Path(directory)
        self.template = template
        self.primary = MariaDb("db1", self.directory / "db1", 1)
        self.replica = MariaDb("db2", self.directory / "db2", 2, ["--read-only=ON", "--default-storage-engine=Aria"])
        self.monitor_user = "clusterwatch"
        self.password_file = self.directory / "mysql.secret"
        self._replication_password = secrets.token_urlsafe(18)

    def start(self):
        for server in (self.primary, self.replica):
            server.install(self.template)
            server.start()
        password = secrets.token_urlsafe(18)
        descriptor = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
        monitor = (f"CREATE USER {self.monitor_user}@'127.0.0.1' IDENTIFIED BY '{password}' "
                   f"WITH MAX_USER_CONNECTIONS 5;"
                   f"GRANT {MariaDb.MONITOR_GRANTS} ON *.* TO {self.monitor_user}@'127.0.0.1';")
        # Local to each server, so that the replica's GTID position starts clean.
        for server in (self.primary, self.replica):
            server.sql("SET SESSION sql_log_bin=0;" + monitor)
        self.primary.sql(
            f"SET SESSION sql_log_bin=0;"
            f"CREATE USER repl@'127.0.0.1' IDENTIFIED BY '{self._replication_password}';"
            f"GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1';")
        # The heartbeat lets a replica notice a primary that hangs; see docs of slave_net_timeout.
        self.replica.sql(
            f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={self.primary.port}, MASTER_USER='repl', "
            f"MASTER_PASSWORD='{self._replication_password}', MASTER_USE_GTID=slave_pos, "
            f"MASTER_HEARTBEAT_PERIOD=2, MASTER_CONNECT_RETRY=2; START SLAVE;")
        self.primary.sql("CREATE DATABASE shop; CREATE TABLE shop.orders "
                         "(id BIGINT PRIMARY KEY, placed TIMESTAMP NOT NULL, what VARCHAR(80) NOT NULL)")
        wait_until(self.in_step, 10, "the replica replicates")
        return self

    def in_step(self) -> bool:
        """Whether both threads run and the replica has executed all that the primary has written."""
        status = self.replica.replica_status()
        if status.get("Slave_IO_Running") != "Yes" or status.get("Slave_SQL_Running") != "Yes":
            return False
        return (self.primary.sql("SELECT @@gtid_binlog_pos").strip()
                == self.replica.sql("SELECT @@gtid_slave_pos").strip())

    def break_by_duplicate_key(self):
        """A row on the replica alone, then the same key on the primary: error 1062 stops the SQL thread."""
        key = int(self.primary.sql("SELECT COALESCE(MAX(id), 0) + 1000000000 FROM shop.orders"))
        row = f"INSERT INTO shop.orders VALUES ({key}, NOW(), 'written on the replica by mistake')"
        self.replica.sql("SET SESSION sql_log_bin=0;" + row)
        self.primary.sql(row.replace("on the replica by mistake", "on the primary"))

    def mend_duplicate_key(self):
        """What a person would do: delete the stray row, start the thread again. Nothing if it runs."""
        status = self.replica.replica_status()
        if status.get("Slave_SQL_Running") == "Yes" and status.get("Slave_IO_Running") == "Yes":
            return
        self.replica.sql("SET SESSION sql_log_bin=0;"
                         "DELETE FROM shop.orders WHERE what = 'written on the replica by mistake'; START SLAVE;")

    def stop(self):
        self.replica.stop()
        self.primary.stop()

    remove = stop
