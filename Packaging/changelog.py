#!/usr/bin/env python3
"""CHANGELOG.md in Debian's form (Policy 4.4): changelog.py VERSION MAINTAINER

A section of it is "## VERSION (YYYY-MM-DD)", or "(unreleased)" for one that has the time of SOURCE_DATE_EPOCH. The first must be
VERSION.
"""

import datetime
import email.utils
import os
import pathlib
import re
import sys
import textwrap

version, maintainer = sys.argv[1:]
text = (pathlib.Path(__file__).resolve().parent.parent / "CHANGELOG.md").read_text()
sections = re.findall(r"^## (\S+) \((\S+)\)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
if not sections or sections[0][0] != version:
    sys.exit(f"CHANGELOG.md does not begin with {version}, the version of Sources/Reporting/Version.swift")
for name, day, body in sections:
    if day == "unreleased":
        seconds = int(os.environ["SOURCE_DATE_EPOCH"])
    else:
        seconds = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc).timestamp()
    print(f"hotcold ({name}) unstable; urgency=medium\n")
    for change in re.findall(r"^- (.*?)(?=^- |\n\n|\Z)", body, re.MULTILINE | re.DOTALL):
        print(textwrap.fill(" ".join(change.split()), 78, initial_indent="  * ", subsequent_indent="    "))
    print(f"\n -- {maintainer}  {email.utils.formatdate(seconds)}\n")
