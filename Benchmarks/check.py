"""Compares what is measured now with thresholds: check.py THRESHOLDS TOOL ARGUMENT...

The tool (ordo-one/benchmark 1.38.1) ends with 1 for an improvement, a regression and a crash alike, says "EQUAL" after a
crash, and passes over benchmarks without thresholds. So its words are read. Exit status: 0 equal or better, 1 worse,
2 no verdict. `make bench-check-test` shows each case with the real tool.
"""

import os
import re
import subprocess
import sys


def deviations(output, which):
    """`benchmark metric: +4 % (measured, threshold …)` of each table of deviations that are `which`."""
    found, benchmark, metric = [], None, None
    for line in output.splitlines():
        title = re.match(r"Deviations (better|worse) than threshold for (.+)", line)
        cells = [cell.strip() for cell in line.split("│")]
        if title:
            benchmark = title[2] if title[1] == which else None
        elif len(cells) > 4 and cells[2] == "p90 threshold":
            metric = re.sub(r" \([^()]*\)$", "", cells[1])
        elif len(cells) > 4 and cells[1] == "p90" and benchmark:
            found.append(f"{benchmark} {metric}: {change(cells[3], cells[2])} ({cells[3]}, threshold {cells[2]})")
    return found


def change(measured, threshold):
    """By how much, where both are numbers."""
    digits = [re.sub(r"[^0-9.]", "", text) for text in (measured, threshold)]
    if not all(digits) or float(digits[1]) == 0:
        return "changed"
    return f"{(float(digits[0]) / float(digits[1]) - 1) * 100:+.1f} %"


def verdict(output, status, thresholds):
    """Exit status and the line to say."""
    checked = re.findall(r'"([^"]+):([^"]+)"', (re.search(r"^Checking (\[.*\])$", output, re.M) or [""])[0])
    bare = [name for target, name in checked if not os.path.exists(f"{thresholds}/{target}.{name}.p90.json")]
    if re.search(r"^Failed to |job\(s\) failed", output, re.M) or not checked:
        return 2, "the tool failed, see above; nothing is known of the figures"
    if bare:
        return 2, f"no threshold for {', '.join(bare)}; make bench-update, look at the difference, commit it"
    if "is WORSE than the defined thresholds" in output:
        worse = "; ".join(deviations(output, "worse"))
        return 1, f"WORSE than {thresholds}: {worse}. Find the cause and fix it, or make bench-update if it is meant"
    if "is BETTER than the defined thresholds" in output:
        better = "; ".join(deviations(output, "better"))
        return 0, f"better than {thresholds}: {better}. If that lasts, make bench-update and commit it"
    if status == 0 and "is EQUAL to the defined thresholds" in output:
        return 0, f"as good as {thresholds}"
    return 2, f"the tool ended with {status} and no verdict, see above"


thresholds, *command = sys.argv[1:]
output = ""
with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", errors="replace") as tool:
    for line in tool.stdout:
        output += line
        print(line, end="", flush=True)
status, text = verdict(output, tool.returncode, thresholds)
print(f"bench-check: {text}")
sys.exit(status)
