"""What the modules make of what a hotcold says, or does not say: the program is a script here. static.sh runs it; the rest needs a host."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile

MODULE = """
import importlib, json, sys
import ansible.module_utils.basic as basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[2])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
importlib.import_module("ansible_collections.hotcold.captures.plugins.modules." + sys.argv[1]).main()
"""
PROGRAM = """#!/bin/sh
cd "$(dirname "$0")" || exit
for word; do printf '%s ' "$word"; done >> log; env | grep -E '^HOTCOLD_(KEEP_LIVE|MANIFESTS)=' | sort | tr '\n' ' ' >> log; echo >> log
case $1 in
  --version) cat version ;;
  layout) cat "layout$(echo "$*" | grep -o -- '--check -old')" ;;
  *) cat errors >&2; cat "$1"; exit "$(cat status)" ;;
esac
"""
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def capture(path, **keys):
    return dict({
        "capture": {"text": path, "base64": subprocess.run(["base64", "-w0"], input=path.encode(), capture_output=True).stdout.decode()},
        "exitCode": 0, "wouldChange": True, "otherRunActive": False, "warnings": [], "errors": [], "met": True, "criteria": [],
        "kinds": {"segments": {"hot": 0, "cold": 0, "byHour": [0] * 24, "counts": {"found": 0, "vanished": 0, "kept": 0}}},
    }, **keys)


def fit(path, **segments):
    """What `hotcold layout` says of a capture."""
    folders = dict({"flat": {"folder": ".", "files": 0}, "hot": {"folder": "segments", "files": 0}, "buckets": {}}, **segments)
    return {"capture": {"text": path}, "exitCode": 0, "kinds": {"segments": folders}, "errors": []}


def report(*captures, **keys):
    return dict({"type": "run", "changed": True, "wouldChange": True, "exitCode": 0, "captures": list(captures),
                 "summary": {"total": {"moved": 7}}}, **keys)


class Host:
    """A folder with a hotcold that says what it is told."""

    def __init__(self, base):
        self.base = base
        (base / "hotcold").write_text(PROGRAM)
        (base / "hotcold").chmod(0o755)
        self.says()

    def says(self, text="", status=0, version="0.1.0", fits=(), errors=""):
        text = text if isinstance(text, str) else json.dumps(text)
        said = {"status": str(status), "version": version, "layout": json.dumps(report(*fits)), "errors": errors, "log": ""}
        for name, value in dict(said, migrate=text, revert=text, verify=text).items():
            (self.base / name).write_text(value)
        return self

    def runs(self, module, **arguments):
        arguments = dict({"executable": str(self.base / "hotcold")}, **arguments)
        environment = dict(os.environ, CAMERA="garden")
        argv = [sys.executable, "-c", MODULE, module, json.dumps(arguments)]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"{module} {arguments}: {done.stdout}{done.stderr}") from None

    @property
    def log(self):
        return (self.base / "log").read_text()


def equal(left, right, what=""):
    assert left == right, f"{what}: {left!r} is not {right!r}"


def failed(result, message):
    assert result.get("failed") and message in result["msg"], result
    return result


@test
def an_execution_that_says_nothing_of_itself_counts_as_changed(host):
    text = json.dumps(report(capture("/a")))
    for said, status, message in (
        ("", 137, "killed by signal 9"), (text, 143, "killed by signal 15. Run it again"), (text[:50], 0, "no report that can be read"),
        ("preload failed\n" + text, 0, "no report that can be read"), ("", 64, "Upgrade its package"),
    ):
        result = failed(host.says(said, status).runs("migrate", captures=["/a"]), message)
        equal((result["changed"], result["rc"], result["cmd"][1]), (True, status, "migrate"), message)
        result = failed(host.runs("verify", captures=["/a"]), message)
        equal((result.get("changed", False), result["rc"], result["cmd"][1]), (False, status, "verify"), message)
    # One that says that it did not begin has changed nothing.
    error = {"type": "error", "exitCode": 64, "errors": [{"code": "usage", "message": "no", "remedy": ""}]}
    assert not failed(host.says(error, 64).runs("migrate", captures=["/a"]), "could not begin")["changed"]


@test
def a_report_that_lacks_something_is_told_and_the_change_is_kept(host):
    lacking = capture("/a")
    del lacking["otherRunActive"]
    for said, name in (
        (report(lacking), "captures.otherRunActive"),
        (report(captures=None), "captures.exitCode"),
        (report(summary={}), "summary.total.moved"),
        (report(capture("/a", errors=None)), "captures.errors.message"),
        (report(capture("/a"), changed=None), "changed"),
    ):
        result = failed(host.says(said, version="9.0.0").runs("migrate", captures=["/a"]), name)
        assert result["changed"] and "or this collection if hotcold is the newer one" in result["msg"], result
    lacking = capture("/a")
    del lacking["met"]
    for module in ("verify", "capture_facts"):
        failed(host.says(report(lacking)).runs(module, captures=["/a"]), "captures.met")


@test
def wrong_options_are_refused_before_anything_runs(host):
    wrong = [{"delay": -1}, {"retries": -1}] + [{name: ""} for name in ("layout", "from_layout", "time_zone", "captures_from")]
    for options in wrong:
        failed(host.says().runs("migrate", captures=["/a"], **options), f"'{next(iter(options))}' is")
        equal(host.log, "", options)
    for module in ("verify", "capture_facts"):
        failed(host.runs(module, captures=["/a"], min_age=""), "'min_age' is empty")


@test
def paths_are_taken_as_they_are(host):
    path = "/srv/$CAMERA"
    result = host.says(report(capture(path))).runs("migrate", captures=[path], layout="/l/$CAMERA", _ansible_diff=True)
    equal((result.get("failed"), result["cmd"][-1]), (None, path))
    assert f"layout --format json --layout /l/$CAMERA -- {path} \n" in host.log and f"--layout /l/$CAMERA -- {path} \n" in host.log, host.log
    host.runs("verify", captures_from=path)
    assert f"--captures-from {path} \n" in host.log, host.log


@test
def the_service_is_asked_with_what_the_task_says(host):
    for options, words in (
        ({"as_service": True}, "--as-service -- /a"),
        ({"as_service": True, "manifests": True, "min_age": "5s"}, "--min-age 5s --as-service -- /a HOTCOLD_MANIFESTS=yes"),
        ({"as_service": True, "manifests": False}, "--no-manifests --as-service -- /a HOTCOLD_MANIFESTS=no"),
        ({"manifests": False}, "--no-manifests -- /a"),
        ({}, "json -- /a"),
    ):
        facts = host.says(report(capture("/a"))).runs("capture_facts", captures=["/a"], **options)["ansible_facts"]["hotcold"]
        equal([fact["state"] for fact in facts["captures"]], ["settled"])
        asked = next(line for line in host.log.splitlines() if line.startswith("verify"))
        assert asked.endswith(words + " "), asked
    host.runs("migrate", as_service=True, keep_live=False)
    assert "--as-service HOTCOLD_KEEP_LIVE=no" in host.log, host.log
    for path in ("/nonexistent", str(host.base), str(host.base / "layout")):
        equal(host.runs("capture_facts", executable=path)["ansible_facts"]["hotcold"]["installed"], False, path)
        failed(host.runs("verify", executable=path), f"no program {path}")


@test
def a_folder_that_two_layouts_name_counts_once(host):
    old = {"folder": "old/7", "files": 5}
    now = fit("/a", flat={"folder": ".", "files": 3}, buckets={"7": {"folder": "segments/7", "files": 2}, "8": {"folder": "8", "files": 0}})
    before = fit("/a", flat={"folder": ".", "files": 3}, hot={"folder": "old", "files": 1}, buckets={"7": old})
    host.says(report(capture("/a")), fits=[now])
    (host.base / "layout--check -old").write_text(json.dumps(report(before)))
    arguments = dict(captures=["/a"], _ansible_check_mode=True, _ansible_diff=True)
    equal(host.runs("migrate", **arguments)["places"]["/a"]["before"], {"segments": {"flat": 3, "hot": 0, "buckets": {"7": 2}}})
    result = host.runs("migrate", from_layout="-old", **arguments)
    equal(result["places"]["/a"]["before"], {"segments": {"flat": 3, "hot": 1, "buckets": {"7": 7}}})


@test
def a_capture_that_was_not_looked_at_is_not_shown_as_empty(host):
    refused = capture("/no", exitCode=66, errors=[{"code": "x", "message": "/no: not a capture.", "remedy": "Look at it."}])
    result = host.says(report(capture("/a"), refused), 66, fits=[fit("/a")]).runs(
        "migrate", captures=["/a", "/no"], _ansible_check_mode=True, _ansible_diff=True)
    failed(result, "/no: not a capture. Look at it.")
    equal((list(result["places"]), [each["after_header"] for each in result["diff"]]), (["/a"], ["/a"]))


@test
def what_a_pattern_does_not_find_is_told(host):
    warning = "2026-01-01T00:00:00+00:00 WARNING /list: no folder matches /none*"
    usage = {"code": "usage", "message": "/list names no capture that exists.", "remedy": "See: help"}
    said = host.says({"type": "error", "exitCode": 64, "errors": [usage]}, 64, errors=warning + "\nError: Name at least one\n")
    result = failed(said.runs("migrate", captures_from="/list"), "no folder matches /none*; /list names no capture that exists. See: help")
    assert not result["changed"]
    assert "no folder matches /none*" in str(host.runs("capture_facts", captures_from="/list")["warnings"])
    assert "no folder matches" in str(host.says(report(capture("/a")), errors=warning).runs("migrate", captures_from="/list")["warnings"])


for function in TESTS:
    with tempfile.TemporaryDirectory() as folder:
        try:
            function(Host(pathlib.Path(folder)))
        except Exception:
            print(f"not ok: {function.__name__}")
            raise
