#!/usr/bin/env python3
"""A roll-out on many hosts of one machine: simulate.py DEB FOLDER [HOSTS [FORKS]]. As root; some minutes.

Every host is real in all but its hardware: systemd, sshd, address, files. One in the last batch fails at first. More than 18 run into the
kernel's limit of inotify instances (fs.inotify.max_user_instances, 128 by default).
"""

from __future__ import annotations

import contextlib
import pathlib
import signal
import sys
import time

from fleet import CAPTURE, Fleet, recordings


def roll_out(fleet, forks):
    """Its results, and for each batch how many hosts it had and how long it took."""
    began = time.monotonic()
    results = fleet.controller.play("hotcold.captures.migrate", "--forks", str(forks), variables=fleet.variables)
    seconds = time.monotonic() - began
    batches = [
        (batch["hosts"], following["time"] - batch["time"])
        for batch, following in zip(results.batches, results.batches[1:] + [{"time": results.end}])
    ]
    text = ", ".join(f"{hosts} hosts in {took:.0f} s" for hosts, took in batches)
    print(f"  {seconds:.0f} s: {text}; exit status {results.status}", flush=True)
    return results


def main():
    deb, folder = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
    hosts, forks = (int(number) for number in (sys.argv[3:] + ["16", "16"][len(sys.argv) - 3:]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        fleet = Fleet(deb, folder, stack, hosts)
        for node in fleet.nodes:
            fleet.make_capture(node)
        before = [recordings(node, CAPTURE) for node in fleet.nodes]
        print(f"{hosts} hosts with 3,000 files each after {time.monotonic() - began:.0f} s", flush=True)

        failing = fleet.nodes[-2]
        taken = "hour=$(date -r segment_000000005.ts +%-H); mkdir -p segments/$hour; echo other > segments/$hour/segment_000000005.ts"
        failing.must(f"cd {CAPTURE}; {taken}")
        print(f"a roll-out in which {failing.name} fails")
        results = roll_out(fleet, forks)
        assert results.status != 0 and results.stats(failing.name)["failures"], results.output
        done = [node.name for node in fleet.nodes if "Verify" in results.ran(node.name)]
        print(f"  {len(done)} hosts were done before: {' '.join(done)}")

        print("what was in the way is removed, and the roll-out begun again")
        failing.must(f"rm {CAPTURE}/segments/*/segment_000000005.ts")
        before[-2] = recordings(failing, CAPTURE)
        results = roll_out(fleet, forks).succeeded()
        for node in fleet.nodes:
            assert results.of(node.name, "Migrate")["result"]["changed"] != (node.name in done), node.name

        print("once more")
        results = roll_out(fleet, forks).succeeded()
        assert not any(results.changed(node.name) for node in fleet.nodes), results.output
        for node, files in zip(fleet.nodes, before):
            assert recordings(node, CAPTURE) == files, f"{node.name}: other recordings"
            assert node.unit("ActiveState") == "active", node.name
        print(f"{hosts} hosts are settled, no recording was lost, no service is down")


main()
