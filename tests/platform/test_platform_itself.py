"""The starters and ./run themselves: what they promise about somebody's machine."""

import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.platform.processes import PORTS, ROOT, Process, wait_until


def run_script(*arguments):
    return subprocess.run([ROOT / "run", *arguments], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


def alive(pid: int) -> bool:
    """Runs, and is not merely waiting for its parent to take note of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class RunScript(unittest.TestCase):
    def test_help_lists_every_command(self):
        done = run_script("--help")
        self.assertEqual(done.returncode, 0)
        for command in ("demo", "test", "build", "bench", "fuzz", "lint", "package", "campaign", "--break", "--mend"):
            self.assertIn(command, done.stdout)

    def test_wrong_use_has_status_2_and_starts_nothing(self):
        self.assertEqual(run_script("dmeo").returncode, 2)

    def test_mend_without_a_demo_says_so(self):
        if (ROOT / "build/demo/control").exists():
            self.fail("a demo runs in this checkout; stop it before the tests")
        done = run_script("demo", "--mend")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no demo is running", done.stderr)

    def test_scripts_have_no_syntax_errors(self):
        for script in ("run", ".ci/run", "packaging/run.d/packages.sh"):
            subprocess.run(["bash", "-n", ROOT / script], check=True)

    def test_packages_that_would_start_services_are_never_installed(self):
        """Only unpacked: fetch_tools. The list of what apt installs must not name them."""
        text = (ROOT / "packaging/run.d/packages.sh").read_text()
        installed = text[text.index("BUILD_PACKAGES=("):text.index("# as_root")].split()
        for service in ("memcached", "prometheus", "prometheus-alertmanager", "victoria-metrics", "collectd-core",
                        "collectd", "apache2", "mariadb-server"):
            self.assertNotIn(service, installed)

    def test_a_missing_package_is_noticed(self):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c",
             "source packaging/run.d/packages.sh; missing_packages bash no-such-package-anywhere; missing_packages bash"],
            cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.split(), ["no-such-package-anywhere"])


class Processes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="clusterwatch-platform-")
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name)

    def test_children_end_with_us_even_if_we_are_killed(self):
        parent = subprocess.Popen([sys.executable, "-c", (
            "from tests.platform.processes import Process\n"
            f"print(Process('child', ['sleep', '600'], {str(self.directory)!r}).start().pid, flush=True)\n"
            "import time; time.sleep(600)")], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        with parent.stdout:
            child = int(parent.stdout.readline())
        self.assertTrue(alive(child))
        parent.kill()
        parent.wait()
        wait_until(lambda: not alive(child), 5, "the child has ended")

    def test_a_frozen_process_can_be_stopped(self):
        process = Process("child", ["sleep", "600"], self.directory).start()
        process.freeze()
        self.assertEqual(process.stop(5), -signal.SIGTERM)

    def test_one_that_ignores_sigterm_is_killed(self):
        process = Process("child", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"],
                          self.directory).start()
        wait_until(lambda: "ready" in process.log(), 5, "the trap is set", process)
        self.assertEqual(process.stop(0.3), -signal.SIGKILL)

    def test_waiting_for_a_dead_process_fails_at_once_with_its_log(self):
        process = Process("child", ["sh", "-c", "echo broken pipe dream; exit 7"], self.directory).start()
        with self.assertRaisesRegex(RuntimeError, "status 7(.|\n)*broken pipe dream"):
            wait_until(lambda: False, 30, "never", process)

    def test_no_port_is_given_twice(self):
        ports = [PORTS.free() for _ in range(200)]
        self.assertEqual(len(set(ports)), 200)

    def test_a_taken_port_is_replaced(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assertNotEqual(PORTS.free(port), port)


if __name__ == "__main__":
    unittest.main()
