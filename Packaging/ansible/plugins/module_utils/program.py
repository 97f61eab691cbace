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

CAPTURES = {
    "captures": {"type": "list", "elements": "path", "default": []},
    "captures_from": {"type": "path"},
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
    return module.params["executable"] or module.get_bin_path("hotcold")


def messages(issues):
    """What hotcold says went wrong, with its advice."""
    return [". ".join(text for text in (issue["message"], issue["remedy"]) if text) for issue in issues]


class Program:
    """The hotcold of a host."""

    def __init__(self, module):
        self.module = module
        self.path = path_of(module)
        if not self.path:
            module.fail_json(
                msg="hotcold is not installed on this host. Install its package first: the role hotcold.captures.hotcold does."
            )
        status, output, errors = module.run_command([self.path, "--version"])
        self.version = output.strip()
        if status != 0 or not re.match(r"[0-9]+(\.[0-9]+)+", self.version):
            self.fail_as_too_old("says no version")
        if numbers(self.version) < numbers(MINIMUM_VERSION):
            self.fail_as_too_old("is version %s" % self.version)
        if module.params["as_service"]:
            self.take_settings_of_service()
        # A relative one would begin in Ansible's temporary folder.
        for path in module.params["captures"] + [module.params["captures_from"] or "/"]:
            if not path.startswith("/"):
                module.fail_json(msg="%s is not an absolute path. Give one that begins with '/'." % path)

    def take_settings_of_service(self):
        """For options that the task does not give."""
        params = self.module.params
        status, output, errors = self.module.run_command([self.path, "archive", "--print-config"])
        if status != 0:
            self.module.fail_json(msg="The settings of the service have a mistake: %s" % errors.strip(), rc=status)
        settings = dict(line.split("=", 1) for line in output.splitlines() if "=" in line and not line.startswith("#"))
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
            age = seconds(settings["HOTCOLD_MIN_AGE"]) + seconds(settings["HOTCOLD_INTERVAL"])
            params["min_age"] = "%ds" % min(age, 86400)

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

    def fail_as_too_old(self, reason, **values):
        self.module.fail_json(
            msg="%s %s, and this collection needs hotcold %s or later. Upgrade its package on this host."
            % (self.path, reason, MINIMUM_VERSION),
            **values
        )

    def run(self, command, *names, flags=()):
        """One run with the named options; without execute it writes nothing."""
        argv = [self.path, command, "--format", "json", "--quiet"] + list(flags) + options(self.module.params, *names)
        argv += capture_arguments(self.module.params)
        status, output, errors = self.module.run_command(argv)
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
        return self.report.get("captures", [])

    @property
    def is_killed(self):
        return self.status < 0

    @property
    def names_no_capture(self):
        """As opposed to a list that is missing, or has a mistake: it is empty, or no folder fits its patterns."""
        errors = self.report.get("errors", []) if self.report.get("type") == "error" else []
        return bool(errors) and all(error["message"].startswith("Name at least one capture folder") for error in errors)

    @property
    def is_busy(self):
        failures = {capture["exitCode"] for capture in self.captures} - {0}
        return self.status == BUSY and failures == {BUSY}

    @property
    def messages(self):
        issues = list(self.report.get("errors", []))
        for capture in self.captures:
            issues += capture["errors"]
        return messages(issues)

    def require(self, *keys, **values):
        """Fails, with the values, where there is no report, or one of a program that did not know the keys yet."""
        if self.is_killed:
            self.fail("was killed by signal %d. Run it again: it goes on where it stopped" % -self.status, **values)
        if not self.report:
            reason = "printed no report (exit status %d: %s)" % (self.status, self.errors.strip()[:300])
            self.program.fail_as_too_old(reason, **values)
        if self.report.get("type") == "error":
            self.fail("could not begin", **values)
        missing = [key for key in keys if key not in self.report]
        if missing:
            self.program.fail_as_too_old("has no '%s' in its reports" % "', '".join(missing), **values)

    def fail(self, reason, **values):
        text = "; ".join(self.messages) or self.errors.strip()
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
