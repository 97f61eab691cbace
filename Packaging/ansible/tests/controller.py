"""Ansible as its users run it: the installed collection, real ssh, nothing of the repository in its path."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import yaml

from machines import USER, must


class Results:
    def __init__(self, status, output, lines):
        self.status = status
        self.output = output
        self.lines = lines

    def of(self, host, task):
        """What a task gave on a host: the last result."""
        found = [line for line in self.lines if line.get("host") == host and line["task"].endswith(task)]
        assert found, f"{task} was not run on {host}\n{self.output}"
        return found[-1]

    def ran(self, host):
        """The tasks that ran on a host."""
        return [line["task"] for line in self.lines if line.get("host") == host and line["event"] != "skipped"]

    def stats(self, host):
        for line in self.lines:
            if line["event"] == "stats":
                return line["hosts"].get(host, {})
        raise AssertionError(f"no statistics\n{self.output}")

    @property
    def batches(self):
        return [line for line in self.lines if line["event"] == "batch"]

    @property
    def end(self):
        return next(line["time"] for line in self.lines if line["event"] == "stats")

    def succeeded(self):
        assert self.status == 0, self.output
        return self

    def failed(self):
        assert self.status != 0, f"nothing failed\n{self.output}"
        return self

    def changed(self, host):
        stats = self.stats(host)
        assert not stats["failures"] and not stats["unreachable"], self.output
        return stats["changed"]


class Controller:
    def __init__(self, work: pathlib.Path, venv: pathlib.Path, collections: pathlib.Path):
        self.work = work
        self.venv = venv
        must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(work / "key"))
        self.public_key = (work / "key.pub").read_text()
        (work / "ansible.cfg").write_text("")
        self.environment = dict(
            os.environ,
            PATH=f"{venv}/bin:{os.environ['PATH']}",
            HOME=str(work),
            ANSIBLE_CONFIG=str(work / "ansible.cfg"),
            ANSIBLE_HOME=str(work / "ansible"),
            ANSIBLE_COLLECTIONS_PATH=str(collections),
            ANSIBLE_CALLBACK_PLUGINS=str(pathlib.Path(__file__).parent / "callback_plugins"),
            ANSIBLE_CALLBACKS_ENABLED="results",
            ANSIBLE_NOCOLOR="1",
            # About half the time.
            ANSIBLE_PIPELINING="1",
            HOTCOLD_TEST_RESULTS=str(work / "results.jsonl"),
            LC_ALL="C.UTF-8",
        )

    def knows(self, machines, root: pathlib.Path):
        """Host keys are checked."""
        key = " ".join((root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])
        (self.work / "known_hosts").write_text("".join(f"{machine.address} {key}\n" for machine in machines))
        hosts = {
            machine.name: {
                "ansible_host": machine.address,
                "ansible_user": USER,
                "ansible_ssh_private_key_file": str(self.work / "key"),
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.work}/known_hosts -o IdentitiesOnly=yes",
                "ansible_python_interpreter": "/usr/bin/python3",
            }
            for machine in machines
        }
        (self.work / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))

    def start(self, playbook, *options, variables=None, **environment):
        """A playbook of the collection by its name, or plays as data."""
        if not isinstance(playbook, str):
            path = self.work / "playbook.yml"
            path.write_text(yaml.safe_dump(playbook, sort_keys=False))
            playbook = str(path)
        self.results = self.work / "results.jsonl"
        self.results.unlink(missing_ok=True)
        argv = [f"{self.venv}/bin/ansible-playbook", playbook, "-i", str(self.work / "inventory.yml"), *options]
        if variables:
            argv += ["--extra-vars", json.dumps(variables)]
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(self.environment, **environment), cwd=self.work)

    def finish(self, process) -> Results:
        output, nothing = process.communicate(timeout=600)
        lines = [json.loads(line) for line in self.results.read_text().splitlines()] if self.results.exists() else []
        return Results(process.returncode, output, lines)

    def play(self, playbook, *options, **more) -> Results:
        return self.finish(self.start(playbook, *options, **more))

    def tasks(self, hosts, *tasks, options=(), **more) -> Results:
        return self.play([{"hosts": hosts, "gather_facts": False, "become": True, "tasks": list(tasks)}], *options, **more)

    def task(self, host, module, *, options=(), name="it", more=None, **arguments):
        """One task on one host, and its result."""
        task = {"name": name, module: arguments, **(more or {})}
        play = [{"hosts": host, "gather_facts": False, "become": True, "tasks": [task]}]
        line = self.play(play, *options).of(host, name)
        return dict(line["result"], failed=line["event"] != "ok")
