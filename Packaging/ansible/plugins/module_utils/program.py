# Copyright 2026 the hotcold founders. All rights reserved.
"""hotcold as modules run it: which one, with what, and what it reports. Runs on the host, with Python 3.9 or later and nothing else."""

from __future__ import annotations

import json
import re
import time

# The first one with the reports that are read here.
MINIMUM_VERSION = "0.1.0"
BUSY = 75
USAGE = 64

CAPTURES = {
    # Not of type path: Ansible would put variables of the host in place of a $NAME.
    "captures": {"type": "list", "elements": "str", "default": []},
    "captures_from": {"type": "str"},
    "as_service": {"type": "bool", "default": False},
    "executable": {"type": "path"},
    "layout": {"type": "str"},
}
PLACES = {
    "time_zone": {"type": "str"},
    "hot": {"type": "dict"},
}
MOVES = {
    "engine": {"type": "str", "choices": ["auto", "io_uring", "threads", "syscalls"]},
    "on_conflict": {"type": "str", "choices": ["keep", "rename"]},
    "link_fallback": {"type": "bool"},
    "verify_copies": {"type": "bool"},
    "sync": {"type": "bool", "default": True},
    "retries": {"type": "int", "default": 5},
    "delay": {"type": "int", "default": 10},
}
# Settings of the service whose options have only one direction.
SWITCHES = {
    "keep_live": "HOTCOLD_KEEP_LIVE",
    "manifests": "HOTCOLD_MANIFESTS",
    "link_fallback": "HOTCOLD_LINK_FALLBACK",
    "verify_copies": "HOTCOLD_VERIFY_COPIES",
}


def options(params, *names):
    """The command line of those of the options that are set."""
    arguments = []
    for name in names:
        value = params.get(name)
        if name == "hot":
            for kind, limit in sorted((value or {}).items()):
                arguments += ["--hot", "%s=%s" % (kind, limit)]
        elif name in ("manifests", "sync"):
            arguments += ["--no-" + name] if value is False else []
        elif name == "from_layout":
            arguments += ["--from", value] if value else []
        elif value is True:
            arguments.append("--" + name.replace("_", "-"))
        elif value:
            arguments += ["--" + name.replace("_", "-"), value]
    return arguments


def switches(params):
    """The environment of a run with the settings of the service, which an option could turn one way only."""
    given = {variable: params.get(name) for name, variable in SWITCHES.items()} if params["as_service"] else {}
    return {variable: "yes" if value else "no" for variable, value in given.items() if value is not None}


def capture_arguments(params):
    """Last of a command line."""
    return options(params, "as_service", "captures_from") + (["--"] + params["captures"] if params["captures"] else [])


def path_of(module):
    """None without a program that can be run."""
    return module.get_bin_path(module.params["executable"] or "hotcold")


def run_command(module, argv, environment=None):
    """Status, output, errors; a program that cannot be run has the status of shells."""
    try:
        return module.run_command(argv, environ_update=environment, expand_user_and_vars=False, handle_exceptions=False)
    except (OSError, ValueError) as error:
        return 127, "", "%s: %s" % (argv[0], error)


def messages(issues):
    """What hotcold says went wrong, with its advice."""
    return [
        "%s. %s" % (issue["message"].rstrip("."), issue["remedy"]) if issue.get("remedy") else issue["message"] for issue in issues
    ]


def lacks(value, keys):
    """Whether the keys lead nowhere, one below the other; in a list, for any of its items."""
    if isinstance(value, list):
        return any(lacks(item, keys) for item in value)
    return bool(keys) and (not isinstance(value, dict) or value.get(keys[0]) is None or lacks(value[keys[0]], keys[1:]))


