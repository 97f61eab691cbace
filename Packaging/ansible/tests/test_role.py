"""What the role refuses, and the unit that it writes, on this machine and into a folder of its own: test_role.py COLLECTIONS."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROLE = "hotcold.captures.hotcold"
REFUSED = [
    ({"hotcold_captures": ["stream/capture1"]}, "does not begin with '/'"),
    ({"hotcold_captures": ["/srv/a", "/srv/b\n"]}, "more than one line"),
    ({"hotcold_settings": {"HOTCOLD_INTERVAL": "5s\nHOTCOLD_KEEP_LIVE=yes"}}, "more than one line"),
    ({"hotcold_settings": {"HOTCOLD_INTERVAL": "5s\r"}}, "more than one line"),
    ({"hotcold_settings": {"HOTCOLD_KEEP_LIVE=yes\nHOTCOLD_INTERVAL": "5s"}}, "no name of a setting"),
    ({"hotcold_settings": {"HOTCOLD_TIME_ZONE": None}}, "value is missing"),
    ({"hotcold_group": "video"}, "hotcold_group needs hotcold_user"),
    ({"hotcold_user": "camera\nExecStart=/bin/sh"}, "have one line each"),
    ({"hotcold_read_write_paths": ["/srv/a\nb"]}, "have one line each"),
]
ACCEPTED = [
    {},
    {"hotcold_user": "camera", "hotcold_group": "video"},
    {"hotcold_captures": ["/srv/a b,1,hd \t layout=/c.yaml"], "hotcold_settings": {"HOTCOLD_MANIFESTS": False, "HOTCOLD_MAX_DELETE": 5}},
]
PATHS = ["/srv/cameras", "-/srv/50% \"a\" \\b"]
UNIT = r'''
[Service]
User=camera
Group=camera
ReadWritePaths="/srv/cameras"
ReadWritePaths="-/srv/50%% \"a\" \\b"
'''


def part(tasks_from, **variables):
    return {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": tasks_from}, "vars": variables}


def refused(tasks_from, variables, message):
    """Before anything is done."""
    is_told = {"ansible.builtin.assert": {"that": ["message in ansible_failed_result | string"]}, "vars": {"message": message}}
    return {"block": [part(tasks_from, **variables), {"ansible.builtin.meta": "end_play"}], "rescue": [is_told]}


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        template = pathlib.Path(__file__).parent.parent / "roles/hotcold/templates/drop-in.conf.j2"
        tasks = [refused("arguments", *case) for case in REFUSED]
        tasks += [refused(name, *REFUSED[0]) for name in ("install", "settings", "service")]
        tasks += [part("arguments", **variables) for variables in ACCEPTED]
        tasks.append({"check_mode": False, "ansible.builtin.template": {"src": str(template), "dest": f"{name}/unit", "mode": "0644"},
                      "vars": {"hotcold_user": "camera", "hotcold_group": "camera", "hotcold_read_write_paths": PATHS}})
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        (folder / "play.yml").write_text(json.dumps([play]))
        environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=sys.argv[1], ANSIBLE_HOME=name, ANSIBLE_LOCALHOST_WARNING="0")
        # In check mode, so that nothing is done here if something is not refused.
        argv = ["ansible-playbook", "--check", "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}", f"{name}/play.yml"]
        run = subprocess.run(argv, env=environment, capture_output=True, text=True)
        assert run.returncode == 0 and (folder / "unit").exists(), run.stdout + run.stderr
        unit = (folder / "unit").read_text()
        assert unit.endswith(UNIT), unit


main()
