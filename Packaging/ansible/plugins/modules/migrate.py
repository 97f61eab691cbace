#!/usr/bin/python
# Copyright 2026 the hotcold founders. All rights reserved.

from __future__ import annotations

DOCUMENTATION = r"""
module: migrate
short_description: Moves video captures to the hot/cold layout
version_added: 0.1.0
description:
  - Runs C(hotcold migrate) on the host. The newest files of each kind stay hot, all others go to a folder for each hour.
  - Replaces and loses nothing. A run that was interrupted, by whatever, is run again and goes on where it stopped.
  - Reports a change if anything moved, was made or was written, as hotcold itself says; in check mode, if an execution would do so.
author:
  - hotcold maintainers (!UNKNOWN) <maintainers@hotcold.invalid>
options:
  from_layout:
    description: The layout that the captures are in, where that is another one than O(layout).
    type: str
  keep_live:
    description: Move only what is cold. Hot files and the live playlist stay where the recorder writes them and a player finds them.
    type: bool
  manifests:
    description: Write a playlist to each hour folder of segments, as is done by default.
    type: bool
extends_documentation_fragment:
  - hotcold.captures.hotcold.captures
  - hotcold.captures.hotcold.places
  - hotcold.captures.hotcold.moves
seealso:
  - module: hotcold.captures.verify
  - module: hotcold.captures.revert
"""

EXAMPLES = r"""
- name: Say what would be moved
  hotcold.captures.migrate:
    captures: [/var/www/html/stream/capture1]
  check_mode: true
  diff: true

- name: Move the captures of the service to where the service keeps them
  hotcold.captures.migrate:
    as_service: true

- name: Move what is cold, beside a recorder
  hotcold.captures.migrate:
    captures_from: /etc/hotcold/captures.conf
    keep_live: true

# The run goes on where the connection breaks, and Ansible finds it again. Check mode knows no async.
- name: Move a million files over a connection that may break
  hotcold.captures.migrate:
    captures: [/srv/camera1]
    layout: /etc/hotcold/layouts/garden.yaml
  async: "{{ ansible_check_mode | ternary(0, 7200) }}"
  poll: 5
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
  sample: [/usr/bin/hotcold, migrate, --format, json, --execute, --yes, --, /srv/camera1]
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
from ansible_collections.hotcold.captures.plugins.module_utils.program import CAPTURES, MOVES, PLACES


def main():
    module = AnsibleModule(
        argument_spec=dict(
            from_layout=dict(type="str"),
            keep_live=dict(type="bool"),
            manifests=dict(type="bool"),
            **CAPTURES,
            **PLACES,
            **MOVES,
        ),
        supports_check_mode=True,
    )
    move(module, "migrate", "from_layout", "keep_live", "manifests", "time_zone", "hot")


if __name__ == "__main__":
    main()
