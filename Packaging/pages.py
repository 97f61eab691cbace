#!/usr/bin/env python3
"""Installs the pages that users read in one folder: pages.py FOLDER

Links are made to fit: there the pages are beside one another, and what only the sources have is named, not linked. A link that leads
nowhere is an error.
"""

import os
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent
# How hotcold is built concerns those who have the sources.
PAGES = [SOURCES / "README.md", SOURCES / "SECURITY.md", *sorted(set(SOURCES.glob("docs/*.md")) - {SOURCES / "docs/BUILDING.md"})]
PICTURES = sorted(SOURCES.glob("docs/*.svg"))
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def fitted(page):
    def fit(link):
        picture, text, target = link.groups()
        name, mark, heading = target.partition("#")
        if not name or ":" in name:
            return link[0]
        path = pathlib.Path(os.path.normpath(page.parent / name))
        if path in PAGES + PICTURES:
            return f"{picture}[{text}]({path.name}{mark}{heading})"
        # A picture may be made after its page (make demo-picture).
        if not path.exists() and not picture:
            sys.exit(f"{page}: {target} leads nowhere")
        return text

    return LINK.sub(fit, page.read_text())


folder = pathlib.Path(sys.argv[1])
for page in PAGES:
    (folder / page.name).write_text(fitted(page))
for picture in PICTURES:
    (folder / picture.name).write_bytes(picture.read_bytes())
