"""`./run campaign kill [ROUNDS]`: kill -9 of the collector at random moments while virtual agents send, as often as
wanted; then everything acknowledged is compared with what is stored. Appends one line to docs/results/kill.tsv."""

import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.support import Ledger, driver
from tests.platform.processes import ROOT
from tests.platform.programs import Collector

SERIES, AGENTS = 50, 4


def campaign(rounds: int, seed: int, directory: Path):
    chance = random.Random(seed)
    collector = Collector(directory / "collector").start()
    ready = []
    load = driver(directory, collector.url, agents=AGENTS, series=SERIES, seconds=rounds * 1.5, pause_ms=5, seed=seed).start()
    try:
        for _ in range(rounds):
            time.sleep(chance.uniform(0.02, 1.2))  # the random moment
            collector.process.kill()
            begin = time.monotonic()
            collector.start()
            ready.append(time.monotonic() - begin)
        load.wait(rounds * 3 + 120)
        ledger = Ledger(directory / "driver.ledger", SERIES)
        # The window must reach back over the whole campaign.
        return ledger, ledger.compare(collector, "1d"), max(ready)
    finally:
        load.kill()
        collector.stop()


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    print(f"{rounds} kills, seed {seed}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="clusterwatch-kill-"))
    begin = time.time()
    ledger, (lost, duplicated, alien), slowest = campaign(rounds, seed, directory)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    samples = len(ledger.acknowledged) * SERIES
    results = ROOT / "docs/results/kill.tsv"
    results.parent.mkdir(exist_ok=True)
    if not results.exists():
        results.write_text("date\tcommit\tseed\tkills\tseconds\tacknowledged_samples\tlost\tduplicated\talien\tslowest_ready_s\n")
    with open(results, "a") as file:
        file.write(f"{time.strftime('%F')}\t{commit}\t{seed}\t{rounds}\t{time.time() - begin:.0f}\t{samples}\t{lost}\t{duplicated}"
                   f"\t{alien}\t{slowest:.2f}\n")
    print(f"{samples} samples acknowledged: {lost} lost, {duplicated} duplicated, {alien} alien; "
          f"ready again within {slowest:.2f} s")
    if lost or duplicated or alien:
        print(f"kept: {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
