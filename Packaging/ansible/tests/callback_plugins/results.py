"""What each task gave on each host, a line of JSON each, in the file that HOTCOLD_TEST_RESULTS names."""

from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results
type: aggregate
short_description: results of tasks as lines of JSON
description: For the tests.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "results"

    def write(self, **values):
        with open(os.environ["HOTCOLD_TEST_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(values, default=str) + "\n")

    def result(self, event, result):
        self.write(event=event, time=time.monotonic(), host=result._host.name, task=result._task.name, result=result._result)

    def v2_runner_on_ok(self, result):
        self.result("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.result("failed", result)

    def v2_runner_on_unreachable(self, result):
        self.result("unreachable", result)

    def v2_runner_on_skipped(self, result):
        self.result("skipped", result)

    def v2_playbook_on_play_start(self, play):
        hosts = play.get_variable_manager().get_vars(play=play)["ansible_play_batch"]
        self.write(event="batch", time=time.monotonic(), hosts=len(hosts))

    def v2_playbook_on_stats(self, stats):
        self.write(event="stats", time=time.monotonic(), hosts={host: stats.summarize(host) for host in stats.processed})
