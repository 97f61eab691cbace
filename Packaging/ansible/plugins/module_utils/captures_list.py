# Copyright 2026 the hotcold founders. All rights reserved.
"""The list of captures, as far as it names layouts: lines as captures.conf has them."""

from __future__ import annotations

import glob
import os
import re

LAYOUT = re.compile(r"^(.*\S)[ \t]+layout=(.*)$")


def lines_of_list(path):
    """Those with a layout, as pairs of what stands before it and its name. Without a list there are none."""
    if not path:
        return []
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            matches = [LAYOUT.match(line.strip()) for line in file if not line.lstrip().startswith("#")]
    except FileNotFoundError:
        return []
    return [match.groups() for match in matches if match]


def layouts_named_for(capture, lines):
    """Each once. A line may be a folder, folder,PID,quality or a pattern; one without a layout says nothing."""
    named = []
    for text, layout in lines:
        words = text.split(",")
        names = [",".join(words[:count]).rstrip() for count in range(1, len(words) + 1)]
        folders = names + [folder for name in names for folder in glob.glob(name)]
        if os.path.realpath(capture) in [os.path.realpath(folder) for folder in folders] and layout not in named:
            named.append(layout)
    return named
