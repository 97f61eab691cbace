"""Debian machines for the tests: booted by systemd-nspawn, with a root, a systemd, an sshd and an address of their own. As root."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import time

PACKAGES = "systemd-sysv,dbus,openssh-server,sudo,python3,python3-apt,liburing2,libyaml-0-2,libstdc++6"
# Nothing outside of the machines has an address of this range here.
CONTROLLER = "10.213.77.1"
USER = "ansible"


def must(*argv, **options):
    result = subprocess.run(argv, capture_output=True, text=True, **options)
    if result.returncode:
        raise RuntimeError(f"{argv}: {result.returncode}\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


def wait_until(what, condition, seconds=60.0, pause=0.05):
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(pause)


def debian(folder: pathlib.Path) -> pathlib.Path:
    """The root that all machines have below their own; made once."""
    root = folder / "debian"
    if not root.exists():
        made = folder / "debian.new"
        shutil.rmtree(made, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        must("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(made))
        must("chroot", str(made), "useradd", "--create-home", "--shell", "/bin/bash", USER)
        (made / f"etc/sudoers.d/{USER}").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
        # Nothing that takes time at each boot or each connection.
        idle = ("apt-daily.timer", "apt-daily-upgrade.timer", "getty.target", "console-getty.service")
        must("chroot", str(made), "systemctl", "mask", *idle)
        made.rename(root)
    return root


class Machine:
    def __init__(self, number: int, root: pathlib.Path, work: pathlib.Path, public_key: str):
        self.name = f"node{number}"
        self.address = f"10.213.77.{10 + number}"
        self.container = f"hcfleet{number}"
        self.folder = work / self.name
        self.path = self.folder / "root"
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True)
        must("mount", "-t", "overlay", self.container, "-o",
             f"lowerdir={root},upperdir={self.folder}/upper,workdir={self.folder}/work", str(self.path))
        keys = self.path / f"home/{USER}/.ssh"
        keys.mkdir(mode=0o700)
        (keys / "authorized_keys").write_text(public_key)
        must("chroot", str(self.path), "chown", "-R", f"{USER}:", f"/home/{USER}/.ssh")
        (self.path / "etc/hostname").write_text(self.name + "\n")
        (self.path / "etc/hosts").write_text(f"127.0.0.1 localhost {self.name}\n")
        (self.path / "etc/machine-id").write_text("")
        # Their own list is the only one: there is no network but that to the controller.
        (self.path / "etc/apt/sources.list").write_text("")
        self.process = None
        self.leader = 0

    def boot(self):
        log = open(self.folder / "console.log", "ab")
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--network-veth", f"--machine={self.container}",
             f"--directory={self.path}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.leader = wait_until(f"{self.name} has no first process", self._leader, 30)
        # Both ends know each other alone: no bridge, no route.
        must("ip", "address", "add", CONTROLLER, "peer", self.address, "dev", f"ve-{self.container}")
        must("ip", "link", "set", f"ve-{self.container}", "up")
        for words in (["address", "add", self.address, "peer", CONTROLLER, "dev", "host0"], ["link", "set", "host0", "up"]):
            must("nsenter", "-t", str(self.leader), "-n", "ip", *words)
        state = "systemctl is-system-running"
        wait_until(f"{self.name} did not boot", lambda: self.run(state).strip() in ("running", "degraded"), 120, 0.2)
        wait_until(f"{self.name} has no sshd", self._answers)

    def _leader(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        # The first child only makes way for the one that becomes systemd.
        names = {pathlib.Path(f"/proc/{child}/comm"): int(child) for child in children}
        return next((child for path, child in names.items() if path.exists() and path.read_text() == "systemd\n"), 0)

    def _answers(self):
        try:
            with socket.create_connection((self.address, 22), 1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def run(self, script: str, check=False) -> str:
        """As root, past sshd."""
        argv = ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "sh", "-c", script]
        result = subprocess.run(argv, capture_output=True, text=True, errors="surrogateescape", stdin=subprocess.DEVNULL)
        if check and result.returncode:
            raise RuntimeError(f"{self.name}: {script}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def must(self, script: str) -> str:
        return self.run(script, check=True)

    def unit(self, name: str) -> str:
        return self.run(f"systemctl show hot_cold_archiver --value -p {name}").strip()

    def processes(self, name: str, *words: str):
        """Of this machine, by their ids outside."""
        mine = os.readlink(f"/proc/{self.leader}/ns/pid")
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(folder / "ns/pid") != mine or (folder / "comm").read_text().strip() != name:
                    continue
                line = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            except OSError:
                continue
            if all(word in line for word in words):
                found.append(int(folder.name))
        return found

    def power_off(self):
        if self.process and self.process.poll() is None:
            if self.leader:
                self.run("systemctl poweroff")
            try:
                self.process.wait(30 if self.leader else 0)
            except subprocess.TimeoutExpired:
                # What it has started goes with it.
                self.process.kill()
                self.process.wait()
        self.process = None

    def remove(self):
        self.power_off()
        for argv in (["ip", "link", "delete", f"ve-{self.container}"], ["umount", "-l", str(self.path)]):
            subprocess.run(argv, capture_output=True)
