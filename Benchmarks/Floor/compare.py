#!/usr/bin/env python3
"""A whole migration against the floor: a bare loop of renameat2 over the same names.

Both run in turn on fresh samples, in changing order; what counts is the ratio of the medians.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hotcold", required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("--dir", default=os.environ.get("HOTCOLD_BENCH_DIR", "/dev/shm"))
    parser.add_argument("--files", default="300k")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--engines", nargs="+", default=["auto", "syscalls"])
    arguments = parser.parse_args()

    base = tempfile.mkdtemp(prefix="hotcold-floor-", dir=arguments.dir)
    seconds = {name: [] for name in ["floor", *arguments.engines]}
    try:
        for run in range(arguments.runs):
            names = list(seconds)
            for name in names if run % 2 == 0 else reversed(names):
                seconds[name].append(measure(name, os.path.join(base, "capture"), arguments))
    finally:
        shutil.rmtree(base)

    floor = statistics.median(seconds["floor"])
    print(f"{arguments.files} files on {arguments.dir}, median of {arguments.runs}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"  {name:10} {median:7.3f} s   {median / floor:5.2f} x floor   "
              f"({min(values):.2f} to {max(values):.2f} s)")


def measure(name, capture, arguments):
    shutil.rmtree(capture, ignore_errors=True)
    subprocess.run([arguments.hotcold, "sample", capture, "--files", arguments.files], check=True)
    if name == "floor":
        result = subprocess.run([arguments.floor, capture], check=True, capture_output=True, text=True)
        return int(result.stdout.split()[1]) / 1e9
    command = [arguments.hotcold, "migrate", capture, "--execute", "--yes", "--quiet", "--engine", name]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
