#!/usr/bin/python
# Copyright 2026 the hotcold founders. All rights reserved.

from __future__ import annotations

DOCUMENTATION = r"""
module: revert
short_description: Takes video captures back to the flat layout
version_added: 0.1.0
description:
  - Runs C(hotcold revert) on the host. Every file goes back to the flat place of its kind; hotcold's playlists and empty folders go.
  - Stop the service first, or take the captures from its list. It would settle them again.
author:
  - hotcold maintainers (!UNKNOWN) <maintainers@hotcold.invalid>
extends_documentation_fragment:
  - hotcold.captures.hotcold.captures
  - hotcold.captures.hotcold.moves
seealso:
  - module: hotcold.captures.migrate
"""

EXAMPLES = r"""
- name: Take a capture back
  hotcold.captures.revert:
    captures: [/var/www/html/stream/capture1]
"""

RETURN = r"""
moved:
  description: How many files were moved, or would be in check mode, in all attempts.
  returned: when hotcold was run
  type: int
  sample: 3000
attempts:
  description: How many runs it took, because of captures that others held.
  returned: when hotcold was run
  type: int
  sample: 1
places:
  description:
    - By capture, C(before) and C(after), and in them by kind, how many files are in C(flat), C(hot) and each of C(buckets).
    - In check mode without captures that hotcold could not look at.
  returned: with C(--diff)
  type: dict
rc:
  description: The exit status of hotcold.
  returned: when hotcold was run
  type: int
  sample: 0
errors:
  description: What went wrong, each with what to do about it.
  returned: when hotcold was run
  type: list
  elements: str
  sample: []
report:
  description: The whole report of hotcold, as C(--format json) prints it. Its schema is in C(/usr/share/hotcold) on the host.
  returned: when hotcold was run
  type: dict
cmd:
  description: The command line, as a list.
  returned: when hotcold was run
  type: list
  elements: str
  sample: [/usr/bin/hotcold, revert, --format, json, --execute, --yes, --, /srv/camera1]
stderr_lines:
  description: What hotcold said on standard error.
  returned: when hotcold was run
  type: list
  elements: str
  sample: []
version:
  description: The version of hotcold on the host.
  returned: when hotcold was run
  type: str
  sample: 0.1.0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hotcold.captures.plugins.module_utils.moves import move
from ansible_collections.hotcold.captures.plugins.module_utils.program import CAPTURES, MOVES


def main():
    module = AnsibleModule(argument_spec=dict(**CAPTURES, **MOVES), supports_check_mode=True)
    move(module, "revert")


if __name__ == "__main__":
    main()
