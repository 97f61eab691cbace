# Copyright 2026 the hotcold founders. All rights reserved.
"""What migrate and revert have in common: a dry run in check mode, an execution otherwise, and the difference that either makes."""

from __future__ import annotations

from ansible_collections.hotcold.captures.plugins.module_utils.places import Places, lines_of
from ansible_collections.hotcold.captures.plugins.module_utils.program import Program

KEYS = (
    "changed", "wouldChange", "summary.total.moved", "captures.capture.text", "captures.capture.base64", "captures.exitCode",
    "captures.kinds", "captures.otherRunActive", "captures.warnings.message", "captures.errors.message",
)


def move(module, command, *names):
    """The names: options that the other command does not have."""
    for name in ("retries", "delay"):
        if module.params[name] < 0:
            module.fail_json(msg="'%s' is %d. Give 0 or more." % (name, module.params[name]))
    program = Program(module)
    names += ("layout", "engine", "on_conflict", "link_fallback", "verify_copies", "sync")
    plan = places = before = None
    if module.check_mode or module._diff:
        plan = program.run(command, *names)
        plan.require(*KEYS)
    if module._diff:
        places = Places(program, module.params.get("from_layout"))
        before = places.look()
    if module.check_mode:
        runs, changed = [plan], plan.report["wouldChange"]
    else:
        runs = program.execute(command, *names)
        changed = any(run.changed for run in runs)
    last = runs[-1]
    results = {
        "changed": changed,
        "attempts": len(runs),
        "moved": sum(run.moved for run in runs),
    }
    last.require(*KEYS, **results)
    if places:
        # By now the files have moved, and that must be told whatever becomes of the difference.
        try:
            results.update(difference(before, places.planned(plan) if module.check_mode else places.look()))
        except (OSError, LookupError, ValueError, TypeError, AttributeError) as error:
            module.warn("The difference could not be made (%s: %s)." % (type(error).__name__, error))
    for capture in last.captures:
        for warning in capture["warnings"]:
            module.warn(warning["message"])
        if module.check_mode and capture["otherRunActive"]:
            module.warn("%s: another run of hotcold holds this capture now." % capture["capture"]["text"])
    if last.status:
        reason = "found the capture held by another run in each of %d attempts" % len(runs) if last.is_busy else "failed"
        last.fail(reason, **results)
    module.exit_json(**dict(last.values, **results))


def difference(before, after):
    places = {name: {"before": before.get(name, {}), "after": after[name]} for name in after}
    return {
        "places": places,
        "diff": [
            {"before_header": name, "after_header": name, "before": lines_of(its["before"]), "after": lines_of(its["after"])}
            for name, its in places.items()
        ],
    }
