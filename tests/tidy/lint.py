"""`./run lint`: the format (clang-format), the rules of the tree, and clang-tidy with clang's check of the locks
on the files that differ from main.

--all takes every file, but without clang's static analyzer: that is three quarters of the time, and each file has
been through it when it was changed. What the compilers generate (protobuf, moc) is made first: clang-tidy parses."""

import argparse
import json
import os
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.tidy.test_tree import ROOT, tracked


def cpp_files():
    return [path for path in tracked() if path.suffix in (".h", ".cpp")]


def changed_files():
    """What differs from where this branch left main (on main: the last commit), and what is not committed."""
    base = subprocess.run(["git", "merge-base", "HEAD", "main"], capture_output=True, text=True).stdout.strip()
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    if not base or base == head:
        base = "HEAD~1"
    names = subprocess.run(["git", "diff", "--name-only", base], capture_output=True, text=True).stdout.split()
    return {Path(name) for name in names}


def formatted(files) -> bool:
    done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *map(str, files)], capture_output=True, text=True)
    if done.returncode:
        wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "[-Wclang-format" in line})
        print("not formatted (clang-format-14 -i mends it):\n  " + "\n  ".join(wrong))
    return done.returncode == 0


def generate(build: Path) -> None:
    """Makes the headers that no file of the tree holds."""
    rules = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"], capture_output=True, text=True, check=True)
    outputs = [line.split(":")[0] for line in rules.stdout.splitlines()]
    wanted = [name for name in outputs if name.endswith((".pb.h", "_autogen/timestamp")) and not name.startswith("/")]
    subprocess.run(["ninja", "-C", build, "--quiet", *wanted], check=True)


def tidy(build: Path, files, analyze: bool) -> bool:
    commands = {entry["file"] for entry in json.loads((build / "compile_commands.json").read_text())}
    compiled = [path for path in files if str(ROOT / path) in commands]
    print(f"== clang-tidy on {len(compiled)} files" + ("" if analyze else ", without the analyzer"), flush=True)
    # -Werror is g++'s matter; clang-tidy's own checks are errors by .clang-tidy.
    command = ["clang-tidy-14", "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-error"]
    if not analyze:
        command.append("--checks=-clang-analyzer-*")

    def check(path):
        return path, subprocess.run([*command, path], capture_output=True, text=True)
    begin = time.monotonic()
    bad = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, done in pool.map(check, compiled):
            if done.returncode:
                bad += 1
                print(f"{path}\n{done.stdout or done.stderr}", flush=True)
    print(f"   {len(compiled) - bad} clean, {bad} not, {time.monotonic() - begin:.0f} s", flush=True)
    return bad == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run lint")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--all", action="store_true", help="clang-tidy on every file")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    files = cpp_files()
    print(f"== format of {len(files)} files", flush=True)
    good = formatted(files)
    print("== rules of the tree", flush=True)
    rules = unittest.TestLoader().discover(str(ROOT / "tests/tidy"), "test_*.py", str(ROOT))
    good &= unittest.TextTestRunner().run(rules).wasSuccessful()
    generate(arguments.build)
    changed = set(files) if arguments.all else changed_files()
    good &= tidy(arguments.build, [path for path in files if path.suffix == ".cpp" and path in changed],
                 analyze=not arguments.all)
    print("lint: clean" if good else "lint: see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
