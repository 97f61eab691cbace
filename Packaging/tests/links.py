"""Each link of the pages in a folder leads to a file there, and to a heading of it: links.py FOLDER"""

import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
pages = {page.name: page.read_text() for page in folder.glob("*.md")}


def headings(text):
    """As GitHub names them in links."""
    outside_of_code = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.*)", outside_of_code, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        yield re.sub(r"[^\w -]", "", words).replace(" ", "-")


dead, linked = [], set()
for name, text in pages.items():
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        page, _, heading = target.partition("#")
        if ":" in page:
            continue
        linked.add(page)
        exists = (folder / (page or name)).is_file()
        if not exists or heading and heading not in headings(pages[page or name]):
            dead.append(f"{name}: {target}")
missed = pages.keys() - linked
if dead or missed:
    sys.exit("\n".join([*dead, *(f"no link to {name}" for name in missed)]))
