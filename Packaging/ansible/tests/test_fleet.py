#!/usr/bin/env python3
"""The collection against three real hosts: test_fleet.py DEB FOLDER [SCENARIO...]. As root. FOLDER keeps what is made once.

Each scenario is a function whose name says what holds; they run in the order of this file, each on the hosts that the one before has left.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

import old_package
from fleet import CAPTURE, Fleet, recordings, tree
from machines import USER, must, wait_until

ROLE = "hotcold.captures.hotcold"
MIGRATE = "hotcold.captures.migrate"
SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


def equal(left, right, what=""):
    assert left == right, f"{what}: {left!r} is not {right!r}"


# Hosts without the package, or with an old one.


@scenario
def a_host_without_the_package_has_facts_and_a_clear_failure(fleet):
    facts = fleet.controller.task("node1", "hotcold.captures.capture_facts")
    equal(facts["ansible_facts"]["hotcold"], {"installed": False, "version": "", "captures": []})
    for module in ("migrate", "revert", "verify"):
        result = fleet.controller.task("node1", f"hotcold.captures.{module}", captures=[CAPTURE])
        assert result["failed"] and "not installed" in result["msg"] and ROLE in result["msg"], result


@scenario
def check_mode_of_role_and_playbook_works_without_the_package_and_writes_nothing(fleet):
    node = fleet.nodes[0]
    before = {path: tree(node, path) for path in ("/etc", "/var/lib/dpkg", "/var/cache", "/usr/bin", "/var/www")}
    options = ("--check", "--diff", "--limit", "node1")
    results = fleet.controller.play("hotcold.captures.migrate", *options, variables=fleet.variables).succeeded()
    assert results.changed("node1") > 0, results.output
    for path, held in before.items():
        equal(tree(node, path), held, path)


@scenario
def the_role_refuses_wrong_arguments_before_it_does_anything(fleet):
    for arguments, message in (
        ({"hotcold_service_state": "sleeping"}, "value of hotcold_service_state must be one of"),
        ({"hotcold_settings": ["HOTCOLD_INTERVAL=1s"]}, "hotcold_settings"),
        ({"hotcold_service_enabled": "perhaps"}, "hotcold_service_enabled"),
    ):
        results = fleet.controller.tasks("node1", {"ansible.builtin.include_role": {"name": ROLE}}, variables=arguments).failed()
        assert message in results.output, results.output
    assert not (fleet.nodes[0].path / "usr/bin/hotcold").exists()


@scenario
def an_old_package_is_told_and_upgraded_by_the_role(fleet):
    node = fleet.nodes[1]
    for kind, message in (
        ("version", "is version 0.0.9"),
        ("keys", "has no 'wouldChange' in its reports"),
        ("option", "printed no report"),
    ):
        old = old_package.build(fleet.deb, fleet.work, kind)
        shutil.copy(old, node.path / "old.deb")
        node.must("dpkg -i /old.deb")
        fleet.make_capture(node)
        before = tree(node, CAPTURE)
        # That it moves nothing is only known of a dry run, where the old program takes the options of the new one.
        result = fleet.controller.task("node2", MIGRATE, captures=[CAPTURE], more={"check_mode": True})
        assert result["failed"] and message in result["msg"] and "Upgrade its package" in result["msg"], result
        equal(tree(node, CAPTURE), before, kind)
    install = {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": "install"}}
    fleet.controller.tasks("node2", install, variables=fleet.variables).succeeded()
    equal(node.must("hotcold --version").strip(), fleet.version)
    result = fleet.controller.task("node2", MIGRATE, captures=[CAPTURE], more={"check_mode": True})
    assert not result["failed"] and result["changed"], result


# One host first; what fails stops the rest.


@scenario
def a_failing_second_host_stops_the_playbook_and_the_third_is_untouched(fleet):
    for node in fleet.nodes:
        fleet.make_capture(node)
    # The name of a cold segment is taken in its hour: the dry run sees it.
    second = fleet.nodes[1]
    take = "mkdir -p segments/$hour; echo other > segments/$hour/segment_000000005.ts"
    second.must(f"cd {CAPTURE}; hour=$(date -r segment_000000005.ts +%-H); {take}")
    before = [recordings(node, CAPTURE) for node in fleet.nodes]
    untouched = [tree(node, CAPTURE) for node in fleet.nodes]
    rest = tree(fleet.nodes[2], "/etc")
    results = fleet.controller.play("hotcold.captures.migrate", variables=fleet.variables).failed()

    equal(recordings(fleet.nodes[0], CAPTURE), before[0], "the first host has all its recordings")
    assert results.of("node1", "Migrate")["result"]["changed"]
    assert results.of("node1", "Verify")["event"] == "ok"
    equal(fleet.nodes[0].unit("ActiveState"), "active")
    failure = results.of("node2", "Try it, without writing anything")
    equal(failure["event"], "failed")
    assert failure["result"]["rc"] == 1 and failure["result"]["report"]["captures"][0]["errors"][0]["code"] == "name-taken", failure
    assert "segment_000000005.ts" in failure["result"]["msg"], failure["result"]["msg"]
    equal(tree(second, CAPTURE), untouched[1], "the second host")
    equal(results.ran("node3"), [], "tasks on the third host")
    equal(tree(fleet.nodes[2], CAPTURE), untouched[2], "the third host")
    equal(tree(fleet.nodes[2], "/etc"), rest, "the third host's settings")


@scenario
def a_failure_in_the_middle_of_a_migration_stops_the_playbook_and_a_further_run_goes_on(fleet):
    second = fleet.nodes[1]
    # Full after a few folders, which no dry run looks for on a file system of its own.
    second.must(f"rm -rf {CAPTURE}; mkdir -p {CAPTURE}; mount -t tmpfs -o nr_inodes=3040 tmpfs {CAPTURE}")
    second.must(f"hotcold sample {CAPTURE} --files 3000 -q; chown -R www-data:www-data {CAPTURE}")
    count = f"find {CAPTURE} -name '*.ts' -o -name '*.jpg' -o -name '*.json' | wc -l"
    files = int(second.must(count))
    results = fleet.controller.play("hotcold.captures.migrate", variables=fleet.variables).failed()
    failure = results.of("node2", "Migrate")
    equal(failure["event"], "failed")
    assert failure["result"]["rc"] == 74 and "No space left" in failure["result"]["msg"], failure["result"]["msg"]
    equal(results.ran("node3"), [], "tasks on the third host")
    equal(int(second.must(count)), files, "recordings of the second host")
    assert not results.of("node1", "Migrate")["result"]["changed"], "the first host was done already"

    second.must(f"mount -o remount,nr_inodes=100000 {CAPTURE}")
    results = fleet.controller.play("hotcold.captures.migrate", variables=fleet.variables).succeeded()
    equal(results.changed("node1"), 0, "the first host was done already")
    equal([results.of(node, "Migrate")["result"]["changed"] for node in ("node1", "node2", "node3")], [False, True, True])
    equal(int(second.must(count)), files, "recordings of the second host")
    for node in fleet.nodes:
        equal(node.unit("ActiveState"), "active")
        assert node.must(f"hotcold verify {CAPTURE}")


@scenario
def a_further_run_changes_nothing(fleet):
    at_once = {**fleet.variables, "hotcold_serial": ["100%"]}
    before = [tree(node, CAPTURE) for node in (fleet.nodes[0], fleet.nodes[2])]
    results = fleet.controller.play("hotcold.captures.migrate", variables=at_once).succeeded()
    for node in fleet.nodes:
        equal(results.changed(node.name), 0, node.name)
    equal([tree(node, CAPTURE) for node in (fleet.nodes[0], fleet.nodes[2])], before)
    results = fleet.controller.play("hotcold.captures.migrate", "--check", variables=at_once).succeeded()
    for node in fleet.nodes:
        equal(results.changed(node.name), 0, node.name)


@scenario
def a_host_that_cannot_be_reached_stops_the_playbook(fleet):
    second = fleet.nodes[1]
    second.must("systemctl stop ssh.service")
    for connection in second.processes("sshd"):
        os.kill(connection, signal.SIGKILL)
    try:
        results = fleet.controller.play("hotcold.captures.migrate", variables=fleet.variables).failed()
    finally:
        second.must("systemctl start ssh.service")
    assert results.stats("node2")["unreachable"], results.output
    equal(results.ran("node3"), ["Begin no host after one that failed or could not be reached"], "tasks on the third host")
    assert "No further host is begun, because of node2." in results.output
    wait_until("node2 has no sshd", second._answers)


# Exactly what a check says is what a run does.

LAYOUTS = {
    "guide": {},
    "keep_live": {"keep_live": True},
    "limits": {"hot": {"segments": 3, "captures": 500}},
    "by date": {"layout": "/usr/share/hotcold/layouts/guide-by-date.yaml"},
    "cold disk": {"layout": "/etc/hotcold/cold.yaml"},
}


def check_then_run(fleet, node, module, arguments, capture):
    """The same difference and the same change, before and after; and a second run has neither."""
    checked = fleet.controller.task(node.name, f"hotcold.captures.{module}", options=("--check", "--diff"), captures=[capture], **arguments)
    state = tree(node, capture)
    done = fleet.controller.task(node.name, f"hotcold.captures.{module}", options=("--diff",), captures=[capture], **arguments)
    assert not checked["failed"] and not done["failed"], (checked.get("msg"), done.get("msg"))
    assert checked["changed"] and done["changed"] and tree(node, capture) != state
    for key in ("diff", "places", "moved"):
        equal(checked[key], done[key], f"{module} {arguments}: {key}")
    assert checked["diff"][0]["before"] != checked["diff"][0]["after"]
    again = fleet.controller.task(node.name, f"hotcold.captures.{module}", options=("--diff",), captures=[capture], **arguments)
    assert not again["changed"] and again["moved"] == 0, again
    equal(again["diff"][0]["before"], again["diff"][0]["after"])
    equal(again["places"][capture]["before"], done["places"][capture]["after"])
    return done["places"][capture]


@scenario
def a_check_says_exactly_what_a_run_then_does(fleet):
    node = fleet.nodes[2]
    example = "/usr/share/hotcold/layouts/guide-cold-disk.yaml"
    node.must(f"mkdir -p /srv/cold/check; sed 's|/mnt/disk/|/srv/cold/|; /^ *mount:/d' {example} > /etc/hotcold/cold.yaml")
    for name, arguments in LAYOUTS.items():
        fleet.make_capture(node, "/srv/check", owner="root:root")
        count = len(recordings(node, "/srv/check"))
        places = check_then_run(fleet, node, "migrate", arguments, "/srv/check")
        for moment in ("before", "after"):
            total = sum(kind["flat"] + kind["hot"] + sum(kind["buckets"].values()) for kind in places[moment].values())
            equal(total, count, f"{name}: files {moment}")
        if name != "keep_live":
            equal(sum(kind["flat"] for kind in places["after"].values()), 0, name)
        back = {key: value for key, value in arguments.items() if key == "layout"}
        check_then_run(fleet, node, "revert", back, "/srv/check")
    # From one layout to another.
    node.must("hotcold migrate /srv/check --execute --yes -q")
    check_then_run(fleet, node, "migrate", {"layout": LAYOUTS["by date"]["layout"], "from_layout": "guide"}, "/srv/check")


@scenario
def changed_is_true_for_a_playlist_alone_and_for_nothing_less(fleet):
    node = fleet.nodes[2]
    fleet.make_capture(node, "/srv/check", owner="root:root")
    fleet.controller.task("node3", MIGRATE, captures=["/srv/check"])
    node.must("rm $(ls /srv/check/segments/*/archive.m3u8 | head -n 1)")
    for options, changed in ((("--check",), True), ((), True), ((), False), (("--check",), False)):
        result = fleet.controller.task("node3", MIGRATE, options=options, captures=["/srv/check"])
        equal((result["changed"], result["moved"]), (changed, 0), options)


# Interrupted, and held.


@scenario
def a_killed_migration_fails_and_goes_on_when_it_is_run_again(fleet):
    node = fleet.nodes[2]
    fleet.make_capture(node, "/srv/large", 200_000, owner="root:root")
    before = recordings(node, "/srv/large")
    process = fleet.controller.start([{"hosts": "node3", "gather_facts": False, "become": True, "tasks": [
        {"name": "it", MIGRATE: {"captures": ["/srv/large"]}}]}])
    kill_in_the_middle(node, "/srv/large")
    results = fleet.controller.finish(process).failed()
    result = results.of("node3", "it")["result"]
    assert result["rc"] == -9 and "killed by signal 9" in result["msg"] and "Run it again" in result["msg"], result
    assert result["changed"], "files have moved"
    flat, moved = (sum(("/" in name) is there for name in tree(node, "/srv/large") if name.endswith(".ts")) for there in (False, True))
    assert flat and moved, f"it was not in the middle: {moved} segments are moved, {flat} are not"
    equal(recordings(node, "/srv/large"), before)

    result = fleet.controller.task("node3", MIGRATE, captures=["/srv/large"])
    assert result["changed"] and not result["failed"], result
    result = fleet.controller.task("node3", "hotcold.captures.verify", captures=["/srv/large"])
    assert not result["failed"], result["msg"]
    equal(recordings(node, "/srv/large"), before)


def names(folder):
    return os.listdir(folder) if folder.is_dir() else []


def kill_in_the_middle(node, capture):
    """hotcold, once a segment has moved."""
    first = pathlib.Path(str(node.path) + capture) / "segments"
    (program,) = wait_until("no hotcold moves files", lambda: node.processes("hotcold", "--execute", capture), 60, 0)
    wait_until("nothing has moved", lambda: any(name.endswith(".ts") for folder in first.glob("*") for name in names(folder)), 30, 0)
    os.kill(program, signal.SIGKILL)


@scenario
def a_connection_that_breaks_does_not_break_the_migration(fleet):
    node = fleet.nodes[2]
    fleet.make_capture(node, "/srv/large", 200_000, owner="root:root")
    before = recordings(node, "/srv/large")
    process = fleet.controller.start([{"hosts": "node3", "gather_facts": False, "become": True, "tasks": [
        {"name": "it", MIGRATE: {"captures": ["/srv/large"]}, "async": 600, "poll": 1}]}])
    wait_until("no hotcold moves files", lambda: node.processes("hotcold", "--execute", "/srv/large"), 60, 0)
    cut = node.processes("sshd", USER)
    assert cut, "there is no connection to cut"
    for connection in cut:
        os.kill(connection, signal.SIGKILL)
    result = fleet.controller.finish(process).succeeded().of("node3", "it")["result"]
    assert result["changed"] and result["moved"] > 190_000, result
    equal(recordings(node, "/srv/large"), before)
    result = fleet.controller.task("node3", "hotcold.captures.verify", captures=["/srv/large"])
    assert not result["failed"], result["msg"]


@contextlib.contextmanager
def held(node, capture, seconds):
    """By another process, with the lock that hotcold takes, for a time or until the end of the block."""
    folder = str(node.path) + capture
    holder = subprocess.Popen(["flock", "--no-fork", "--exclusive", folder, "sleep", str(seconds)])
    try:
        wait_until("the lock is not taken", lambda: subprocess.run(["flock", "--nonblock", folder, "true"]).returncode, 10)
        yield
    finally:
        holder.kill()
        holder.wait()


@scenario
def a_capture_that_another_run_holds_is_tried_again(fleet):
    node = fleet.nodes[0]
    fleet.make_capture(node, "/srv/busy", owner="root:root")
    tries = lambda: node.processes("hotcold", "--execute", "/srv/busy")
    with held(node, "/srv/busy", 600):
        checked = fleet.controller.task("node1", MIGRATE, options=("--check",), captures=["/srv/busy"])
        assert checked["changed"] and "another run of hotcold holds" in str(checked["warnings"]), checked
        process = fleet.controller.start([{"hosts": "node1", "gather_facts": False, "become": True, "tasks": [
            {"name": "it", MIGRATE: {"captures": ["/srv/busy"], "retries": 20, "delay": 1}}]}])
        wait_until("nobody tries", tries)
        wait_until("the first try does not end", lambda: not tries())
    result = fleet.controller.finish(process).succeeded().of("node1", "it")["result"]
    assert result["attempts"] > 1 and result["changed"] and result["moved"] > 0, result


@scenario
def a_capture_that_is_held_for_too_long_fails_with_75(fleet):
    node = fleet.nodes[0]
    fleet.make_capture(node, "/srv/busy", owner="root:root")
    before = tree(node, "/srv/busy")
    with held(node, "/srv/busy", 600):
        result = fleet.controller.task("node1", MIGRATE, captures=["/srv/busy"], retries=2, delay=1)
    assert result["failed"] and result["rc"] == 75 and result["attempts"] == 3, result
    assert "held by another run" in result["msg"] and "/srv/busy" in result["msg"], result["msg"]
    equal(tree(node, "/srv/busy"), before)


@scenario
def other_failures_are_not_tried_again(fleet):
    began = time.monotonic()
    result = fleet.controller.task("node1", MIGRATE, captures=["/srv/nowhere"], retries=50, delay=60)
    assert result["failed"] and result["rc"] == 66 and "no such folder" in result["msg"], result
    assert time.monotonic() - began < 50
    result = fleet.controller.task("node1", MIGRATE, captures=["srv/relative"])
    assert result["failed"] and "not an absolute path" in result["msg"], result
    result = fleet.controller.task("node1", MIGRATE, captures=["/srv/busy"], hot={"chunks": 3})
    assert result["failed"] and result["rc"] == 64 and "for --hot" in result["msg"], result


@scenario
def verify_names_what_is_not_met(fleet):
    node = fleet.nodes[0]
    fleet.make_capture(node, "/srv/busy", owner="root:root")
    result = fleet.controller.task("node1", "hotcold.captures.verify", captures=["/srv/busy"], min_age="1s")
    assert result["failed"] and result["rc"] == 1 and "flatPlaces" in result["not_met"]["/srv/busy"], result
    assert "flatPlaces" in result["msg"] and not result["changed"], result["msg"]


@scenario
def facts_tell_flat_settled_and_between(fleet):
    node = fleet.nodes[0]
    for name in ("flat", "between", "settled"):
        fleet.make_capture(node, f"/srv/{name}", owner="root:root")
    node.must("hotcold migrate /srv/settled --execute --yes -q; hotcold migrate /srv/between --keep-live --execute --yes -q")
    captures = [f"/srv/{name}" for name in ("flat", "between", "settled", "nowhere")]
    facts = fleet.controller.task("node1", "hotcold.captures.capture_facts", captures=captures)["ansible_facts"]["hotcold"]
    equal({fact["capture"]: fact["state"] for fact in facts["captures"]}, dict(zip(captures, ["flat", "between", "settled", "unreadable"])))
    equal((facts["installed"], facts["version"]), (True, fleet.version))
    places = facts["captures"][0]["places"]["segments"]
    equal((places["flat"], places["hot"], places["buckets"]), (1000, 0, {}))
    facts = fleet.controller.task("node1", "hotcold.captures.capture_facts", as_service=True)["ansible_facts"]["hotcold"]
    equal([(fact["capture"], fact["state"]) for fact in facts["captures"]], [(CAPTURE, "settled")])


@scenario
def facts_fail_where_something_keeps_hotcold_from_looking(fleet):
    node = fleet.nodes[0]
    role(fleet, "node1", hotcold_service_state="stopped").succeeded()
    fleet.make_capture(node, "/srv/flat", owner="root:root")
    unreadable = (("/srv/flat layout=/srv/none.yaml", "/srv/none.yaml"), (None, "/srv/list"))
    for lines, message in (*unreadable, ("# none", None), ("/srv/none*", None)):
        node.must(f"echo '{lines}' > /srv/list" if lines else "rm /srv/list")
        result = fleet.controller.task("node1", "hotcold.captures.capture_facts", captures_from="/srv/list")
        if message:
            assert result["failed"] and message in result["msg"] and "ansible_facts" not in result, (lines, result)
        else:
            assert not result["failed"] and "names no capture that exists" in str(result["warnings"]), (lines, result)
            equal(result["ansible_facts"]["hotcold"]["captures"], [], lines)
    role(fleet, "node1").succeeded()


@scenario
def a_capture_that_is_named_has_the_layout_of_its_line_in_the_list(fleet):
    node = fleet.nodes[1]
    role(fleet, "node2", hotcold_service_state="stopped", hotcold_captures=[
        "/srv/date* layout=/usr/share/hotcold/layouts/guide-by-date.yaml", "/srv/date1", "/srv/plain,77,hd",
        # A folder of this name is not a pattern.
        "/srv/cam[12] layout=/usr/share/hotcold/layouts/guide-by-date.yaml", "/srv/cam1"]).succeeded()
    for name in ("date1", "date2", "plain", "cam[12]", "cam1"):
        fleet.make_capture(node, f"/srv/{name}", owner="root:root")
    dates, hours = r"\d{4}-\d\d-\d\d/\d\d", r"\d+"
    buckets = {"/srv/date1": dates, "/srv/date2": dates, "/srv/cam[12]": dates, "/srv/plain": hours, "/srv/cam1": hours}
    result = fleet.controller.task("node2", MIGRATE, as_service=True, captures=list(buckets), options=("--diff",))
    assert not result["failed"] and result["changed"], result
    for capture, bucket in buckets.items():
        files = [name for name in tree(node, capture) if name.endswith(".ts")]
        assert any(re.fullmatch(rf"segments/{bucket}/[^/]*", name) for name in files), files[:5]
        after = result["places"][capture]["after"]["segments"]["buckets"]
        assert after and all(re.fullmatch(bucket, name) for name in after), after
    assert not fleet.controller.task("node2", "hotcold.captures.verify", as_service=True, captures=list(buckets), min_age="1s")["failed"]


# Settings.


def role(fleet, host, *options, **variables):
    return fleet.controller.tasks(
        host, {"ansible.builtin.include_role": {"name": ROLE}}, options=options, variables={**fleet.variables, **variables})


@scenario
def a_mistake_in_the_settings_leaves_the_old_ones_and_the_service_goes_on(fleet):
    node = fleet.nodes[0]
    process = node.unit("MainPID")
    before = tree(node, "/etc/hotcold")
    bad = fleet.work / "bad.yaml"
    bad.write_text("buckets: hour\nkinds: 3\n")
    for variables, message in (
        ({"hotcold_settings": {"HOTCOLD_INTERVAL": "0s"}}, "invalid value '0s' for HOTCOLD_INTERVAL"),
        ({"hotcold_settings": {"HOTCOLD_INTERVALL": "7s"}}, "unknown setting 'HOTCOLD_INTERVALL'"),
        ({"hotcold_settings": {"HOTCOLD_LAYOUT": "/etc/hotcold/layouts/none.yaml"}}, "No such file"),
        ({"hotcold_captures": ["stream/capture1"]}, "does not begin with '/'"),
        ({"hotcold_layouts": [str(bad)]}, "line 2, column 8: kinds"),
    ):
        results = role(fleet, "node1", **variables).failed()
        assert message in results.output, results.output
        # Ansible makes a backup before it asks whether the new file is right.
        after = tree(node, "/etc/hotcold")
        equal({name: after[name] for name in after if name in before or not re.search("^layouts$|~$", name)}, before, str(variables))
    equal((node.unit("ActiveState"), node.unit("MainPID"), node.unit("NRestarts")), ("active", process, "0"))
    # A round that goes on.
    rounds = "journalctl -u hot_cold_archiver -o cat | tail -n 5"
    assert "invalid value" not in node.run(rounds)


@scenario
def settings_are_reloaded_a_zone_restarts_and_a_backup_is_kept(fleet):
    node = fleet.nodes[0]
    process = node.unit("MainPID")
    node.must("echo '# by hand' >> /etc/hotcold/archive.conf; echo '# by hand' >> /etc/hotcold/captures.conf")
    results = role(fleet, "node1", hotcold_settings={"HOTCOLD_INTERVAL": "3s", "HOTCOLD_MANIFESTS": True}).succeeded()
    assert results.changed("node1") > 0
    assert node.must("grep -l 'by hand' /etc/hotcold/archive.conf.*~") and node.must("grep -l 'by hand' /etc/hotcold/captures.conf.*~")
    equal(node.unit("MainPID"), process, "reloaded, not restarted")
    wait_until("the service took no new interval", lambda: "a round every 3 s" in node.run("journalctl -u hot_cold_archiver -o cat"), 20)
    equal(role(fleet, "node1", hotcold_settings={"HOTCOLD_INTERVAL": "3s", "HOTCOLD_MANIFESTS": True}).succeeded().changed("node1"), 0)

    role(fleet, "node1", hotcold_settings={"HOTCOLD_INTERVAL": "3s", "HOTCOLD_TIME_ZONE": "Etc/UTC"}).succeeded()
    equal(node.unit("ActiveState"), "active")
    assert node.unit("MainPID") != process, "another zone needs a restart"
    process = node.unit("MainPID")
    layout = {"HOTCOLD_INTERVAL": "3s", "HOTCOLD_TIME_ZONE": "Etc/UTC", "HOTCOLD_LAYOUT": "/usr/share/hotcold/layouts/guide.yaml"}
    role(fleet, "node1", hotcold_settings=layout).succeeded()
    assert node.unit("MainPID") != process, "another layout may have another zone"
    equal(node.run("journalctl -u hot_cold_archiver -o cat -p err"), "", "what the service found wrong")


@scenario
def what_was_written_before_a_mistake_is_in_use(fleet):
    node = fleet.nodes[0]
    role(fleet, "node1").succeeded()
    process = node.unit("MainPID")
    layout = fleet.work / "other.yaml"
    layout.write_text((fleet.work / "program/usr/share/hotcold/layouts/guide-by-date.yaml").read_text())
    results = role(fleet, "node1", hotcold_layouts=[str(layout)], hotcold_settings={"HOTCOLD_INTERVAL": "0s"}).failed()
    assert "invalid value '0s' for HOTCOLD_INTERVAL" in results.output, results.output
    assert (node.path / "etc/hotcold/layouts/other.yaml").exists()
    equal(node.unit("ActiveState"), "active")
    assert node.unit("MainPID") != process, "a new layout needs a restart"


def settings(node):
    lines = node.must("hotcold archive --print-config").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@scenario
def settings_that_the_variables_do_not_name_are_kept(fleet):
    node = fleet.nodes[1]
    role(fleet, "node2", hotcold_service_state="stopped").succeeded()
    file = node.path / "etc/hotcold/archive.conf"
    node.must(f"cat > /etc/hotcold/archive.conf <<'END'\n{SETTINGS_OF_HOST}END\n")
    before = settings(node)
    own = {"HOTCOLD_KEEP_LIVE": "On", "HOTCOLD_RETAIN": "captures=1h", "HOTCOLD_METRICS_FILE": "/var/lib/hotcold/a.prom"}
    equal({name: before[name] for name in own}, own)
    variables = {"hotcold_service_state": "stopped", "hotcold_settings": {"HOTCOLD_INTERVAL": "7s", "HOTCOLD_VERIFY_COPIES": True}}
    assert role(fleet, "node2", **variables).succeeded().changed("node2") > 0
    equal(settings(node), {**before, "HOTCOLD_INTERVAL": "7s", "HOTCOLD_VERIFY_COPIES": "yes"})
    equal(role(fleet, "node2", **variables).succeeded().changed("node2"), 0)
    assert role(fleet, "node2", hotcold_settings_replace=True, **variables).succeeded().changed("node2") > 0
    assert not re.search("KEEP_LIVE|RETAIN|METRICS", file.read_text()), file.read_text()
    equal(role(fleet, "node2", **variables).succeeded().changed("node2"), 0)

    # A list that nobody would read.
    node.must("echo HOTCOLD_CAPTURES_FROM=/etc/hotcold/other.conf > /etc/hotcold/archive.conf")
    held = tree(node, "/etc")
    results = role(fleet, "node2", **variables).failed()
    assert "the service reads /etc/hotcold/other.conf" in " ".join(results.output.split()), results.output
    equal(tree(node, "/etc"), held)
    variables["hotcold_settings"]["HOTCOLD_CAPTURES_FROM"] = "/etc/hotcold/captures.conf"
    role(fleet, "node2", **variables).succeeded()

    # A list that no settings name yet, and none are given.
    variables["hotcold_settings"] = {}
    for make in ("echo HOTCOLD_INTERVAL=7s > /etc/hotcold/archive.conf", "rm /etc/hotcold/archive.conf"):
        node.must(make)
        expected = {**settings(node), "HOTCOLD_CAPTURES_FROM": "/etc/hotcold/captures.conf"}
        assert role(fleet, "node2", **variables).succeeded().changed("node2") > 0
        equal(settings(node), expected, make)
        equal(role(fleet, "node2", **variables).succeeded().changed("node2"), 0, make)


SETTINGS_OF_HOST = """\
HOTCOLD_INTERVAL=9s
# HOTCOLD_ENGINE=threads
HOTCOLD_KEEP_LIVE=On
 HOTCOLD_RETAIN = captures=1h \t
