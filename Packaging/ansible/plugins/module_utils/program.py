# Copyright 2026 the hotcold founders. All rights reserved.
"""hotcold as modules run it: which one, with what, and what it reports. Runs on the host, with Python 3.9 or later and nothing else."""

from __future__ import annotations

import json
import re
import time

from ansible_collections.hotcold.captures.plugins.module_utils.captures_list import layouts_named_for, layouts_of_list

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
# Of the service, by the options that mean the same. Paths, names and limits; yes and no.
SETTINGS = {
    "captures_from": "HOTCOLD_CAPTURES_FROM",
    "layout": "HOTCOLD_LAYOUT",
    "time_zone": "HOTCOLD_TIME_ZONE",
    "hot": "HOTCOLD_HOT",
    "engine": "HOTCOLD_ENGINE",
    "on_conflict": "HOTCOLD_ON_CONFLICT",
}
SWITCHES = {
    "keep_live": "HOTCOLD_KEEP_LIVE",
    "manifests": "HOTCOLD_MANIFESTS",
    "link_fallback": "HOTCOLD_LINK_FALLBACK",
    "verify_copies": "HOTCOLD_VERIFY_COPIES",
}
# A file may be that old when the service gets to it.
AGES = ("HOTCOLD_MIN_AGE", "HOTCOLD_INTERVAL")
YES = ("yes", "true", "on", "1")


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


def capture_arguments(params):
    """Last of a command line."""
    return options(params, "captures_from") + (["--"] + params["captures"] if params["captures"] else [])


def path_of(module):
    """None without a program that can be run."""
    return module.get_bin_path(module.params["executable"] or "hotcold")


def run_command(module, argv):
    """Status, output, errors; a program that cannot be run has the status of shells."""
    try:
        return module.run_command(argv, expand_user_and_vars=False, handle_exceptions=False)
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
        if module.params["as_service"]:
            self.take_settings_of_service()
        # A relative one would begin in Ansible's temporary folder.
        for path in module.params["captures"] + [module.params["captures_from"] or "/"]:
            if not path.startswith("/"):
                module.fail_json(msg="%s is not an absolute path. Give one that begins with '/'." % path)

    def take_settings_of_service(self):
        """For options that the task does not give."""
        params = self.module.params
        status, output, errors = run_command(self.module, [self.path, "archive", "--print-config"])
        if status != 0:
            self.module.fail_json(msg="The settings of the service have a mistake: %s" % errors.strip(), rc=status)
        settings = dict(line.split("=", 1) for line in output.splitlines() if "=" in line and not line.startswith("#"))
        missing = [name for name in [*SWITCHES.values(), *AGES] if name not in settings]
        if missing:
            self.fail_as_unfit("has no %s in its settings" % ", ".join(missing))
        if params["captures"] and not params["captures_from"] and not params["layout"]:
            params["layout"] = self.layout_of_list(settings.get("HOTCOLD_CAPTURES_FROM"))
        for option, name in SETTINGS.items():
            if option in params and not params[option] and not (option == "captures_from" and params["captures"]):
                params[option] = settings.get(name)
        for option, name in SWITCHES.items():
            if option in params and params[option] is None:
                params[option] = settings[name].lower() in YES
        if isinstance(params.get("hot"), str):
            params["hot"] = dict(pair.split("=") for pair in params["hot"].split(","))
        if "min_age" in params and not params["min_age"]:
            params["min_age"] = "%ds" % min(sum(seconds(settings[name]) for name in AGES), 86400)

    def layout_of_list(self, path):
        """Of the captures that the task names, as the service has them; none where the list names none."""
        listed = layouts_of_list(path)
        named = {capture: layouts_named_for(capture, listed) for capture in self.module.params["captures"]}
        different = {tuple(layouts) for layouts in named.values()}
        if len(different) > 1 or any(len(layouts) > 1 for layouts in different):
            text = "; ".join("%s: %s" % (capture, ", ".join(layouts) or "none") for capture, layouts in named.items())
            self.module.fail_json(
                msg="%s names different layouts for these captures (%s). Name captures of one layout in each task, or give 'layout'."
                % (path, text)
            )
        return next((layout for layouts in different for layout in layouts), None)

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
        status, output, errors = run_command(self.module, argv)
        return Run(self, argv, status, output, errors)

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


def seconds(age):
    """Of an age such as 90s or 5m."""
    return int(age[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[age[-1]]


def numbers(version):
    return [int(number) for number in re.findall(r"[0-9]+", version)]
