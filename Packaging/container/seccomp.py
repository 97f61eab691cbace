#!/usr/bin/env python3
"""Grants io_uring in a container: seccomp.py [DEFAULT] > hotcold-seccomp.json

Prints a runtime's default profile and the three calls of io_uring besides. DEFAULT is a profile as podman and Docker write
them; without it, the one that podman has installed.

The result is as it applies to hotcold: to this machine's architecture, and to a container without any capability. That is the
form of the OCI runtime specification, which podman, Docker, CRI-O and containerd all read. containerd (Kubernetes) knows no
other: it would take a rule for containers with CAP_SYS_ADMIN for a rule without a condition, and grant more than it should.
"""

import json
import platform
import sys

CALLS = ["io_uring_setup", "io_uring_enter", "io_uring_register"]
DEFAULT = "/usr/share/containers/seccomp.json"
# As uname(2), the profiles' conditions, and libseccomp call it.
MACHINES = {"x86_64": ("amd64", "SCMP_ARCH_X86_64"), "aarch64": ("arm64", "SCMP_ARCH_AARCH64")}


def applies(rule, architecture):
    """Whether a rule is for a container without capabilities."""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    unknown = (set(includes) | set(excludes)) - {"caps", "arches", "minKernel"}
    if unknown:
        raise SystemExit(f"seccomp.py: a rule has conditions that are not known here: {', '.join(sorted(unknown))}")
    if includes.get("caps"):
        return False
    if includes.get("arches") and architecture not in includes["arches"]:
        return False
    # Every kernel that io_uring renames on is younger than the ones that profiles ask for.
    return architecture not in (excludes.get("arches") or []) and "minKernel" not in excludes


def with_io_uring(profile, machine):
    architecture, native = MACHINES[machine]
    rules = []
    for rule in profile["syscalls"]:
        names = [name for name in rule.get("names") or [rule["name"]] if name not in CALLS]
        if names and applies(rule, architecture):
            rules.append({"names": names} | {key: rule[key] for key in ("action", "errnoRet", "args") if rule.get(key) is not None})
    rules.append({"names": CALLS, "action": "SCMP_ACT_ALLOW"})
    others = [entry.get("subArchitectures") or [] for entry in profile.get("archMap", []) if entry["architecture"] == native]
    result = {key: profile[key] for key in ("defaultAction", "defaultErrnoRet") if key in profile}
    return result | {"architectures": [native] + sum(others, []), "syscalls": rules}


def main():
    with open(sys.argv[1] if len(sys.argv) > 1 else DEFAULT, encoding="utf-8") as file:
        json.dump(with_io_uring(json.load(file), platform.machine()), sys.stdout, indent=1)
    print()


main()