class Program:
    """The hotcold of a host."""

    def __init__(self, module):
        self.module = module
        for name, value in module.params.items():
            if value == "":
                module.fail_json(msg="'%s' is empty. Give a value, or leave the option out." % name)
        self.path = path_of(module)
        if not self.path:
            module.fail_json(
                msg="hotcold is not installed on this host (no program %s). "
                "Install its package first: the role hotcold.captures.hotcold does." % (module.params["executable"] or "hotcold")
            )
        status, output, errors = run_command(module, [self.path, "--version"])
        self.version = output.strip()
        if status != 0 or not re.match(r"[0-9]+(\.[0-9]+)+", self.version):
            self.fail_as_unfit("says no version", rc=status, stderr=errors)
        if numbers(self.version) < numbers(MINIMUM_VERSION):
            self.fail_as_unfit("is version %s" % self.version)
        # A relative one would begin in Ansible's temporary folder.
        for path in module.params["captures"] + [module.params["captures_from"] or "/"]:
            if not path.startswith("/"):
                module.fail_json(msg="%s is not an absolute path. Give one that begins with '/'." % path)

    def fail_as_unfit(self, reason, **values):
        self.module.fail_json(
            msg="%s %s, and this collection needs hotcold %s or later. "
            "Upgrade its package on this host, or this collection if hotcold is the newer one." % (self.path, reason, MINIMUM_VERSION),
            **values
        )

    def run(self, command, *names, flags=()):
        """One run with the named options; without execute it writes nothing."""
        argv = [self.path, command, "--format", "json"] + list(flags) + options(self.module.params, *names)
        argv += capture_arguments(self.module.params)
        status, output, errors = run_command(self.module, argv, switches(self.module.params))
        return Run(self, argv, status, output, errors)

    def look(self, layout=None):
        """How many files each folder of the captures holds, by this layout or the one that each capture has."""
        return self.run("layout", "layout", flags=("--check", layout) if layout else ())

    def execute(self, command, *names):
        """Again as long as nothing but other runs that hold captures are in the way. All runs, the last one last."""
        params = self.module.params
        flags = ("--execute", "--yes")
        runs = [self.run(command, *names, flags=flags)]
        while runs[-1].is_busy and len(runs) <= params["retries"]:
            time.sleep(params["delay"])
            runs.append(self.run(command, *names, flags=flags))
        return runs


class Run:
    def __init__(self, program, argv, status, output, errors):
        self.program = program
        self.argv = argv
        self.status = status
        self.errors = errors
        try:
            self.report = json.loads(output)
        except ValueError:
            self.report = {}
        if not isinstance(self.report, dict):
            self.report = {}

    @property
    def captures(self):
        return [] if lacks(self.report, ["captures", "exitCode"]) else self.report["captures"]

    @property
    def signal(self):
        """The one that ended hotcold, as Python has it, or as hotcold and shells pass it on; or 0."""
        return -self.status if self.status < 0 else self.status - 128 if 128 < self.status <= 192 else 0

    @property
    def is_error(self):
        """Whether it says why it did not begin."""
        return self.report.get("type") == "error"

    @property
    def changed(self):
        """Of an execution: what says nothing of itself may have moved files."""
        return not self.is_error and self.report.get("changed") is not False

    @property
    def moved(self):
        return 0 if lacks(self.report, ["summary", "total", "moved"]) else self.report["summary"]["total"]["moved"]

    @property
    def names_no_capture(self):
        """As opposed to a list that is missing, or has a mistake: it is empty, or no folder fits its patterns."""
        errors = self.report.get("errors") if self.is_error else []
        return bool(errors) and all("names no capture that exists" in error["message"] for error in errors)

    @property
    def is_busy(self):
        failures = {capture["exitCode"] for capture in self.captures} - {0}
        return self.status == BUSY and failures == {BUSY}

    @property
    def messages(self):
        issues = list(self.report.get("errors") or [])
        for capture in self.captures:
            issues += capture.get("errors") or []
        return (self.unmatched if self.is_error else []) + messages(issues)

    @property
    def unmatched(self):
        """Which patterns of the list fit no folder: hotcold warns of them, and not in its report."""
        return re.findall(" WARNING (.*: no folder matches .*)", self.errors)

    def require(self, *keys, **values):
        """Fails, with the values, where there is no report, or one of a program that did not know the keys (a.b: b in a)."""
        if self.signal:
            self.fail("was killed by signal %d. Run it again: it goes on where it stopped" % self.signal, **values)
        if not self.report and self.status == USAGE:
            reason = "printed no report (exit status %d: %s)" % (self.status, self.errors.strip()[:300])
            self.program.fail_as_unfit(reason, **dict(self.values, **values))
        if not self.report:
            self.fail("printed no report that can be read. See what %s is" % self.program.path, **values)
        if self.is_error:
            self.fail("could not begin", **values)
        missing = [key for key in keys if lacks(self.report, key.split("."))]
        if missing:
            self.program.fail_as_unfit("has no '%s' in its reports" % "', '".join(missing), **dict(self.values, **values))
        for text in self.unmatched:
            self.program.module.warn(text)

    def fail(self, reason, **values):
        text = "; ".join(self.messages or [line for line in self.errors.splitlines() if " INFO " not in line])
        self.program.module.fail_json(
            msg="hotcold %s %s (exit status %d)%s" % (self.argv[1], reason, self.status, ": " + text if text else "."),
            **dict(self.values, **values)
        )

    @property
    def values(self):
        """What a module returns of a run, good or bad."""
        return {
            "rc": self.status,
            "cmd": self.argv,
            "version": self.program.version,
            "report": self.report,
            "errors": self.messages,
            "stderr": self.errors,
            "stderr_lines": self.errors.splitlines(),
        }


def numbers(version):
    return [int(number) for number in re.findall(r"[0-9]+", version)]
