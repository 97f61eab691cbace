# Copyright 2026 the hotcold founders. All rights reserved.

from __future__ import annotations


class ModuleDocFragment:
    """What several modules document alike."""

    CAPTURES = r"""
options:
  captures:
    description: The capture folders, the folders that a recorder writes to, by absolute paths.
    type: list
    elements: str
    default: []
  captures_from:
    description:
      - A file on the host that names one capture a line, such as C(/etc/hotcold/captures.conf).
      - A line is a folder, C(folder,PID,quality) or a pattern, and may end with C( layout=FILE).
      - By an absolute path. In it, as in O(captures), C(~) and C($NAME) are no more than characters.
    type: str
  as_service:
    description:
      - Take what the task does not say from the settings of the service, C(/etc/hotcold/archive.conf), so that both agree.
      - This is the list of captures, unless O(captures) names some, the layout, and all other options that the service has as well.
      - A migration has no minimum age. It moves files that the service would leave for later because of C(HOTCOLD_MIN_AGE).
      - Captures that the task names have the layouts of their lines in the list, where these name one.
      - Variables of the unit, C(Environment=) in a drop-in, are not seen, although the service puts them before the file. Put settings in
        the file.
    type: bool
    default: false
  executable:
    description: The program, by an absolute path or a name in C(PATH). By default C(hotcold).
    type: path
  layout:
    description: The layout of the captures, such as V(guide) or the path of a layout file on the host. By default the built-in one.
    type: str
requirements:
  - hotcold 0.1.0 or later on the host
  - Python 3.9 or later on the host
attributes:
  platform:
    description: The hosts that a module runs on.
    support: full
    platforms: linux
"""

    PLACES = r"""
options:
  time_zone:
    description: The time zone of the hour folders, such as V(Europe/Zurich). By default that of the host, and UTC for folders with dates.
    type: str
  hot:
    description: How many files of a kind stay hot, by the name of the kind.
    type: dict
"""

    MOVES = r"""
options:
  engine:
    description: What carries the renames. By default hotcold finds out which is the fastest.
    type: str
    choices: [auto, io_uring, threads, syscalls]
  on_conflict:
    description: Whether the later of two files of one name stays where it is, as it does by default, or gets its time in its name.
    type: str
    choices: [keep, rename]
  link_fallback:
    description: Move by link and unlink where the file system cannot refuse to replace a file. Stop every writer first.
    type: bool
  verify_copies:
    description: Read copies to another file system back from the disk and compare them before the originals go.
    type: bool
  sync:
    description: Wait until the moves would survive a power cut.
    type: bool
    default: true
  retries:
    description: How often to try again where another run holds a capture (exit status 75). No other failure is tried again.
    type: int
    default: 5
  delay:
    description: Seconds before each further try; 0 or more.
    type: int
    default: 10
attributes:
  check_mode:
    description: Whether check mode changes nothing and says what would change.
    support: full
    details: It is a dry run of hotcold, which writes nothing at all. It fails where an execution is known to fail.
  diff_mode:
    description: Whether the difference is shown with C(--diff).
    support: full
    details: Counts by kind and place, before and after. They cost a look at the folders before, and another one after.
"""

    READS = r"""
attributes:
  check_mode:
    description: Whether check mode changes nothing and says what would change.
    support: full
    details: The module only reads.
  diff_mode:
    description: Whether the difference is shown with C(--diff).
    support: none
"""