HOTCOLD_METRICS_FILE="/var/lib/hotcold/a.prom"
HOTCOLD_CAPTURES_FROM='/etc/hotcold/captures.conf'
"""


@scenario
def a_check_does_not_judge_by_a_list_that_is_about_to_be_replaced(fleet):
    node = fleet.nodes[2]
    role(fleet, "node3", hotcold_service_state="stopped").succeeded()
    fleet.make_capture(node)
    for name in ("archive.conf", "captures.conf"):
        shutil.copy(fleet.work / "program/etc/hotcold" / name, node.path / "srv" / name)
    node.must("cp /srv/archive.conf /srv/captures.conf /etc/hotcold/")
    held = {path: tree(node, path) for path in ("/etc", CAPTURE)}
    options = ("--check", "--diff", "--limit", "node3")
    results = fleet.controller.play("hotcold.captures.migrate", *options, variables=fleet.variables).succeeded()
    assert "What would move is known once" in results.of("node3", "Say why a check does not tell what would move")["result"]["msg"]
    assert not {"Try it, without writing anything", "Migrate"} & set(results.ran("node3")), results.ran("node3")
    equal({path: tree(node, path) for path in held}, held)
    role(fleet, "node3", hotcold_service_state="stopped").succeeded()
    results = fleet.controller.play("hotcold.captures.migrate", *options, variables=fleet.variables).succeeded()
    assert results.of("node3", "Migrate")["result"]["moved"] > 0


@scenario
def where_the_host_keeps_the_places_of_its_recorder_nothing_waits_for_the_cut_over(fleet):
    node = fleet.nodes[2]
    role(fleet, "node3", hotcold_service_state="stopped").succeeded()
    node.must("echo HOTCOLD_KEEP_LIVE=true >> /etc/hotcold/archive.conf")
    variables = {**fleet.variables, "hotcold_timeout": 120}
    for playbook, task in (("migrate", "Verify"), ("serve", "Wait until the captures are settled")):
        fleet.make_capture(node)
        results = fleet.controller.play(f"hotcold.captures.{playbook}", "--limit", "node3", variables=variables).succeeded()
        assert task not in results.ran("node3") and "Say why nothing is verified" in results.ran("node3"), results.ran("node3")
        equal(node.unit("ActiveState"), "active")
        segments = [name for name in tree(node, CAPTURE) if name.endswith(".ts")]
        if playbook == "migrate":
            equal(sum("/" not in name for name in segments), 10, "hot segments in the flat place")
            assert len(segments) > 10
        node.must("systemctl stop hot_cold_archiver")
    role(fleet, "node3", hotcold_settings={"HOTCOLD_INTERVAL": "2s", "HOTCOLD_KEEP_LIVE": False}).succeeded()


@scenario
def serve_does_not_wait_for_what_does_not_go_away(fleet):
    variables = {**fleet.variables, "hotcold_captures": ["/srv/nowhere"]}
    results = fleet.controller.play("hotcold.captures.serve", "--limit", "node2", variables=variables).failed()
    failure = results.of("node2", "Wait until the captures are settled")
    equal((failure["event"], failure["result"]["rc"], failure["result"]["attempts"]), ("failed", 66, 1))
    role(fleet, "node2").succeeded()


@scenario
def serve_does_not_wait_for_what_the_service_may_not_change(fleet):
    node = fleet.nodes[1]
    fleet.make_capture(node, "/srv/foreign", owner="root:root")
    variables = {**fleet.variables, "hotcold_captures": ["/srv/foreign"]}
    message = "The service runs as www-data. /srv/foreign: "
    for reason, more in (("Read-only file system", {}), ("Permission denied", {"hotcold_read_write_paths": ["/srv"]})):
        variables.update(more)
        results = fleet.controller.play("hotcold.captures.serve", "--limit", "node2", variables=variables).failed()
        said = results.of("node2", "Say what the service may not change")["result"]["msg"]
        assert said.startswith(message + reason), said
        assert "Wait until the captures are settled" not in results.ran("node2")
    node.must("chown -R www-data:www-data /srv/foreign")
    fleet.controller.play("hotcold.captures.serve", "--limit", "node2", variables={**variables, "hotcold_timeout": 120}).succeeded()
    role(fleet, "node2", hotcold_read_write_paths=[]).succeeded()


@scenario
def a_service_that_does_not_stay_up_fails_in_each_run(fleet):
    node = fleet.nodes[1]
    missing = {"hotcold_read_write_paths": ["/srv/missing"]}
    equal(role(fleet, "node2", **missing).failed().of("node2", "Run the service")["event"], "failed")
    # Now the unit is written, and systemd starts the service every ten seconds.
    variables = {**fleet.variables, **missing}
    for run in (
        lambda: role(fleet, "node2", **missing),
        lambda: fleet.controller.play("hotcold.captures.migrate", "--limit", "node2", variables=variables),
        lambda: fleet.controller.play("hotcold.captures.serve", "--limit", "node2", variables=variables),
    ):
        results = run().failed()
        message = results.of("node2", "Say how the service ended")["result"]["msg"]
        assert "does not stay up" in message and "ActiveState=activating" in message and "ExecMainStatus=226" in message, message
        assert "Wait until the captures are settled" not in results.ran("node2")
    role(fleet, "node2").succeeded()
    equal((node.unit("ActiveState"), node.unit("SubState")), ("active", "running"))


@scenario
def layouts_a_user_and_folders_reach_the_service(fleet):
    node = fleet.nodes[1]
    node.must("useradd --system camera")
    fleet.make_capture(node, "/srv/cameras/garden", owner="camera:camera")
    layout = fleet.work / "garden.yaml"
    layout.write_text((fleet.work / "program/usr/share/hotcold/layouts/guide-by-date.yaml").read_text())
    variables = {
        "hotcold_layouts": [str(layout)],
        "hotcold_captures": ["/srv/cameras/garden layout=/etc/hotcold/layouts/garden.yaml"],
        "hotcold_user": "camera",
        "hotcold_read_write_paths": ["/srv/cameras"],
    }
    assert role(fleet, "node2", "--check", **variables).succeeded().changed("node2") > 0
    assert not (node.path / "etc/hotcold/layouts").exists()
    assert role(fleet, "node2", **variables).succeeded().changed("node2") > 0
    verify = "hotcold verify /srv/cameras/garden --layout /etc/hotcold/layouts/garden.yaml && echo settled"
    wait_until("the service settles nothing", lambda: "settled" in node.run(verify), 60, 0.5)
    (process,) = node.processes("hotcold", "archive")
    owner = int(node.must("id -u camera"))
    equal(os.stat(f"/proc/{process}").st_uid, owner)
    equal(role(fleet, "node2", **variables).succeeded().changed("node2"), 0)
    # A list with layouts of its own: the difference knows them.
    result = fleet.controller.task("node2", MIGRATE, options=("--check", "--diff"), as_service=True)
    buckets = result["places"]["/srv/cameras/garden"]["before"]["segments"]["buckets"]
    assert buckets and all(re.fullmatch(r"\d{4}-\d\d-\d\d/\d\d", bucket) for bucket in buckets), buckets
    assert not result["changed"], result
    # Without them the unit is the package's again.
    role(fleet, "node2").succeeded()
    equal(node.unit("User"), "www-data")


@scenario
def the_package_comes_from_a_repository_as_well(fleet):
    node = fleet.nodes[2]
    fields = must("dpkg-deb", "-f", str(fleet.deb))
    data = pathlib.Path(fleet.deb).read_bytes()
    node.must("mkdir -p /srv/repository")
    shutil.copy(fleet.deb, node.path / "srv/repository/hotcold.deb")
    (node.path / "srv/repository/Packages").write_text(
        f"{fields}Filename: ./hotcold.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n")
    (node.path / "etc/apt/sources.list.d/hotcold.list").write_text("deb [trusted=yes] file:/srv/repository ./\n")
    node.must("systemctl stop hot_cold_archiver; dpkg --purge hotcold; ! command -v hotcold")
    node.must("apt-get update")
    assert role(fleet, "node3", "--check", hotcold_deb="").succeeded().changed("node3") > 0
    # The role reads the lists of a repository that is new to the host; a check does not.
    node.must("! command -v hotcold && rm -rf /var/lib/apt/lists/*")
    results = role(fleet, "node3", hotcold_deb="").succeeded()
    assert results.changed("node3") > 0
    assert "/srv/repository" in node.must("apt-cache policy hotcold") and node.must("hotcold --version")
    equal(node.unit("ActiveState"), "active")
    equal(role(fleet, "node3", hotcold_deb="").succeeded().changed("node3"), 0)


@scenario
def the_service_takes_over_by_itself(fleet):
    node = fleet.nodes[2]
    node.must("systemctl stop hot_cold_archiver")
    fleet.make_capture(node)
    before = recordings(node, CAPTURE)
    results = fleet.controller.play("hotcold.captures.serve", "--limit", "node3", variables=fleet.variables).succeeded()
    equal(results.of("node3", "Wait until the captures are settled")["event"], "ok")
    equal(recordings(node, CAPTURE), before)
    assert node.must(f"ls {CAPTURE}/segments/*/archive.m3u8")


@scenario
def the_way_back_stops_the_service_and_ends_flat(fleet):
    node = fleet.nodes[0]
    before = recordings(node, CAPTURE)
    metrics = "/var/lib/hotcold/hotcold.prom", "/var/lib/prometheus/node-exporter/hotcold.prom"
    node.must("mkdir -p /var/lib/prometheus/node-exporter; touch {0}; ln -s {0} {1}".format(*metrics))
    results = fleet.controller.play("hotcold.captures.revert", "--limit", "node1").succeeded()
    assert results.changed("node1") > 0
    equal((node.unit("ActiveState"), node.unit("UnitFileState")), ("inactive", "disabled"))
    node.must("! ls -d {} {} 2>/dev/null | grep .".format(*metrics))
    equal(recordings(node, CAPTURE), before)
    assert not any("/" in name for name in tree(node, CAPTURE) if name.endswith(".ts")), "segments are not in their flat place"
    equal(fleet.controller.play("hotcold.captures.revert", "--limit", "node1").succeeded().changed("node1"), 0)


def main():
    deb, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    wanted = sys.argv[3:]
    if unknown := set(wanted) - {function.__name__ for function in SCENARIOS}:
        sys.exit(f"no such scenario: {' '.join(sorted(unknown))}")
    ran = failures = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        fleet = Fleet(deb, folder, stack)
        print(f"three hosts after {time.monotonic() - began:.0f} s", flush=True)
        for number, function in enumerate(SCENARIOS, 1):
            if wanted and function.__name__ not in wanted:
                continue
            start = time.monotonic()
            ran += 1
            try:
                function(fleet)
                print(f"ok {number} {function.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
            except Exception:
                failures += 1
                traceback.print_exc(file=sys.stdout)
                print(f"not ok {number} {function.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
        print(f"{ran} of {len(SCENARIOS)} scenarios, {failures} failed, {time.monotonic() - began:.0f} s", flush=True)
    sys.exit(1 if failures or not ran else 0)


main()
