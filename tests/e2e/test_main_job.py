"""`./run` without a display: this machine is monitored, the picture is written, everything is stopped."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.platform.processes import ROOT
from tests.platform.programs import fetch


class MainJob(unittest.TestCase):
    def test_this_machine_is_watched_and_everything_stops(self):
        with tempfile.TemporaryDirectory(prefix="clusterwatch-e2e-") as home:
            environment = {name: value for name, value in os.environ.items()
                           if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
            run = subprocess.run([sys.executable, "-m", "tests.platform.local", "--for", "3"], cwd=ROOT, timeout=90,
                                 env={**environment, "XDG_DATA_HOME": home}, capture_output=True, text=True,
                                 stdin=subprocess.DEVNULL)
            told = run.stdout + run.stderr
            self.assertEqual(run.returncode, 0, told)
            picture = Path(home) / "clusterwatch/dashboard/now.png"
            self.assertEqual(picture.read_bytes()[:8], b"\x89PNG\r\n\x1a\n", told)
            self.assertIn(f"the dashboard, as a picture: {picture}", told)
            for name in ("collector", "agent"):
                url = re.search(rf"^  {name} +(http://\S+)", told, re.MULTILINE).group(1)
                with self.assertRaises(OSError, msg=f"{name} still answers at {url}"):
                    fetch(url + "/metrics", 2)

    def test_closed_by_ctrl_c(self):
        with tempfile.TemporaryDirectory(prefix="clusterwatch-e2e-") as home:
            run = subprocess.Popen([sys.executable, "-m", "tests.platform.local", "--no-dashboard"], cwd=ROOT,
                                   env={**os.environ, "XDG_DATA_HOME": home}, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
            told = ""
            for line in run.stdout:
                told += line
                if "Ctrl-C stops everything" in line:
                    break
            run.send_signal(2)
            told += run.communicate(timeout=20)[0]
            self.assertEqual(run.returncode, 0, told)
            url = re.search(r"^  collector +(http://\S+)", told, re.MULTILINE).group(1)
            with self.assertRaises(OSError):
                fetch(url + "/-/healthy", 2)


if __name__ == "__main__":
    unittest.main()
