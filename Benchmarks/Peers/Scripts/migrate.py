#!/usr/bin/env python3
"""The migration as a Python script would do it: migrate.py shutil|rename CAPTURE"""

import os
import shutil
import sys
import time


def kind_of(name):
    if name.startswith("segment_") and name.endswith(".ts"):
        return "segments"
    if name.startswith("capture_") and name.endswith(".json"):
        return "metadata"
    if name.startswith("capture_") and name.endswith(".jpg"):
        return "thumbnails" if name.endswith("_thumbnail.jpg") else "captures"
    return None


def main():
    move = {"shutil": shutil.move, "rename": os.rename}[sys.argv[1]]
    capture = sys.argv[2]
    files = {"segments": [], "captures": [], "thumbnails": [], "metadata": []}
    for folder in (capture, os.path.join(capture, "captures")):
        for entry in os.scandir(folder):
            kind = kind_of(entry.name)
            if kind and entry.is_file(follow_symlinks=False):
                files[kind].append((entry.stat().st_mtime_ns, entry.name, entry.path))
    for kind, found in files.items():
        for hour in range(24):
            os.makedirs(os.path.join(capture, kind, str(hour)), exist_ok=True)
        found.sort(reverse=True)
        limit = 10 if kind == "segments" else 100
        for index, (mtime, name, path) in enumerate(found):
            hour = str(time.localtime(mtime // 1_000_000_000).tm_hour)
            target = os.path.join(capture, kind, name if index < limit else os.path.join(hour, name))
            if path != target:
                move(path, target)
    playlist = os.path.join(capture, "output.m3u8")
    if os.path.exists(playlist):
        move(playlist, os.path.join(capture, "segments", "output.m3u8"))


main()
