#!/usr/bin/env python3
"""Holds the dashboards against Grafana's own models of them, and the alerts against the runbook: dashboards.py MIXIN RUNBOOK.

grafana-foundation-sdk is generated from Grafana's schema. A key that its models do not know is lost on the way through
them; values are held against the types that they declare.
"""
import copy
import enum
import json
import pathlib
import re
import sys
import types
import typing

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard as models


def differences(given, modelled, path=""):
    """What is in the dashboard and not, or not so, in what the models make of it. They may add defaults."""
    if isinstance(given, dict) and isinstance(modelled, dict):
        for key, value in given.items():
            if key not in modelled:
                yield f"{path}.{key}: unknown to Grafana"
            else:
                yield from differences(value, modelled[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(modelled, list):
        if len(given) != len(modelled):
            yield f"{path}: {len(given)} entries, not {len(modelled)}"
        for index, (one, other) in enumerate(zip(given, modelled)):
            yield from differences(one, other, f"{path}[{index}]")
    elif given != modelled:
        yield f"{path}: {given!r} becomes {modelled!r}"


def mistakes(value, kind, path=""):
    """Why a value is not of a declared type, anywhere in it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is not None or type(None) not in arguments:
            own = [one for one in arguments if one is type(value)]
            attempts = [list(mistakes(value, one, path)) for one in own or arguments if one is not type(None)]
            yield from min(attempts, key=len)
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is none of {arguments}"
    elif origin is list:
        for index, entry in enumerate(value if isinstance(value, list) else [None]):
            yield from mistakes(entry, arguments[0], f"{path}[{index}]")
    elif origin is dict:
        for key, entry in (value if isinstance(value, dict) else {"": None}).items():
            yield from mistakes(entry, arguments[1], f"{path}.{key}")
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        if value not in [member.value for member in kind]:
            yield f"{path}: {value!r} is none of {[member.value for member in kind]}"
    elif kind in (str, bool, int, float):
        wanted = (int, float) if kind is float else kind
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
            yield f"{path}: {value!r} is no {kind.__name__}"
    elif hasattr(value, "to_json") and isinstance(value, kind):
        for name, hint in typing.get_type_hints(type(value)).items():
            yield from mistakes(getattr(value, name), hint, f"{path}.{name}")
    elif isinstance(value, dict) and hasattr(kind, "from_json"):
        yield from modelled(value, kind, path)  # Some parts the models leave as they are.
    elif kind not in (object, typing.Any):
        yield f"{path}: {value!r} is no {kind.__name__}"


def modelled(given, kind, path=""):
    model = kind.from_json(copy.deepcopy(given))
    yield from mistakes(model, kind, path)
    yield from differences(given, json.loads(json.dumps(model, cls=JSONEncoder)), path)


def check_dashboard(file):
    given = json.loads(file.read_text())
    yield from modelled(given, models.Dashboard)
    # What the schema does not say.
    identifiers = [panel["id"] for panel in given["panels"]]
    if len(set(identifiers)) != len(identifiers):
        yield "two panels have one id"
    fields = set()
    for panel in given["panels"]:
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            yield f"{panel['title']}: wider than the dashboard"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in fields:
                    yield f"{panel['title']}: lies on another panel"
                fields.add((x, y))
    names = {variable["name"] for variable in given["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(given))) - {"__rate_interval", "__all", "labels", "value"}
    if used != names:
        yield f"variables {sorted(used ^ names)} are used and not declared, or the other way round"


def check_runbook(mixin, runbook):
    alerts = yaml.safe_load((mixin / "prometheus_alerts.yaml").read_text())
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    headings = set(re.findall(r"^## (\w+)$", runbook.read_text(), re.M))
    named = {rule["alert"] for rule in rules}
    for name in sorted(headings ^ named):
        yield f"{name}: not both in the alerts and in {runbook.name}"
    for rule in rules:
        if not rule["annotations"]["runbook_url"].endswith(f"{runbook.name}#{rule['alert'].lower()}"):
            yield f"{rule['alert']}: {rule['annotations']['runbook_url']} does not lead to it"
        for part in ("means", "look at", "do"):
            section = runbook.read_text().split(f"## {rule['alert']}\n")[-1].split("\n## ")[0]
            if f"**{part}:**" not in section.lower():
                yield f"{rule['alert']}: {runbook.name} lacks '{part}'"


def main():
    mixin, runbook = (pathlib.Path(argument) for argument in sys.argv[1:])
    register_default_plugins()
    files = sorted(mixin.glob("dashboards_out/*.json"))
    wrong = [f"{file.name}: {text}" for file in files for text in check_dashboard(file)]
    wrong += check_runbook(mixin, runbook)
    print("\n".join(wrong) or f"{len(files)} dashboards are what Grafana's models know; each alert is in {runbook.name}")
    sys.exit(1 if wrong or not files else 0)


main()
