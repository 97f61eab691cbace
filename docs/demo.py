#!/usr/bin/env python3
"""Writes docs/demo.svg, the README's picture, from a real run in a real terminal: demo.py BINARY OUTPUT

The commands are typed into a shell on a pseudo-terminal; pyte (PyPI) is the terminal that shows what they print.
"""

import html
import os
import pathlib
import pty
import select
import shutil
import struct
import sys
import fcntl
import termios

import pyte

COLUMNS, LINES = 132, 70
CELL_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN = 8.43, 18, 14, 16
PROMPT = "$ "
# What is typed, and what is printed last before the next is typed.
TYPED = [
    ("hotcold migrate capture1 --execute\n", "(yes/no)"),
    ("yes\n", "durable "),
    ("hotcold verify capture1 | cut -c -124\n", "every archive.m3u8"),
]
COLOURS = {
    "default": "#d4d4d4", "black": "#1e1e1e", "red": "#f14c4c", "green": "#23d18b", "brown": "#e5e510", "blue": "#3b8eea",
    "magenta": "#d670d6", "cyan": "#29b8db", "white": "#e5e5e5",
}


def recorded(binary, folder):
    """The screen after all commands."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    path = pathlib.Path(folder) / "bin"
    path.mkdir()
    (path / "hotcold").symlink_to(binary)
    environment = {
        "PATH": f"{path}:/usr/bin:/bin", "TERM": "xterm-256color", "LANG": "C.UTF-8", "PS1": PROMPT, "TZ": "UTC",
        "HOME": folder,
    }
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve("/bin/sh", ["sh", "-i"], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))

    def read_until(text, rows_from):
        """Returns when a line from this row on has the text and the shell or the question waits."""
        while True:
            ready, _, _ = select.select([terminal], [], [], 60)
            if not ready:
                sys.exit("demo.py: nothing more is printed:\n" + "\n".join(screen.display))
            stream.feed(os.read(terminal, 65536))
            shown = screen.display[rows_from:]
            if any(text in line for line in shown) and not select.select([terminal], [], [], 0.5)[0]:
                return

    read_until(PROMPT.strip(), 0)
    for keys, last in TYPED:
        row = screen.cursor.y
        os.write(terminal, keys.encode())
        read_until(last, row)
    os.close(terminal)
    os.waitpid(child, 0)
    return screen


def text_elements(screen):
    """One element for each stretch of one colour."""
    last = max(row for row in range(LINES) if screen.display[row].strip(" $"))
    for row in range(last + 1):
        cells = screen.buffer[row]
        start = 0
        while start < COLUMNS:
            style = (cells[start].fg, cells[start].bold)
            end = start
            while end < COLUMNS and (cells[end].fg, cells[end].bold) == style:
                end += 1
            text = "".join(cells[column].data for column in range(start, end))
            if text.strip():
                colour = COLOURS.get(style[0], "#" + style[0] if len(style[0]) == 6 else COLOURS["default"])
                weight = ' font-weight="bold"' if style[1] else ""
                x = MARGIN + (start + len(text) - len(text.lstrip())) * CELL_WIDTH
                # Whatever shows it leaves several spaces as they are only if they do not break.
                text = text.strip().replace(" ", "\u00a0")
                yield (f'<text x="{x:.1f}" y="{MARGIN + row * LINE_HEIGHT + FONT_SIZE}" fill="{colour}"{weight} '
                       f'textLength="{len(text) * CELL_WIDTH:.1f}">{html.escape(text, quote=False)}</text>')
            start = end
    yield last


def main():
    binary, output = sys.argv[1:]
    folder = "/dev/shm/stream"  # It is in the picture.
    os.mkdir(folder)
    try:
        if os.spawnl(os.P_WAIT, binary, "hotcold", "sample", folder + "/capture1", "--files", "300k", "--quiet"):
            sys.exit("demo.py: no sample")
        *elements, last = text_elements(recorded(os.path.abspath(binary), folder))
    finally:
        shutil.rmtree(folder)
    width, height = round(2 * MARGIN + COLUMNS * CELL_WIDTH), 2 * MARGIN + (last + 1) * LINE_HEIGHT
    pathlib.Path(output).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#1e1e1e"/>\n'
        f'<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT_SIZE}">\n'
        + "\n".join(elements) + "\n</g>\n</svg>\n")


main()
