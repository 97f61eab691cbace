# Copyright 2026 the hotcold founders. All rights reserved.
"""Where the files of captures are: counts by kind, and by flat place, hot place and bucket, as hotcold finds them."""

from __future__ import annotations

import re


class Places:
    """What the options of a task mean, which may name a second layout where files may still be."""

    def __init__(self, program, from_layout=None):
        self.program = program
        self.layouts = [None] + [from_layout] * (from_layout is not None)
        # Of each capture the kinds whose hot place is their flat place.
        self.shared = {}

    def look(self):
        """Of each capture that can be read and each kind: flat, hot and buckets (those that hold something)."""
        found, counted = {}, set()
        for layout in self.layouts:
            run = self.program.look(layout)
            run.require("captures.capture.text", "captures.exitCode")
            for capture in run.captures:
                if capture.get("kinds") is not None:
                    name = capture["capture"]["text"]
                    self.shared.setdefault(name, {
                        kind for kind, folders in capture["kinds"].items() if folders["flat"]["folder"] == folders["hot"]["folder"]
                    })
                    add(capture["kinds"], found.setdefault(name, {}), name, counted)
        return found

    def planned(self, plan):
        """The same after what a dry run says; not of captures that it could not look at. After a look."""
        return {
            capture["capture"]["text"]: planned(capture["kinds"], self.shared.get(capture["capture"]["text"], ()))
            for capture in plan.captures if capture["exitCode"] <= 1
        }


def add(kinds, found, capture, counted):
    """To what is found; a folder of a kind only once, although two layouts name it."""
    for kind, folders in kinds.items():
        places = found.setdefault(kind, {"flat": 0, "hot": 0, "buckets": {}})
        buckets = folders["buckets"].items()
        for place, bucket, folder in [(None, bucket, folder) for bucket, folder in buckets] + [
            ("hot", None, folders["hot"]), ("flat", None, folders["flat"]),
        ]:
            mark = (capture, kind, folder["folder"])
            if mark in counted:
                continue
            counted.add(mark)
            if place:
                places[place] += folder["files"]
            elif folder["files"]:
                places["buckets"][bucket] = places["buckets"].get(bucket, 0) + folder["files"]


def planned(kinds, shared):
    after = {}
    for name, kind in kinds.items():
        counts = kind["counts"]
        buckets = kind["byBucket"] if "byBucket" in kind else {str(hour): n for hour, n in enumerate(kind["byHour"])}
        # Files that are left where a player finds them count as hot, and lie in the flat place.
        hot = kind["hot"] - counts["kept"]
        flat = counts["found"] - counts["vanished"] - kind["cold"] - hot
        if name in shared:
            flat, hot = 0, flat + hot
        after[name] = {"flat": flat, "hot": hot, "buckets": {bucket: n for bucket, n in buckets.items() if n}}
    return after


def lines_of(places):
    """For a difference: a line for each kind and place."""
    lines = []
    for name, counts in sorted(places.items()):
        lines.append("%s, flat: %d" % (name, counts["flat"]))
        lines.append("%s, hot: %d" % (name, counts["hot"]))
        lines += [
            "%s, %s: %d" % (name, bucket, counts["buckets"][bucket])
            for bucket in sorted(counts["buckets"], key=lambda bucket: [int(n) for n in re.findall("[0-9]+", bucket)])
        ]
    return "".join(line + "\n" for line in lines)
