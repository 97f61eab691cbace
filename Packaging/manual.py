#!/usr/bin/env python3
"""Writes the man pages of hotcold: manual.py BINARY FOLDER

One page for the program and one for each command, in mdoc(7), from what the program says of itself
(--experimental-dump-help of swift-argument-parser). EXIT STATUS is the table of docs/REFERENCE.md; the sections that the program
does not know, such as EXAMPLES, are in manual/.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def escaped(text):
    """Text for roff: a line for each sentence, no line of it is a request, dashes are dashes that can be copied."""
    text = re.sub(r"(?<=[a-z)]\.) (?=[A-Z'])", "\n", text)
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def quoted(text):
    """One argument of a macro."""
    return '"' + escaped(text).replace('"', "\\(dq") + '"'


def exit_table():
    """The rows of the table of exit codes."""
    section = (ROOT / "docs/REFERENCE.md").read_text().split("## Exit codes\n", 1)[1].split("\n#", 1)[0]
    rows = re.findall(r"^\| ([0-9, ]+) \| (.+) \|$", section, re.MULTILINE)
    return [(codes, meaning.replace("`", "")) for codes, meaning in rows]


def more_sections(name):
    """The lines of manual/NAME.mdoc up to the examples, and from there on (mdoc(7) has the exit status in between)."""
    lines = (ROOT / "Packaging/manual" / f"{name}.mdoc").read_text().splitlines()
    index = lines.index(".Sh EXAMPLES")
    return lines[:index], lines[index:]


def synopsis(command):
    # As it is typed: options first.
    for argument in sorted(shown(command), key=lambda argument: argument["kind"] == "positional"):
        if argument["kind"] == "positional":
            words = ".Ar " + quoted(argument["valueName"]) + (" ..." if argument["isRepeating"] else "")
        else:
            name = argument["preferredName"]
            dashes = "--" if name["kind"] == "long" else "-"
            words = ".Fl " + quoted((dashes + name["name"])[1:])
            if argument["kind"] == "option":
                words += " Ar " + quoted(argument["valueName"])
        if argument["isOptional"]:
            words = ".Op " + words[1:]
        yield words


def shown(command):
    return [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]


def option(argument):
    if argument["kind"] == "positional":
        yield ".It Ar " + quoted(argument["valueName"])
    else:
        names = [("-" if name["kind"] == "long" else "") + name["name"] for name in argument["names"]]
        value = " Ar " + quoted(argument["valueName"]) if argument["kind"] == "option" else ""
        yield ".It " + " , ".join("Fl " + quoted(name) + value for name in names)
    default = argument.get("defaultValue")
    yield escaped(argument["abstract"] + (f" (default: {default})" if default else ""))
    if "discussion" in argument:
        yield escaped(argument["discussion"])


def page(command, commands, date):
    name = "-".join(command.get("superCommands", []) + [command["commandName"]])
    others = [other for other in ["hotcold"] + ["hotcold-" + c["commandName"] for c in commands] if other != name]
    yield f".Dd {date}"
    yield f".Dt {name.upper()} 1"
    yield ".Os hotcold"
    yield ".Sh NAME"
    yield ".Nm " + quoted(name)
    yield ".Nd " + escaped(command["abstract"].rstrip("."))
    yield ".Sh SYNOPSIS"
    if name == "hotcold":
        yield ".Nm hotcold Ar command"
        yield ".Op Ar options"
    else:
        yield ".Nm " + quoted("hotcold " + command["commandName"])
    yield from synopsis(command)
    yield ".Sh DESCRIPTION"
    yield escaped(command["abstract"])
    for paragraph in command.get("discussion", "").split("\n\n"):
        if paragraph and not paragraph.startswith("Exit status"):
            yield ".Pp"
            yield escaped(paragraph)
    if name == "hotcold":
        yield ".Sh COMMANDS"
        yield ".Bl -tag -width 2n"
        for other in commands:
            yield f".It Xr hotcold-{other['commandName']} 1"
            yield escaped(other["abstract"])
        yield ".El"
    yield ".Sh OPTIONS"
    yield ".Bl -tag -width 2n"
    for argument in shown(command):
        yield from option(argument)
    yield ".El"
    before, examples = more_sections(name)
    yield from before
    yield ".Sh EXIT STATUS"
    yield ".Bl -tag -width 2n"
    for codes, meaning in exit_table():
        yield ".It " + codes.replace(",", " ,")
        yield escaped(meaning)
    yield ".El"
    yield from examples
    yield ".Sh SEE ALSO"
    yield " ,\n".join(f".Xr {other} 1" for other in sorted(others))


def main():
    binary, folder = sys.argv[1:]
    dump = subprocess.run([binary, "--experimental-dump-help"], check=True, capture_output=True, text=True)
    program = json.loads(dump.stdout)["command"]
    commands = [command for command in program["subcommands"] if command["commandName"] != "help"]
    moment = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    date = time.strftime("%B %-d, %Y", moment)
    for command in [program] + commands:
        name = "-".join(command.get("superCommands", []) + [command["commandName"]])
        (pathlib.Path(folder) / f"{name}.1").write_text("\n".join(page(command, commands, date)) + "\n")


main()
