#!/usr/bin/env python3
"""Files from one file system to another and durable there: hotcold beside what else people take.

tiers.py HOTCOLD [--runs 7] [--source tmpfs] [--target ext4] [--files COUNTxBYTES ...]

As root. Source and target are a tmpfs or loop devices in /var/tmp. Each run begins with fresh files and an empty target; the
programs take turns. All end with the file system synced: hotcold by itself, the others by `sync -f`.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

FIRST_SECOND = 1_700_000_000
# A bucket for each hour, as in a recording of some days.
SECONDS_APART = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hotcold")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--source", default="tmpfs")
    parser.add_argument("--target", default="ext4")
    parser.add_argument("--files", nargs="+", default=["20000x3072", "5000x51200", "500x2097152"])
    arguments = parser.parse_args()
    with Disks(arguments.source, arguments.target) as disks:
        for files in arguments.files:
            count, size = map(int, files.split("x"))
            measure(disks, os.path.abspath(arguments.hotcold), count, size, arguments.runs)


def measure(disks, hotcold, count, size, runs):
    commands = disks.commands(hotcold)
    seconds = {name: [] for name in commands}
    processor = {name: [] for name in commands}
    for turn in range(runs):
        names = list(commands)
        for name in names[turn % len(names):] + names[: turn % len(names)]:
            disks.fill(count, size)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.monotonic()
            subprocess.run(commands[name], shell=True, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.monotonic() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            disks.empty()
    own = statistics.median(seconds["hotcold"])
    print(f"\n{disks.source} to {disks.target}, {count:,} files of {size:,} bytes, median of {runs}\n")
    print("| program | s | x hotcold | µs of processor time a file |\n|---|---|---|---|")
    for name in commands:
        median = statistics.median(seconds[name])
        of_processor = statistics.median(processor[name]) / count * 1e6
        print(f"| {name} | {median:.2f} | {median / own:.2f} | {of_processor:.0f} |", flush=True)


class Disks:
    """A capture on the target, in which the source is mounted on `hot`."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.mounts = []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="hotcold-tiers-", dir="/var/tmp")
        self.capture = self.folder + "/disk/capture"
        try:
            self.mount(self.target, self.folder + "/disk", "12G")
            self.mount(self.source, self.capture + "/hot", "6G")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for path in reversed(self.mounts):
            subprocess.run(["umount", "-l", path])
        shutil.rmtree(self.folder)

    def mount(self, kind, path, size):
        os.makedirs(path)
        if kind == "tmpfs":
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
        else:
            image = f"{self.folder}/image-{len(self.mounts)}"
            subprocess.run(["truncate", "-s", size, image], check=True)
            subprocess.run([f"mkfs.{kind}", "-q", image], check=True)
            subprocess.run(["mount", "-o", "loop", image, path], check=True)
        self.mounts.append(path)

    def commands(self, hotcold):
        source, target = self.capture + "/hot/captures", self.capture + "/cold"
        layout = "guide-ram"
        if self.source != "tmpfs":
            layout = self.folder + "/layout.yaml"
            text = subprocess.run([hotcold, "layout", "--layout", "guide-ram"], check=True, capture_output=True, text=True).stdout
            with open(layout, "w") as file:
                file.write(text.replace("hot: tmpfs", "hot: any"))
        sync = f"sync -f {target}"
        return {
            "hotcold": f"{hotcold} migrate {self.capture} --layout {layout} --hot captures=0 --execute --yes --no-manifests --quiet",
            "mv": f"mkdir {target} && mv {source} {target}/ && {sync}",
            "cp -a, sync, rm -r": f"mkdir {target} && cp -a {source} {target}/ && {sync} && rm -r {source}",
            "rsync -a --remove-source-files": f"mkdir {target} && rsync -a --remove-source-files {source} {target}/ && {sync}",
            "Python's shutil.move": f"mkdir {target} && python3 -c 'import shutil; shutil.move(\"{source}\", \"{target}/\")' && {sync}",
        }

    def fill(self, count, size):
        folder = self.capture + "/hot/captures"
        os.makedirs(folder, exist_ok=True)
        contents = os.urandom(size)
        for number in range(count):
            path = f"{folder}/capture_{number}.jpg"
            with open(path, "wb") as file:
                file.write(contents)
            moment = FIRST_SECOND + number * SECONDS_APART
            os.utime(path, (moment, moment))
        subprocess.run(["sync"], check=True)
        # What was written in the last 20 ms stays.
        time.sleep(0.05)

    def empty(self):
        for name in os.listdir(self.capture):
            if name != "hot":
                shutil.rmtree(f"{self.capture}/{name}")
        for name in os.listdir(self.capture + "/hot"):
            shutil.rmtree(f"{self.capture}/hot/{name}")
        subprocess.run(["sync"], check=True)


main()
