"""An older hotcold, from the present one: there was no release before 0.1.0, so a wrapper takes away what an older one would lack."""

from __future__ import annotations

import pathlib
import shutil

from machines import must

WRAPPERS = {
    # Says that it is older.
    "version": '[ "$1" = --version ] && echo 0.0.9 && exit\nexec /usr/lib/hotcold/hotcold "$@"\n',
    # Its reports lack a key.
    "keys": '/usr/lib/hotcold/hotcold "$@" > /tmp/report; status=$?\nsed s/wouldChange/wouldMove/ /tmp/report; exit $status\n',
    # Does not know --format: refused by the real parser, as an option by another name is.
    "option": """for word do shift; [ "$word" = --format ] && word=--no-format-yet; set -- "$@" "$word"; done
exec /usr/lib/hotcold/hotcold "$@"
""",
}


def build(deb: pathlib.Path, work: pathlib.Path, kind: str) -> pathlib.Path:
    tree = work / f"old-{kind}"
    shutil.rmtree(tree, ignore_errors=True)
    must("dpkg-deb", "-R", str(deb), str(tree))
    (tree / "usr/lib/hotcold").mkdir()
    (tree / "usr/bin/hotcold").rename(tree / "usr/lib/hotcold/hotcold")
    program = tree / "usr/bin/hotcold"
    program.write_text("#!/bin/sh\n" + WRAPPERS[kind])
    program.chmod(0o755)
    control = tree / "DEBIAN/control"
    control.write_text("".join("Version: 0.0.9\n" if line.startswith("Version:") else line for line in control.open()))
    made = work / f"hotcold_0.0.9_{kind}.deb"
    must("dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(made))
    return made
