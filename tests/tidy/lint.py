"""`./run lint`: the format (clang-format), clang-tidy on the files that differ from main (--all: every file),
and the rules of the tree."""

import argparse
import json
import os
import subprocess
import sys
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


def tidy(build: Path, files) -> bool:
    commands = {entry["file"] for entry in json.loads((build / "compile_commands.json").read_text())}
    compiled = [path for path in files if str(ROOT / path) in commands]
    print(f"== clang-tidy on {len(compiled)} files", flush=True)

    def check(path):
        # -Werror is g++'s matter; clang-tidy's own checks are errors by .clang-tidy.
        return path, subprocess.run(["clang-tidy-14", "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option",
                                     "--extra-arg=-Wno-error", path], capture_output=True, text=True)
    good = True
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, done in pool.map(check, compiled):
            if done.returncode:
                good = False
                print(f"{path}\n{done.stdout}", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run lint")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--all", action="store_true", help="clang-tidy on every file")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    files = cpp_files()
    good = formatted(files)
    rules = unittest.TestLoader().discover(str(ROOT / "tests/tidy"), "test_*.py", str(ROOT))
    good &= unittest.TextTestRunner().run(rules).wasSuccessful()
    if arguments.all:
        good &= tidy(arguments.build, [path for path in files if path.suffix == ".cpp"])
    else:
        changed = changed_files()
        good &= tidy(arguments.build, [path for path in files if path.suffix == ".cpp" and path in changed])
    print("lint: clean" if good else "lint: see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
