#!/usr/bin/env python3
"""The real chain: chain.py HOTCOLD MIXIN TABLE

    recorder ─▶ captures ◀─ hotcold archive ─▶ hotcold.prom ◀─ node_exporter ◀─ Prometheus with the rules of the mixin

Each part is the real one, on loopback. A capture is broken, the recorder stopped, the service killed, its file removed; each time the alert
is waited for, and then that it ends. HOTCOLD: the program. MIXIN: the folder of the compiled mixin, whose dashboards are asked
for data; the rules are compiled again, with seconds for minutes. TABLE: the page that lists all metrics.
As root: one capture has a tier on a tmpfs.
"""
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

hotcold, mixin, table = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
folder = pathlib.Path(tempfile.mkdtemp(prefix="hotcold-monitoring-"))
metrics_file = folder / "textfile" / "hotcold.prom"
processes = []
recorders = []
started = time.monotonic()

# A round each second, and times to match.
CONFIG = """(import '%s/mixin.libsonnet') + {
  _config+:: {
    roundIntervalSeconds: 1, downSeconds: 8, windowSeconds: 8, failingCriticalSeconds: 12, forgetSeconds: 3600,
    recorderStoppedSeconds: 6, recordingGapSeconds: 3,
  },
}"""


def say(text):
    print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def start(name, *command):
    with open(folder / f"{name}.log", "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    processes.append(process)
    return process


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fetch(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def wait(what, condition, seconds=40):
    """Until it is so; what it returns."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for process in processes:
            if process.poll() not in (None, -signal.SIGKILL):
                raise SystemExit(f"{process.args[0]} has ended: {process.returncode}")
        try:
            if result := condition():
                say(what)
                return result
        except urllib.error.URLError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"not within {seconds} s: {what}; alerts: {alerts()}")


class Recorder(threading.Thread):
    """Writes segments of half a second to the hot place, as an encoder does."""

    def __init__(self, capture):
        super().__init__(daemon=True)
        self.place = capture / "segments"
        self.place.mkdir(parents=True, exist_ok=True)
        self.records = True
        self.end = threading.Event()
        self.start()

    def run(self):
        for number in itertools.count():
            if self.end.wait(0.5):
                return
            try:
                if self.records:
                    (self.place / f"segment_{number:09}.ts").write_bytes(b"\x47" * 188)
            except FileNotFoundError:
                pass  # The capture is gone for a while.


class Prometheus:
    def __init__(self, exporter_port):
        self.url = f"http://127.0.0.1:{free_port()}"
        config = folder / "site.jsonnet"
        config.write_text(CONFIG % mixin)
        for kind in ("Rules", "Alerts"):
            text = run("jsonnet", "-S", "-e", f"std.manifestYamlDoc((import '{config}').prometheus{kind})")
            (folder / f"prometheus_{kind.lower()}.yaml").write_text(text)
        (folder / "prometheus.yml").write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                    "rule_files": ["prometheus_rules.yaml", "prometheus_alerts.yaml"],
                    "scrape_configs": [
                        {"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{exporter_port}"]}]}
                    ],
                }
            )
        )
        run("promtool", "check", "config", str(folder / "prometheus.yml"))
        start(
            "prometheus", "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address={self.url.removeprefix('http://')}",
        )

    def query(self, expression):
        answer = json.loads(fetch(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"))
        return answer["data"]["result"]

    def alerts(self):
        """Those that fire: names with the labels that tell one from another."""
        answer = json.loads(fetch(f"{self.url}/api/v1/alerts"))
        return sorted(
            (alert["labels"]["alertname"], pathlib.Path(alert["labels"].get("capture", "")).name, alert["labels"].get("reason", ""))
            for alert in answer["data"]["alerts"]
            if alert["state"] == "firing"
        )


def alerts():
    try:
        return prometheus.alerts()
    except (NameError, urllib.error.URLError):
        return []


def start_service():
    return start(
        "hotcold", str(hotcold), "archive", "--config", str(folder / "archive.conf"), "--captures-from", str(folder / "captures.conf"),
        "--interval", "1s", "--min-age", "1s", "--hot", "segments=2", "--metrics-file", str(folder / "hotcold.prom"),
    )


def check_metrics():
    """What is written is what the page lists, and all that rules and dashboards name."""
    served = set(re.findall(r"^# TYPE (hotcold_\w+)", metrics_file.read_text(), re.M))
    rows = [line.split("|")[1] for line in table.read_text().splitlines() if line.startswith("| `hotcold_")]
    listed = set(re.findall(r"`(hotcold_\w+)`", " ".join(rows)))
    assert served == listed, f"{table.name} and the metrics differ: {sorted(served ^ listed)}"
    texts = "".join(file.read_text() for file in [*mixin.glob("*.yaml"), *mixin.glob("dashboards_out/*.json")])
    named = set(re.findall(r"(?<![\w:])(hotcold_\w+)", texts))
    assert named <= served, f"no such metrics: {sorted(named - served)}"
    unused = served - named
    say(f"{len(served)} metrics, {len(unused)} of them in no rule or panel: {' '.join(sorted(unused)) or 'none'}")


def check_panels(captures):
    """Every expression of every panel has data, of one of the captures at least."""
    empty = []
    count = 0
    for file in sorted(mixin.glob("dashboards_out/*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"].replace("$__rate_interval", "10s").replace("[15m]", "[10s]").replace("$job", ".*")
                expression = expression.replace('instance="$instance"', 'instance=~".*"').replace("$instance", ".*")
                count += 1
                if not any(prometheus.query(expression.replace("$capture", str(capture))) for capture in captures):
                    empty.append(f"{file.name}, {panel['title']}: {target['expr']}")
    assert not empty, "no data:\n" + "\n".join(empty)
    say(f"{count} expressions of panels have data")


def chain():
    global prometheus
    front, back, tier = (folder / name for name in ("front", "back", "tier"))
    # That of a recorder that has ended long ago.
    run(str(hotcold), "sample", str(tier), "--files", "500")
    (tier / "hot").mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(tier / "hot"))
    recorders.extend([Recorder(front), Recorder(back)])
    time.sleep(1)
    (folder / "archive.conf").write_text("")
    (folder / "captures.conf").write_text(f"{front}\n{back}\n{tier} layout=guide-ram\n")
    # As the page says: the service writes to its own folder, and node_exporter follows a link.
    metrics_file.parent.mkdir()
    metrics_file.symlink_to(folder / "hotcold.prom")
    service = start_service()
    port = free_port()
    start(
        "node_exporter", "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults",
        "--collector.textfile", f"--collector.textfile.directory={metrics_file.parent}",
    )
    prometheus = Prometheus(port)

    wait("served, scraped", lambda: prometheus.query("hotcold_rounds_total > 3"))
    wait("gaps are known, and there are none", lambda: prometheus.query(f'hotcold_recording_gaps{{capture="{front}"}} == 0'))
    check_metrics()
    quiet_until = time.monotonic() + 12
    while time.monotonic() < quiet_until:
        assert not [alert for alert in alerts() if alert[1] != "tier"], alerts()
        time.sleep(0.5)
    say("12 s without an alert for the captures that are recorded")
    wait("the capture that nobody records has its alert", lambda: ("HotcoldRecorderStopped", "tier", "") in alerts())

    recorders[0].records = False
    back.rename(folder / "away")
    wait(
        "the recorder has stopped, a capture is gone: two more alerts",
        lambda: {("HotcoldRecorderStopped", "front", ""), ("HotcoldCaptureFailing", "back", "no such folder")} <= set(alerts()),
    )
    check_panels([front, back, tier])
    (folder / "away").rename(back)
    recorders[0].records = True
    wait(
        "both go on: a gap is left",
        lambda: ("HotcoldRecordingGaps", "front", "") in alerts() and ("HotcoldRecorderStopped", "front", "") not in alerts(),
    )
    gap = float(prometheus.query(f'hotcold_recording_gap_seconds{{capture="{front}"}}')[0]["value"][1])
    assert 5 < gap < 30, gap
    wait(
        "the capture is well again",
        lambda: not [alert for alert in alerts() if alert[:2] == ("HotcoldCaptureFailing", "back")],
    )

    service.kill()
    service.wait()
    wait("the service was killed: it is down", lambda: ("HotcoldDown", "", "") in alerts())
    assert ("HotcoldRecorderStopped", "front", "") not in alerts(), "not the fault of the recorder"
    assert not prometheus.query('hotcold_rounds_total == 0') and prometheus.query("hotcold_rounds_total"), "the file stays"
    metrics_file.unlink()
    wait("its file was removed: it is absent", lambda: ("HotcoldAbsent", "", "") in alerts())
    metrics_file.symlink_to(folder / "hotcold.prom")
    start_service()
    wait("it runs again: neither", lambda: not [alert for alert in alerts() if alert[0] in ("HotcoldDown", "HotcoldAbsent")])
    wait(
        "the gap is counted as before",
        lambda: prometheus.query(f'hotcold_recording_gap_seconds{{capture="{front}"}} >= {gap - 1}'),
    )


def main():
    if os.geteuid() != 0:
        raise SystemExit("as root: one capture has a tier on a tmpfs")
    # So that what follows is cleaned up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        chain()
    except BaseException:
        for log in sorted(folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}", file=sys.stderr)
        raise
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for recorder in recorders:
            recorder.end.set()
            recorder.join()
        subprocess.run(["umount", str(folder / "tier" / "hot")], check=False)
        shutil.rmtree(folder)


main()
