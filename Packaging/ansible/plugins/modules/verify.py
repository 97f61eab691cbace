#!/usr/bin/python
# Copyright 2026 the hotcold founders. All rights reserved.

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Checks that video captures are in the hot/cold layout
version_added: 0.1.0
description:
  - Runs C(hotcold verify) on the host, which only reads. It fails where a criterion is not met, and names each such criterion.
author:
  - hotcold maintainers (!UNKNOWN) <maintainers@hotcold.invalid>
options:
  min_age:
    description:
      - Younger files are not yet settled, and counted apart, such as V(60s) or V(5m).
      - V(120s) by default, and with O(as_service) the sum of the minimum age and the interval of the service.
    type: str
  manifests:
    description: Check the playlists of the hour folders as well, as is done by default.
    type: bool
extends_documentation_fragment:
  - hotcold.captures.hotcold.captures
  - hotcold.captures.hotcold.places
  - hotcold.captures.hotcold.reads
seealso:
  - module: hotcold.captures.migrate
"""

EXAMPLES = r"""
- name: Check all captures of the service
  hotcold.captures.verify:
    as_service: true
"""

RETURN = r"""
not_met:
  description: By capture, the criteria that are not met.
  returned: when hotcold was run
  type: dict
  sample: {/srv/camera1: [flatPlaces]}
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
  sample: [/usr/bin/hotcold, verify, --format, json, --, /srv/camera1]
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
from ansible_collections.hotcold.captures.plugins.module_utils.program import CAPTURES, PLACES, Program


def main():
    module = AnsibleModule(
        argument_spec=dict(
            min_age=dict(type="str"),
            manifests=dict(type="bool"),
            **CAPTURES,
            **PLACES,
        ),
        supports_check_mode=True,
    )
    run = Program(module).run("verify", "layout", "time_zone", "hot", "min_age", "manifests")
    run.require("captures.capture.text", "captures.exitCode", "captures.met", "captures.criteria", "captures.errors.message")
    not_met = {
        capture["capture"]["text"]: [criterion["id"] for criterion in capture["criteria"] if not criterion["met"]]
        for capture in run.captures
        if not capture["met"]
    }
    if run.status:
        criteria = ", ".join("%s: %s" % (path, " ".join(ids)) for path, ids in not_met.items() if ids)
        run.fail("found criteria that are not met (%s)" % criteria if criteria else "failed", not_met=not_met)
    module.exit_json(changed=False, not_met=not_met, **run.values)


if __name__ == "__main__":
    main()
