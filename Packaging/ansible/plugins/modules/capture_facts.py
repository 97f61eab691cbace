#!/usr/bin/python
# Copyright 2026 the hotcold founders. All rights reserved.

from __future__ import annotations

DOCUMENTATION = r"""
module: capture_facts
short_description: Which hotcold a host has, and in what state its captures are
version_added: 0.1.0
description:
  - Sets the fact C(hotcold). It only reads, and succeeds on a host without hotcold.
  - It looks at every file of the captures, as a dry run does.
  - A list without captures gives none, and a warning. All else that keeps hotcold from looking, such as a missing list or a mistake in the
    settings, fails.
author:
  - hotcold maintainers (!UNKNOWN) <maintainers@hotcold.invalid>
options:
  min_age:
    description:
      - Younger files are not yet settled, and no reason against V(settled), such as V(60s) or V(5m).
      - V(120s) by default, and with O(as_service) the sum of the minimum age and the interval of the service.
    type: str
  manifests:
    description: Whether a capture needs the playlists of its hour folders to be V(settled), as it does by default.
    type: bool
extends_documentation_fragment:
  - hotcold.captures.hotcold.captures
  - hotcold.captures.hotcold.places
  - hotcold.captures.hotcold.reads
seealso:
  - module: hotcold.captures.verify
"""

EXAMPLES = r"""
- name: Look at the captures of the service
  hotcold.captures.capture_facts:
    as_service: true

- name: Name the captures that are still to be migrated
  ansible.builtin.debug:
    msg: "{{ ansible_facts.hotcold.captures | rejectattr('state', 'equalto', 'settled') | map(attribute='capture') }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: dict
  contains:
    hotcold:
      description: What is known of hotcold on the host.
      returned: always
      type: dict
      contains:
        installed:
          description: Whether there is a hotcold. One that this collection cannot work with fails.
          type: bool
        version:
          description: Its version; empty without one.
          type: str
        captures:
          description:
            - Each capture, with C(capture), C(state), C(places) and C(errors).
            - A state is V(flat), V(settled) (all criteria are met), V(between) or V(unreadable).
            - The places are counts by kind, in C(flat), C(hot) and each of C(buckets); without kinds where the folder cannot be read.
          type: list
          elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hotcold.captures.plugins.module_utils.places import Places
from ansible_collections.hotcold.captures.plugins.module_utils.program import CAPTURES, PLACES, Program, messages, path_of


def main():
    module = AnsibleModule(
        argument_spec=dict(min_age=dict(type="str"), manifests=dict(type="bool"), **CAPTURES, **PLACES), supports_check_mode=True
    )
    facts = {"installed": False, "version": "", "captures": []}
    if path_of(module):
        program = Program(module)
        facts.update(installed=True, version=program.version, captures=captures(program))
    module.exit_json(changed=False, ansible_facts={"hotcold": facts})


def captures(program):
    # Neither has anything to do or to say where the files are as it wants them.
    flat = program.run("revert", "layout")
    settled = program.run("verify", "layout", "time_zone", "hot", "min_age", "manifests")
    if all(run.names_no_capture for run in (flat, settled)):
        # The list of a new host may be empty.
        program.module.warn("; ".join(flat.messages))
        return []
    flat.require("captures.capture.text", "captures.capture.base64", "captures.exitCode", "captures.wouldChange", "captures.errors.message")
    settled.require("captures.capture.base64", "captures.met")
    places = Places(program).look()
    # The list may have changed between the two runs.
    proofs = {proof["capture"]["base64"]: proof for proof in settled.captures}
    return [
        {
            "capture": back["capture"]["text"],
            "state": state(back, proofs.get(back["capture"]["base64"])),
            "places": places.get(back["capture"]["text"], {}),
            "errors": messages(back["errors"]),
        }
        for back in flat.captures
    ]


def state(back, proof):
    if not proof:
        return "unreadable"
    if proof["met"]:
        return "settled"
    # What cannot be looked at is in no state; a taken name is no obstacle to a look.
    if back["exitCode"] > 1:
        return "unreadable"
    return "between" if back["wouldChange"] else "flat"


if __name__ == "__main__":
    main()
