"""Types commands into an interactive shell and presses TAB: complete.py SHELL SCRIPT COMMAND...

Prints each command as the shell completes it, one a line. SCRIPT is the shell's completion script of hotcold, which has
to be in PATH.
"""

import os
import pty
import re
import select
import sys
import time

shell, script, *commands = sys.argv[1:]
programs = {
    "bash": ["bash", "--noprofile", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
set_up = {
    "bash": f"PS1=; source {script}; bind 'set bell-style none'",
    "zsh": f"PS1=; unsetopt prompt_sp; bindkey -e; autoload -U compinit; compinit -D -u; source {script}; "
    "compdef _hotcold hotcold",
    "fish": f"function fish_prompt; end; source {script}",
}
process, terminal = pty.fork()
if process == 0:
    os.environ.update(TERM="xterm", COLUMNS="500", HOME=os.path.dirname(script))
    os.execvp(programs[shell][0], programs[shell])

seen = ""


def wait_for(pattern, seconds=30.0):
    """Reads what the shell prints until the pattern is there, and returns what comes of it."""
    global seen
    end = time.monotonic() + seconds
    while not (found := re.search(pattern, seen)):
        if time.monotonic() > end or not select.select([terminal], [], [], end - time.monotonic())[0]:
            sys.exit(f"{shell}: no {pattern!r} in {seen!r}")
        seen += os.read(terminal, 65536).decode(errors="replace")
    seen = seen[found.end() :]
    return found.group(1)


def settle():
    """Reads until the shell has printed something and is silent, or prints nothing."""
    global seen
    patience = 3.0
    while select.select([terminal], [], [], patience)[0]:
        seen += os.read(terminal, 65536).decode(errors="replace")
        patience = 0.3


def type_in(text):
    os.write(terminal, text.encode())


# The answer of a command is told from its echo by what only the shell can have put together.
type_in(set_up[shell] + "; stty columns 500; echo ready-$(echo now)\r")
wait_for(r"(ready-now)")
for command in commands:
    type_in(command)
    settle()
    type_in("\t")
    # What is typed before the shell has completed would be taken for more of the word.
    settle()
    type_in("\x01echo begin-$(echo now)'<'\x05'>'\r" if shell != "fish" else "\x01echo begin-(echo now)'<'\x05'>'\r")
    print(wait_for(r"begin-now<?\s?(.*?)\s*>"))
