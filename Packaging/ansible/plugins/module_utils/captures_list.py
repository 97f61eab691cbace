# Copyright 2026 the hotcold founders. All rights reserved.
"""The list of captures, as far as it names layouts: lines as captures.conf has them, read as hotcold reads them."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat

LAYOUT = re.compile(rb"^(.*[^ \t])[ \t]+layout=(.*)$")
NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


def layouts_of_list(path):
    """By the real path of each capture with a line that names a layout: its layouts, each once. Without a list there are none."""
    found = {}
    for text in lines_of(path):
        folders, layout = folders_of(text)
        for folder in folders if layout is not None else ():
            named = found.setdefault(os.path.realpath(folder), [])
            if layout not in named:
                named.append(layout)
    return {os.fsdecode(folder): [os.fsdecode(layout) for layout in layouts] for folder, layouts in found.items()}


def layouts_named_for(capture, layouts):
    return layouts.get(os.path.realpath(capture), [])


def lines_of(path):
    if not path:
        return []
    try:
        with open(path, "rb") as file:
            lines = [line.strip(b" \t\r") for line in file.read().split(b"\n")]
    except FileNotFoundError:
        return []
    return [line for line in lines if line and not line.startswith(b"#")]


def folders_of(line):
    """The folders of a line, and its layout or None: the first form that fits is the one that counts."""
    match = LAYOUT.match(line)
    if is_folder(line) or not match:
        return folders_before_commas(line), None
    text, layout = match.groups()
    return folders_before_commas(text), layout


def folders_before_commas(text):
    # The whole text, and what stands before each comma, the longest first.
    commas = [number for number, byte in enumerate(text) if byte == ord(",")]
    heads = [head for head in (text[:comma].rstrip(b" \t") for comma in reversed(commas)) if head]
    for folder in [text] + heads:
        if is_folder(folder):
            return [folder]
    # Of folder,PID,quality.
    folder = (heads[1:2] or heads or [text])[0]
    if not re.search(rb"[*?[]", text):
        return [folder]
    return matching(text) or matching(folder)


def is_folder(path):
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        return error.errno not in NO_FOLDER
    except ValueError:
        return False


class Glob(ctypes.Structure):
    # Of glob.h; the rest is room for what only the C library uses.
    _fields_ = [("count", ctypes.c_size_t), ("paths", ctypes.POINTER(ctypes.c_char_p)), ("rest", ctypes.c_char * 128)]


def matching(pattern):
    """By the C library, as hotcold does it: Python's glob knows no backslash and no [^a]."""
    library = ctypes.CDLL(None)
    found = Glob()
    library.glob(ctypes.c_char_p(pattern), 0, None, ctypes.byref(found))
    try:
        paths = [found.paths[number] for number in range(found.count)]
    finally:
        library.globfree(ctypes.byref(found))
    return [path for path in paths if os.path.basename(path) != b"lost+found" and is_folder(path)]
