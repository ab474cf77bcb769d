"""Light traffic through the services of the miniature, so that its charts have something to show.
One thread a service; a service that is down is tried again, since faults are the point of the demo."""

import http.client
import random
import socket
import subprocess
import threading

from tests.platform.processes import Process


class Traffic:
    def __init__(self, apaches, memcacheds, primary, documents, directory):
        self._stop = threading.Event()
        self._random = random.Random(1)
        self._documents = documents
        self._written = 0
        self._order = 0
        self._session = Process("traffic", [*primary.client_command(), "--batch", "--force", "--unbuffered", "shop"],
                                primary.data, stdin=subprocess.PIPE)
        self._session.log_path = directory / "traffic.log"
        work = [(0.1, self._request, apache) for apache in apaches]
        work += [(0.1, self._cache, memcached) for memcached in memcacheds]
        work += [(0.2, self._write_row, primary), (1.0, self._write_document, documents)]
        self._threads = [threading.Thread(target=self._repeat, args=item, daemon=True) for item in work]

    def start(self):
        self._session.start()
        for thread in self._threads:
            thread.start()
        return self

    def stop(self):
        self._stop.set()
        self._session.kill()
        for thread in self._threads:
            thread.join(5)

    def _repeat(self, pause, action, service):
        while not self._stop.wait(pause * self._random.uniform(0.5, 1.5)):
            try:
                action(service)
            except (OSError, http.client.HTTPException):
                pass  # the service is down: that is what the demo shows

    def _request(self, apache):
        connection = http.client.HTTPConnection("127.0.0.1", apache.port, timeout=2)
        path = "/" if self._random.random() < 0.95 else "/no-such-page"
        connection.request("GET", path)
        connection.getresponse().read()
        connection.close()

    def _cache(self, memcached):
        key = f"k{self._random.randrange(200)}"
        value = "x" * self._random.randrange(10, 500)
        with socket.create_connection(("127.0.0.1", memcached.port), timeout=2) as connection:
            connection.sendall(f"set {key} 0 60 {len(value)}\r\n{value}\r\nget k{self._random.randrange(260)}\r\n".encode())
            connection.recv(4096)

    def _write_row(self, _primary):
        self._order += 1
        self._session.stdin.write(
            f"INSERT INTO orders SELECT COALESCE(MAX(id), 0) + 1, NOW(), 'order {self._order}' FROM orders "
            f"WHERE id < 1000000000;\nDELETE FROM orders WHERE placed < NOW() - INTERVAL 1 HOUR LIMIT 10;\n".encode())
        self._session.stdin.flush()

    def _write_document(self, documents):
        self._written += 1
        folder = documents / f"{self._written % 16:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        # Bounded: after a thousand documents the oldest is written again.
        (folder / f"document-{self._written % 1000:04d}.txt").write_text("document\n" * self._random.randrange(1, 200))
