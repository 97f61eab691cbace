"""What the modules know of folders and lists, on folders of this machine. static.sh runs it; the rest needs a host."""

from __future__ import annotations

import os
import pathlib
import tempfile

from ansible_collections.hotcold.captures.plugins.module_utils.captures_list import layouts_named_for, layouts_of_list
from ansible_collections.hotcold.captures.plugins.module_utils.places import Layout, folders
from layout_text import LAYOUT


def equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


with tempfile.TemporaryDirectory() as name:
    base = pathlib.Path(os.path.realpath(name))
    capture = base / "capture1"
    for folder in ("segments/7", "segments/8"):
        (capture / folder).mkdir(parents=True)
    (capture / "segments/7/segment_1.ts").write_text("")
    (base / "link").symlink_to(capture)

    # Retention removes an hour between the look at its parent and the one at it.
    class Removing(Layout):
        def buckets(self, folder):
            found = super().buckets(folder)
            if (capture / "segments/8").exists():
                (capture / "segments/8").rmdir()
            return found

    found = {}
    Removing(LAYOUT).add_places(found, str(capture), set())
    equal(found, {"segments": {"flat": 0, "hot": 0, "buckets": {"7": 1}}})
    equal([folders(str(path)) for path in (base / "nowhere", base / "link", capture)], [[], [], ["segments"]])

    captures = base / "captures.conf"
    captures.write_text(
        f"# {base}/capture1 layout=no\n{base}/capture1\n {base}/capture? \t layout=/a b.yaml\n{base}/x,7,hd layout=/x.yaml\n")
    listed = layouts_of_list(str(captures))
    for path, layouts in (("capture1", ["/a b.yaml"]), ("link", ["/a b.yaml"]), ("x", ["/x.yaml"]), ("y", []), ("capture1/segments", [])):
        equal(layouts_named_for(str(base / path), listed), layouts)
    equal(layouts_of_list(str(base / "none.conf")), {})

    # A line names what its first form that fits names, and nothing else that looks like it.
    for folder in ("cam[12]", "cam1", "front,left", "front", "s*", "sx", "b", "disk/d1", "disk/lost+found", "dots layout=1"):
        (base / folder).mkdir(parents=True)
    captures.write_text("".join(f"{base}/{line}\n" for line in (
        "cam[12] layout=1", "cam1", "front,left,7,hd layout=2", "front", "s* layout=3", "[^c-z]* layout=4", "disk/* layout=5",
        "none[12],7,hd layout=6", "dots layout=1", "\\s[x] layout=7", "late,7,hd \t layout=8\r")))
    expected = {"cam[12]": "1", "front,left": "2", "s*": "3", "b": "4", "disk/d1": "5", "sx": "7", "late": "8"}
    equal(layouts_of_list(str(captures)), {f"{base}/{folder}": [layout] for folder, layout in expected.items()})
