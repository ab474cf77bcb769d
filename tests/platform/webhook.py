"""A receiver of alerts: what a pager's webhook is to the collector. Keeps every page, and prints it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WebhookReceiver:
    """Speaks Alertmanager's webhook, version 4. `page` is called with each body, in the server's thread."""

    def __init__(self, port: int = 0, page=None, status: int = 200):
        self.pages = []
        self.status = status  # what is answered; a test sets 503 to refuse
        self.refused = 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if receiver.status // 100 == 2:
                    receiver._take(json.loads(body), page)
                else:
                    receiver.refused += 1
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _take(self, page, callback):
        with self._lock:
            self.pages.append(page)
        if callback:
            callback(page)

    def alerts(self, name: str, status: str):
        """All alerts of that name and status ("firing", "resolved") that have arrived so far."""
        with self._lock:
            return [alert for page in self.pages for alert in page.get("alerts", [])
                    if alert["labels"].get("alertname") == name and alert["status"] == status]


def describe(page) -> str:
    """A page as the demo prints it: a line an alert."""
    lines = []
    for alert in page.get("alerts", []):
        labels, annotations = alert.get("labels", {}), alert.get("annotations", {})
        lines.append(f"PAGE  {alert['status'].upper():8}  {labels.get('alertname')}  on {labels.get('instance', '?')}: "
                     f"{annotations.get('summary') or annotations.get('description') or ''}")
    return "\n".join(lines)
