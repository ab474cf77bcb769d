"""Real programs, run as our own processes: each in its own directory, with its log, on a free loopback
port, stopped by its process id, and gone with us even if we are killed.

Nothing here touches the system: no service manager, no well-known directory, no process found by its name.
"""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "tools"
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def binaries() -> Path:
    """Where our own programs are: $CLUSTERWATCH_BIN, or the release build."""
    return Path(os.environ.get("CLUSTERWATCH_BIN", ROOT / "build" / "release" / "bin")).resolve()


def tool(package: str, path: str) -> Path:
    """A file of a package that `./run` unpacked privately."""
    found = TOOLS / package / path
    if not found.exists():
        raise FileNotFoundError(f"{found} is missing: `./run test` or `./run demo` fetches {package}")
    return found


class Ports:
    """Free loopback ports. The sockets are held until all are chosen, so that no port is given twice."""

    def __init__(self):
        self._given = set()

    def free(self, wanted: int = 0) -> int:
        """`wanted` if nobody listens there, else any free port."""
        for candidate in ([wanted] if wanted else []) + [0] * 100:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", candidate))
                except OSError:
                    continue
                port = probe.getsockname()[1]
            if port not in self._given:
                self._given.add(port)
                return port
        raise RuntimeError("no free loopback port")


PORTS = Ports()


class StartError(RuntimeError):
    """A program did not start, or ended; the message ends with its log."""


class Process:
    """One child process with a log. It gets `death_signal` from the kernel when we die, however we die."""

    def __init__(self, name, command, directory, env=None, death_signal=signal.SIGKILL, stdin=subprocess.DEVNULL):
        self.name = name
        self.command = [str(part) for part in command]
        self.directory = Path(directory)
        self.log_path = self.directory / f"{name}.log"
        self._env = env
        self._death_signal = death_signal
        self._stdin = stdin
        self._child = None

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ, **(self._env or {}))
        parent = os.getpid()

        def before_exec():
            # A process group of its own: a Ctrl-C in the terminal reaches only us, and we stop the
            # children in order.
            os.setpgid(0, 0)
            _libc.prctl(PR_SET_PDEATHSIG, self._death_signal, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

        with open(self.log_path, "ab") as log:
            self._child = subprocess.Popen(
                self.command, cwd=self.directory, env=environment, stdin=self._stdin, stdout=log, stderr=log,
                preexec_fn=before_exec)
        return self

    @property
    def pid(self) -> int:
        return self._child.pid if self._child else 0

    @property
    def stdin(self):
        return self._child.stdin

    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def returncode(self):
        return self._child.poll() if self._child else None

    def signal(self, number):
        if self.running():
            self._child.send_signal(number)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def stop(self, deadline: float = 15.0) -> int:
        """SIGTERM, and SIGKILL after the deadline. Returns the exit status (negative: the signal)."""
        if not self._child:
            return 0
        if self.running():
            # A frozen process takes SIGTERM only when it runs again.
            self._child.send_signal(signal.SIGCONT)
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(deadline)
            except subprocess.TimeoutExpired:
                self._child.kill()
        return self._child.wait()

    def kill(self):
        if self.running():
            self._child.kill()
        if self._child:
            self._child.wait()

    def wait(self, deadline: float) -> int:
        return self._child.wait(deadline)

    def log(self, lines: int = 30) -> str:
        try:
            text = self.log_path.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(text[-lines:])

    def require_running(self):
        if not self.running():
            raise StartError(f"{self.name} ended with status {self.returncode()}\n"
                             f"  command: {' '.join(self.command)}\n{self.log()}")


class Interrupts:
    """Ctrl-C, SIGTERM and SIGHUP end whatever we do, as KeyboardInterrupt; while we stop, they are ignored."""

    NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __enter__(self):
        def interrupt(*_):
            raise KeyboardInterrupt
        for number in self.NUMBERS:
            signal.signal(number, interrupt)
        return self

    def __exit__(self, kind, *_):
        for number in self.NUMBERS:
            signal.signal(number, signal.SIG_IGN)
        return kind is KeyboardInterrupt


def wait_until(condition, deadline: float, what: str, process: Process = None, every: float = 0.05):
    """Polls until `condition()` is true and returns its value. OSError counts as "not yet"."""
    end = time.monotonic() + deadline
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
        except OSError as error:
            last = error
        if process is not None:
            process.require_running()
        if time.monotonic() > end:
            tail = f"\n{process.name}'s log:\n{process.log()}" if process else ""
            raise TimeoutError(f"waited {deadline:g} s in vain: {what}" + (f" ({last})" if last else "") + tail)
        time.sleep(every)


def accepts(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
