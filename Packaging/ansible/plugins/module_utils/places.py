# Copyright 2026 the hotcold founders. All rights reserved.
"""Where the files of captures are: counts by kind, and by flat place, hot place and bucket, from a look at their folders."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re

from ansible_collections.hotcold.captures.plugins.module_utils.captures_list import layouts_named_for, layouts_of_list
from ansible_collections.hotcold.captures.plugins.module_utils.program import run_command

# `hotcold layout` prints names that need no quotes as they are, all others in double quotes.
VALUE = r'("(?:[^"\\]|\\.)*"|\[.*?\]|[^\s#]+)'
ROOT = re.compile(r"^  root: " + VALUE)
KIND = re.compile(r"^  " + VALUE + r":$")
KEY = re.compile(r"^    ([a-z]+): " + VALUE)
HOURS = re.compile(r"^(1?[0-9]|2[0-3])$")
DATES = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
HOURS_OF_DATES = re.compile(r"^([01][0-9]|2[0-3])$")


def texts(value):
    """The strings of a value."""
    if value.startswith("["):
        return [text for item in re.findall(r'"(?:[^"\\]|\\.)*"|[^\s,\[\]]+', value) for text in texts(item)]
    return [json.loads(value) if value.startswith('"') else value]


class Places:
    """Where the files of each capture are, or will be, by the layouts and the list as they are now."""

    def __init__(self, program, plan, *layouts):
        """Layouts that are not named by a list, the target first; files may still be where another one has them."""
        self.program = program
        self.plan = plan
        self.layouts = {}
        listed = layouts_of_list(program.module.params["captures_from"])
        self.paths = {}
        self.layouts_of = {}
        for capture in plan.captures:
            name = capture["capture"]["text"]
            path = self.paths[name] = os.fsdecode(base64.b64decode(capture["capture"]["base64"]))
            own = layouts_named_for(path, listed)
            self.layouts_of[name] = [self.layout(its) for its in (own[:1] + list(layouts[1:]) if own else layouts)]

    @property
    def now(self):
        """Of each capture and kind flat, hot and buckets (those that hold something)."""
        return {name: places(self.layouts_of[name], path) for name, path in self.paths.items()}

    @property
    def planned(self):
        """The same after what the dry run says; not of captures that it could not look at."""
        return {
            capture["capture"]["text"]: planned(self.layouts_of[capture["capture"]["text"]][0], capture["kinds"])
            for capture in self.plan.captures if capture["exitCode"] <= 1
        }

    def layout(self, name):
        if name not in self.layouts:
            options = ["--layout", name] if name else []
            status, output, errors = run_command(self.program.module, [self.program.path, "layout"] + options)
            if status != 0:
                self.program.module.fail_json(msg="hotcold layout failed: %s" % errors.strip(), rc=status)
            self.layouts[name] = Layout(output)
        return self.layouts[name]


class Layout:
    """What `hotcold layout` prints of one."""

    def __init__(self, text):
        self.has_dates = False
        self.root = None
        self.kinds = {}
        section = name = None
        for line in text.splitlines():
            if not line.startswith(" "):
                section = line.split(":")[0]
            if line.startswith("buckets: "):
                self.has_dates = line.startswith("buckets: date-hour")
            elif section == "cold" and ROOT.match(line):
                self.root = texts(ROOT.match(line).group(1))[0]
            elif section == "kinds" and KIND.match(line):
                name = texts(KIND.match(line).group(1))[0]
                self.kinds[name] = {}
            elif section == "kinds" and KEY.match(line):
                key, value = KEY.match(line).groups()
                self.kinds[name][key] = texts(value)

    def add_places(self, found, capture, counted):
        """To what is found; not what is counted already, by kinds and folders."""
        for name in self.kinds:
            found.setdefault(name, {"flat": 0, "hot": 0, "buckets": {}})
        for folder in {kind[key][0] for kind in self.kinds.values() for key in ("flat", "hot")}:
            counts = self.count(os.path.join(capture, folder))
            for name, kind in self.kinds.items():
                place = "hot" if kind["hot"][0] == folder else "flat" if kind["flat"][0] == folder else None
                if place and (name, folder) not in counted:
                    counted.add((name, folder))
                    found[name][place] += counts[name]
        base = self.root.replace("{capture}", os.path.basename(os.path.realpath(capture))) if self.root else capture
        for folder in {self.cold(kind) for kind in self.kinds.values()}:
            for bucket in self.buckets(os.path.join(base, folder)):
                counts = self.count(os.path.join(base, folder, bucket))
                for name, kind in self.kinds.items():
                    mark = (name, os.path.join(base, folder, bucket))
                    if self.cold(kind) == folder and counts[name] and mark not in counted:
                        counted.add(mark)
                        buckets = found[name]["buckets"]
                        buckets[bucket] = buckets.get(bucket, 0) + counts[name]

    @staticmethod
    def cold(kind):
        return kind.get("cold", kind["hot"])[0]

    def buckets(self, folder):
        if not self.has_dates:
            return [name for name in folders(folder) if HOURS.match(name)]
        return [
            "%s/%s" % (date, hour)
            for date in folders(folder) if DATES.match(date)
            for hour in folders(os.path.join(folder, date)) if HOURS_OF_DATES.match(hour)
        ]

    def count(self, folder):
        """By kind, the regular files in a folder."""
        counts = dict.fromkeys(self.kinds, 0)
        kinds = [(name, pattern(kind["match"]), pattern(kind.get("except", []))) for name, kind in self.kinds.items()]
        with entries_of(os.fsencode(folder)) as entries:
            for entry in entries:
                for name, match, leave in kinds:
                    if match.match(entry.name) and not leave.match(entry.name) and entry.is_file(follow_symlinks=False):
                        counts[name] += 1
                        break
        return counts


def pattern(globs):
    """Of bytes; without globs it matches nothing."""
    alternatives = [re.escape(glob).replace(r"\*", ".*") for glob in globs]
    return re.compile(os.fsencode("(?s:%s)\\Z" % "|".join(alternatives) if globs else r"(?!)"))


def entries_of(folder):
    """Nothing of one that is a link, or is not there: retention may remove an hour at any time."""
    try:
        return contextlib.nullcontext(()) if os.path.islink(folder) else os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return contextlib.nullcontext(())


def folders(path):
    with entries_of(path) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def places(layouts, capture):
    found, counted = {}, set()
    for layout in layouts:
        layout.add_places(found, capture, counted)
    return found


def planned(layout, kinds):
    after = {}
    for name, kind in kinds.items():
        counts = kind["counts"]
        buckets = kind["byBucket"] if "byBucket" in kind else {str(hour): n for hour, n in enumerate(kind["byHour"])}
        # Files that are left where a player finds them count as hot, and lie in the flat place.
        hot = kind["hot"] - counts["kept"]
        flat = counts["found"] - counts["vanished"] - kind["cold"] - hot
        if layout.kinds[name]["flat"] == layout.kinds[name]["hot"]:
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
