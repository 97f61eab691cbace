"""The hosts of a test, the collection's controller, and what is in a capture."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from controller import Controller
from machines import Machine, debian, must

CAPTURE = "/var/www/html/stream/capture1"


class Fleet:
    def __init__(self, deb, folder, stack, hosts=3):
        self.deb = deb
        self.version = must("dpkg-deb", "-f", str(deb), "Version").strip()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="hotcold-fleet-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, self.work, ignore_errors=True)
        # Hosts write to memory, and are gone with it.
        must("mount", "-t", "tmpfs", "-o", "mode=0700", "hotcold-fleet", str(self.work))
        stack.callback(subprocess.run, ["umount", "-l", str(self.work)])
        (self.work / "program").mkdir()
        must("dpkg-deb", "-x", str(deb), str(self.work / "program"))
        self.controller = Controller(self.work, folder / "venv", folder / "collections")
        root = debian(folder)
        self.nodes = []
        for number in range(1, hosts + 1):
            machine = Machine(number, root, self.work, self.controller.public_key)
            stack.callback(machine.remove)
            self.nodes.append(machine)
        self.controller.knows(self.nodes, root)
        for machine in self.nodes:
            machine.boot()
        self.variables = {
            "hotcold_deb": str(deb),
            "hotcold_captures": ["/var/www/html/stream/capture*"],
            "hotcold_settings": {"HOTCOLD_INTERVAL": "2s"},
        }

    def hotcold(self, machine, command, capture, *arguments):
        """The program of the package on a host's files, from outside: not what is tested, but what tells of it."""
        return must(str(self.work / "program/usr/bin/hotcold"), command, str(machine.path) + capture, *arguments, "-q")

    def make_capture(self, machine, capture=CAPTURE, files=3000, owner="www-data:www-data"):
        path = pathlib.Path(str(machine.path) + capture)
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.hotcold(machine, "sample", capture, "--files", str(files))
        machine.must(f"chown -R {owner} {pathlib.Path(capture).parent}")


def tree(machine, path):
    """Every file and folder, by name, inode, size and time."""
    base = str(machine.path) + path
    found = {}
    for folder, folders, files in os.walk(base):
        for name in [*folders, *files]:
            status = os.lstat(os.path.join(folder, name))
            found[os.path.relpath(os.path.join(folder, name), base)] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def recordings(machine, path):
    """The files of a capture but playlists, by name, inode, size and time: a migration keeps them all."""
    return {(os.path.basename(name), *status) for name, status in tree(machine, path).items() if re.search(r"\.(ts|jpg|json)$", name)}
