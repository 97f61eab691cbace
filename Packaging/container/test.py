#!/usr/bin/env python3
"""The image, run for real: test.py IMAGE.tar PACKAGE.deb [-v] [TEST …]

As root, with podman: the hardened container of docs/CONTAINERS.md under podman's default seccomp profile and under ours, mistakes that
users make, stops and kills in the middle, the lock, compose and Kubernetes examples beside a real ffmpeg, every command of that page.
`make test-container` installs what it needs. Storage, containers, processes and mounts are its own, and go at its end.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

# Mounts and processes of its own, which go with it, whatever happens.
if os.getpid() != 2:
    namespaces = ["unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
    os.execvp("unshare", [*namespaces, "catatonit", "--", sys.executable, *sys.argv])

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
ARCHIVE, PACKAGE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
VENV = REPOSITORY / ".build/container"
VERSION = subprocess.check_output(["dpkg-deb", "-f", PACKAGE, "Version"], text=True).strip()
IMAGE = f"localhost/hotcold:{VERSION}"
RECORDER = "localhost/recorder:1"
OWNER = 33
HARDENED = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=none"]
CALLS = ["io_uring_enter", "io_uring_register", "io_uring_setup"]
WORK = pathlib.Path(tempfile.mkdtemp(prefix="hotcold-container-", dir="/var/tmp"))
CAPTURES = WORK / "captures"
DEFAULT_PROFILE = pathlib.Path("/usr/share/containers/seccomp.json")
PROFILE = WORK / "hotcold-seccomp.json"
CGROUPS = pathlib.Path("/sys/fs/cgroup")
CGROUPS_BEFORE = set()
SHARED_CGROUPS = ["libpod_parent", "conmon"]


def run(*arguments, status=0, **options):
    """A command that must end with this exit status (None: any)."""
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=300, **options)
    if status is not None and result.returncode != status:
        words = " ".join(str(a) for a in arguments)
        raise AssertionError(f"{words}: {result.returncode}, not {status}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}")
    return result


def podman(*arguments, **options):
    return run("podman", *arguments, **options)


def hotcold(*arguments, captures=None, options=(), **rest):
    """A command in a hardened container with the captures."""
    volume = ["--volume", f"{captures or CAPTURES}:/captures"]
    return podman("run", "--rm", *HARDENED, *volume, *options, IMAGE, *arguments, **rest)


def container(name, *arguments, captures=None, options=()):
    """The same in the background: a context that removes it."""
    volume = ["--volume", f"{captures or CAPTURES}:/captures"]
    pid = WORK / f"{name}.pid"
    podman("run", "--detach", "--name", name, "--pidfile", pid, *HARDENED, *volume, *options, IMAGE, *arguments)
    stack = contextlib.ExitStack()
    stack.callback(podman, "rm", "--force", "--time", "0", name, status=None)
    stack.pid = int(pid.read_text())
    return stack


def logs(name):
    result = podman("logs", name)
    return result.stdout + result.stderr


def exit_code(name):
    return int(podman("inspect", "--format", "{{.State.ExitCode}}", name).stdout)


def wait_for(condition, seconds=30, what="the condition"):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.002)


def make_capture(name, files, owner=OWNER):
    path = CAPTURES / name
    hotcold("sample", f"/captures/{name}", "--files", files, options=["--user", f"{owner}:{owner}"])
    return path


def make_folder(name):
    """On the disk; CAPTURES is a tmpfs."""
    path = WORK / name
    path.mkdir()
    os.chown(path, OWNER, OWNER)
    return path


def snapshot(path):
    """Every file but the playlists by inode: its name, size, time, owner. No move changes any of that."""
    result = {}
    for folder, _, names in os.walk(path):
        for name in names:
            if not name.endswith(".m3u8"):
                status = os.lstat(os.path.join(folder, name))
                result[status.st_ino] = (name, status.st_size, status.st_mtime_ns, status.st_uid, status.st_gid)
    return result


def tree(path):
    """Every path, to see that nothing at all has happened."""
    return sorted((str(p.relative_to(path)), p.lstat().st_mtime_ns) for p in path.rglob("*"))


def moved(path):
    return sum(1 for _ in path.glob("captures/[0-9]*/*"))


def setUpModule():
    # crun knows cgroups of version 1, and of version 2, but not both at once.
    if " /sys/fs/cgroup/unified cgroup2 " in pathlib.Path("/proc/mounts").read_text():
        run("umount", "/sys/fs/cgroup/unified")
        run("mount", "-t", "tmpfs", "tmpfs", "/sys/fs/cgroup/unified")
    CGROUPS_BEFORE.update(read_cgroups())
    files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 20_000)
    CAPTURES.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=2g,mode=755,uid=33,gid=33", "tmpfs", CAPTURES)
    (WORK / "containers.conf").write_text(
        # Without systemd, which need not be there; and root of a container of CI may not raise limits.
        f'[containers]\nlog_driver = "k8s-file"\ndefault_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]\n'
        f'[engine]\nruntime = "crun"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\ntmp_dir = "{WORK}/tmp"\n'
        f'volume_path = "{WORK}/volumes"\n'
        f'[network]\nnetwork_config_dir = "{WORK}/networks"\n')
    (WORK / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{WORK}/storage"\nrunroot = "{WORK}/run"\n')
    os.environ |= {
        "CONTAINERS_CONF": f"{WORK}/containers.conf", "CONTAINERS_STORAGE_CONF": f"{WORK}/storage.conf",
        # Health checks are run by the test, not by systemd's timers.
        "DISABLE_HC_SYSTEMD": "true",
        "PATH": f"{VENV}/bin:{os.environ['PATH']}",
    }
    podman("load", "--input", ARCHIVE)
    with PROFILE.open("w") as file:
        subprocess.run([HERE / "seccomp.py"], stdout=file, check=True)


def tearDownModule():
    podman("rm", "--all", "--force", "--time", "0", status=None)
    podman("pod", "rm", "--all", "--force", "--time", "0", status=None)
    remove_cgroups()
    for mount in sorted(read_mounts(), key=len, reverse=True):
        run("umount", "--lazy", mount, status=None)
    shutil.rmtree(WORK)


def read_cgroups():
    """Those of every podman of this machine without systemd, the innermost first."""
    parents = [*CGROUPS.glob("libpod_parent"), *CGROUPS.glob("*/libpod_parent")]
    return [pathlib.Path(folder) for parent in parents for folder, _, _ in os.walk(parent, topdown=False)]


def remove_cgroups():
    """Those of this test's containers and pods, and what was made above and beside them. One that is in use cannot be removed."""
    events = podman("events", "--stream=false", "--filter", "event=create", "--format", "{{.ID}}", status=None)
    own = set(events.stdout.split())
    for folder in read_cgroups():
        if folder not in CGROUPS_BEFORE and (folder.name in SHARED_CGROUPS or any(identifier in str(folder) for identifier in own)):
            with contextlib.suppress(OSError):
                folder.rmdir()


def read_mounts():
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if line.split()[4].startswith(str(WORK))]


class Case(unittest.TestCase):
    def tearDown(self):
        for capture in CAPTURES.iterdir():
            shutil.rmtree(capture)


class Test1Image(Case):
    def test_configuration(self):
        image = json.loads(podman("image", "inspect", IMAGE).stdout)[0]
        settings = image["Config"]
        self.assertEqual(settings["User"], "33:33")
        self.assertEqual(settings["Entrypoint"], ["/usr/bin/hotcold"])
        self.assertEqual(settings["Cmd"], ["archive"])
        self.assertEqual(settings["StopSignal"], "SIGTERM")
        self.assertNotIn("Volumes", settings)
        self.assertEqual(settings["Labels"]["org.opencontainers.image.version"], VERSION)
        self.assertRegex(settings["Labels"]["org.opencontainers.image.created"], r"^20\d\d-\d\d-\d\dT")
        self.assertRegex(settings["Labels"]["org.opencontainers.image.revision"], r"^[0-9a-f]{40}$|^unknown$")
        self.assertLess(image["Size"], 60_000_000)
        self.assertEqual(hotcold("--version").stdout.strip(), VERSION)

    def test_page_and_examples_name_this_version(self):
        for file in ["docs/CONTAINERS.md", *(f"Packaging/container/{name}" for name in (
                "compose.yaml", "kubernetes/sidecar.yaml", "kubernetes/daemonset.yaml"))]:
            named = re.findall(r"hotcold[:_]([0-9][^\s_}\"]*)", (REPOSITORY / file).read_text())
            self.assertEqual(set(named), {VERSION}, file)

    def test_nothing_but_what_it_needs(self):
        mount = podman("image", "mount", IMAGE).stdout.strip()
        try:
            root = pathlib.Path(mount)
            programs = [p for p in root.rglob("*") if p.is_file() and not p.is_symlink() and os.access(p, os.X_OK)]
            others = [p.name for p in programs if p.name != "hotcold" and ".so" not in p.name and not p.name.startswith("ld-linux")]
            self.assertEqual(others, [], "the only program is hotcold")
            self.assertEqual([p for p in programs if p.stat().st_mode & 0o6000], [])
            self.assertEqual([p for p in root.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o002 and p.name != "tmp"], [])
            depends = {d.split("(")[0].split("|")[0].strip() for d in run("dpkg-deb", "-f", PACKAGE, "Depends").stdout.split(",")}
            named = {p.name for p in (root / "var/lib/dpkg/status.d").iterdir()}
            others = {name for name in named if not re.fullmatch(r"gcc-\d+-base", name)}
            self.assertEqual(others, depends | {"hotcold", "base-files", "tzdata"})
            for name in named:
                self.assertTrue((root / "usr/share/doc" / name / "copyright").is_file(), name)
        finally:
            podman("image", "unmount", IMAGE)

    def test_the_same_again(self):
        again = WORK / "again.tar"
        # Its time is not the package's that the archive was made from.
        package = shutil.copyfile(PACKAGE, WORK / PACKAGE.name)
        labels = json.loads(podman("image", "inspect", IMAGE).stdout)[0]["Config"]["Labels"]
        created = labels["org.opencontainers.image.created"]
        epoch = run("date", "-d", created, "+%s").stdout.strip()
        run(HERE / "build-image.sh", package, again,
            env=os.environ | {"SOURCE_DATE_EPOCH": epoch, "REVISION": labels["org.opencontainers.image.revision"]})
        indices = [run("tar", "-xOf", archive, "index.json").stdout for archive in (ARCHIVE, again)]
        digests = [json.loads(index)["manifests"][0]["digest"] for index in indices]
        self.assertEqual(digests[0], digests[1])

    def test_time_zones(self):
        make_capture("zones", 300)
        report = json.loads(hotcold("migrate", "/captures/zones", "--format", "json",
                                    options=["--env", "HOTCOLD_TIME_ZONE=Asia/Kolkata"]).stdout)
        self.assertEqual(report["timeZone"], {"name": "Asia/Kolkata", "utcOffsetSeconds": 19800})
        self.assertEqual(json.loads(hotcold("migrate", "/captures/zones", "--format", "json").stdout)["timeZone"]["name"], "UTC")
        unknown = hotcold("archive", "--once", options=["--env", "HOTCOLD_TIME_ZONE=Europe/Nowhere"], status=64)
        self.assertIn("Europe/Nowhere", unknown.stderr)


class Test2DefaultProfile(Case):
    """podman's own, as in almost every container: no io_uring."""

    def test_the_container_is_what_the_page_promises(self):
        with container("hardened", "archive", "--interval", "1s"):
            wait_for(lambda: "a round every 1 s" in logs("hardened"))
            status = pathlib.Path(f"/proc/{container_pid('hardened')}/status").read_text()
            self.assertRegex(status, r"\nSeccomp:\t2\n")
            self.assertRegex(status, r"\nNoNewPrivs:\t1\n")
            self.assertRegex(status, r"\nUid:\t33\t33\t33\t33\n")
            for kind in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
                self.assertRegex(status, rf"\n{kind}:\t0000000000000000\n")
            root = [line for line in pathlib.Path(f"/proc/{container_pid('hardened')}/mountinfo").read_text().splitlines()
                    if line.split()[4] == "/"]
            self.assertEqual(root[-1].split()[5].split(",")[0], "ro")

    def test_auto_goes_on_with_threads_and_says_so_calmly(self):
        profile = json.loads(DEFAULT_PROFILE.read_text())
        allowed = {name for rule in profile["syscalls"] for name in rule["names"]}
        self.assertFalse(allowed & set(CALLS), "this podman grants io_uring by default: nothing is shown here")
        capture = make_capture("default", 100_000)
        before = snapshot(capture)
        result = hotcold("migrate", "/captures/default", "--execute", "--yes", "--format", "json")
        report = json.loads(result.stdout)
        self.assertIn(report["engine"], ("threads", "syscalls"))
        self.assertIn("io_uring refused: hidden by a seccomp profile", report["engineReason"])
        self.assertIn("threads ", report["engineReason"], "they were measured")
        self.assertEqual(report["ringRequests"], 0)
        self.assertNotIn("engineWarning", report)
        self.assertEqual(report["captures"][0]["warnings"] + report["captures"][0]["errors"], [])
        self.assertNotRegex(result.stderr, "ERROR|WARNING")
        self.assertEqual(snapshot(capture), before)
        hotcold("verify", "/captures/default", "--quiet")
        hotcold("revert", "/captures/default", "--execute", "--yes", "--quiet")
        # Text, and the engines by name.
        result = hotcold("migrate", "/captures/default", "--execute", "--yes", "--engine", "threads")
        self.assertRegex(result.stdout, r"engine +threads \(requested\)")
        hotcold("archive", "--once", "/captures/default")
        hotcold("verify", "/captures/default", "--quiet")
        self.assertEqual(snapshot(capture), before)

    def test_a_profile_that_answers_eperm(self):
        """As Docker's default does, where podman's says ENOSYS."""
        profile = json.loads(DEFAULT_PROFILE.read_text()) | {"defaultErrnoRet": 1, "defaultErrno": "EPERM"}
        (WORK / "eperm.json").write_text(json.dumps(profile))
        make_capture("eperm", 70_000)
        result = hotcold("migrate", "/captures/eperm", "--execute", "--yes", "--format", "json",
                         options=["--security-opt", f"seccomp={WORK}/eperm.json"])
        reason = json.loads(result.stdout)["engineReason"]
        self.assertIn("io_uring refused: forbidden by sysctl kernel.io_uring_disabled or a seccomp profile", reason)
        self.assertNotRegex(result.stderr, "ERROR|WARNING")
        hotcold("verify", "/captures/eperm", "--quiet")

    def test_io_uring_is_refused_clearly(self):
        capture = make_capture("refused", 3000)
        before = tree(capture)
        result = hotcold("migrate", "/captures/refused", "--execute", "--yes", "--engine", "io_uring", status=64)
        self.assertIn("io_uring refused: hidden by a seccomp profile. Use --engine auto", result.stderr)
        self.assertEqual(tree(capture), before)


def container_pid(name):
    return int(podman("inspect", "--format", "{{.State.Pid}}", name).stdout)


def runtime_seccomp(name, *options):
    """What podman hands to the runtime for a container of ours: one entry for each call, action, errno and condition."""
    podman("create", "--name", name, *HARDENED, *options, IMAGE)
    podman("init", name)
    try:
        path = podman("inspect", "--format", "{{.OCIConfigPath}}", name).stdout.strip()
        seccomp = json.loads(pathlib.Path(path).read_text())["linux"]["seccomp"]
    finally:
        podman("rm", "--force", "--time", "0", name)
    rules = sorted(
        (name, rule["action"], rule.get("errnoRet"), json.dumps(rule.get("args") or [], sort_keys=True))
        for rule in seccomp["syscalls"] for name in rule["names"])
    return {key: seccomp.get(key) for key in ("defaultAction", "defaultErrnoRet")} | {
        "architectures": sorted(seccomp["architectures"])}, rules


class Test3OurProfile(Case):
    OPTIONS = ["--security-opt", f"seccomp={PROFILE}"]

    def test_it_is_the_default_and_three_calls(self):
        """As the runtime gets both, so podman's own reading of the conditions is what ours is held against."""
        default, rules = runtime_seccomp("default-profile")
        ours, our_rules = runtime_seccomp("our-profile", *self.OPTIONS)
        self.assertEqual(ours, default)
        self.assertEqual(set(rules) - set(our_rules), set())
        self.assertEqual(
            sorted(set(our_rules) - set(rules)), [(name, "SCMP_ACT_ALLOW", None, "[]") for name in CALLS])

    def test_it_has_the_form_that_containerd_knows(self):
        profile = json.loads(PROFILE.read_text())
        self.assertLessEqual(set(profile), {"defaultAction", "defaultErrnoRet", "architectures", "syscalls"})
        for rule in profile["syscalls"]:
            self.assertLessEqual(set(rule), {"names", "action", "errnoRet", "args"})

    def test_a_condition_that_is_not_known_is_refused(self):
        profile = json.loads(DEFAULT_PROFILE.read_text())
        profile["syscalls"][0]["includes"] = {"moon": ["full"]}
        (WORK / "odd.json").write_text(json.dumps(profile))
        result = run(HERE / "seccomp.py", WORK / "odd.json", status=1)
        self.assertIn("moon", result.stderr)

    def test_io_uring_carries_the_renames(self):
        capture = make_capture("ring", 100_000)
        before = snapshot(capture)
        with container("ring", "migrate", "/captures/ring", "--execute", "--yes", "--engine", "io_uring", "--format", "json",
                       options=self.OPTIONS) as stack:
            # From outside: the ring among the descriptors of process 1, while it works.
            has_ring = False
            while os.path.exists(f"/proc/{stack.pid}/fd") and not has_ring:
                has_ring = ring_descriptors(stack.pid) > 0
            self.assertEqual(int(podman("wait", "ring").stdout), 0)
            report = json.loads(podman("logs", "ring").stdout)
        self.assertTrue(has_ring)
        self.assertEqual(report["engine"], "io_uring")
        self.assertGreater(report["ringRequests"], 10_000)
        self.assertEqual(snapshot(capture), before)
        hotcold("verify", "/captures/ring", "--quiet", options=self.OPTIONS)
        hotcold("revert", "/captures/ring", "--execute", "--yes", "--quiet", "--engine", "io_uring", options=self.OPTIONS)
        report = json.loads(hotcold("migrate", "/captures/ring", "--execute", "--yes", "--format", "json", options=self.OPTIONS).stdout)
        self.assertRegex(report["engineReason"], r"io_uring [0-9,]+ files", "auto has measured it")
        self.assertEqual(snapshot(capture), before)


def ring_descriptors(pid):
    count = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                count += os.readlink(descriptor.path) == "anon_inode:[io_uring]"
    return count


class Test4Mistakes(Case):
    def test_without_the_captures(self):
        """The service waits and says what to do; a health check fails; a capture that is named is an error."""
        def unmounted(*arguments, **rest):
            return podman("run", "--rm", *HARDENED, IMAGE, *arguments, **rest)
        once = unmounted("archive", "--once")
        self.assertRegex(once.stderr, r"WARNING .*no folder matches /captures/\*\. Mount the folder that holds the captures")
        verify = unmounted("verify", "--captures-from", "/etc/hotcold/captures.conf", status=64)
        self.assertIn("no folder matches /captures/*", verify.stderr)
        for command in (["migrate", "--execute", "--yes"], ["verify"], ["archive", "--once"]):
            result = unmounted(*command, "/captures/cam1", status=66)
            self.assertIn("/captures/cam1: no such folder", result.stdout + result.stderr)
        podman("run", "--detach", "--name", "unmounted", *HARDENED, IMAGE)
        try:
            wait_for(lambda: "no captures to archive" in logs("unmounted"))
            podman("stop", "--time", "20", "unmounted")
            self.assertEqual(exit_code("unmounted"), 0)
        finally:
            podman("rm", "--force", "--time", "0", "unmounted")

    def test_a_read_only_mount(self):
        capture = make_capture("readonly", 3000)
        before = tree(capture)
        def readonly(*arguments, **rest):
            return podman("run", "--rm", *HARDENED, "--volume", f"{CAPTURES}:/captures:ro", IMAGE, *arguments, **rest)
        for command in (["migrate", "--execute", "--yes"], ["archive", "--once"]):
            result = readonly(*command, "/captures/readonly", status=74)
            self.assertIn("The mount is read-only, but the file system is not: mount a volume there read-write", result.stderr)
            self.assertNotIn("systemctl", result.stderr)
        readonly("migrate", "/captures/readonly")
        readonly("verify", "/captures/readonly", status=1)
        self.assertEqual(tree(capture), before)

    def test_a_wrong_user(self):
        capture = make_capture("foreign", 3000, owner=OWNER)
        os.chmod(capture, 0o755)
        before = tree(capture)
        for command in (["migrate", "--execute", "--yes"], ["archive", "--once"]):
            result = hotcold(*command, "/captures/foreign", options=["--user", "1000:1000"], status=77)
            self.assertIn("--user 33:GID with podman and docker, user: in compose, runAsUser and runAsGroup in Kubernetes", result.stderr)
            self.assertNotIn("sudo", result.stderr)
        # A folder of root's, as a runtime makes it where one that is to be mounted is missing.
        os.chown(capture, 0, 0)
        result = hotcold("migrate", "--execute", "--yes", "/captures/foreign", status=77)
        self.assertIn("It belongs to root: give it to the user of this container (chown, on the host)", result.stderr)
        # The right user, without the group.
        os.chown(capture, OWNER, 1000)
        os.chmod(capture, 0o770)
        result = hotcold("migrate", "--execute", "--yes", "/captures/foreign", status=77)
        self.assertIn("Run with the group of the files as well: --user 33:GID", result.stderr)
        os.chown(capture, OWNER, OWNER)
        os.chmod(capture, 0o700)
        result = hotcold("verify", "/captures/foreign", options=["--user", "1000:1000"], status=77)
        self.assertIn("Permission denied", result.stderr)
        os.chmod(capture, 0o755)
        self.assertEqual(tree(capture), before)
        # The right one, who is not the image's: nothing in the image asks for 33.
        for path in [capture, *capture.rglob("*")]:
            os.chown(path, 1000, 1000)
        hotcold("migrate", "/captures/foreign", "--execute", "--yes", "--quiet", options=["--user", "1000:1000"])
        owners = {(p.stat().st_uid, p.stat().st_gid) for p in capture.rglob("*")}
        self.assertEqual(owners, {(1000, 1000)})

    def test_a_mount_inside_a_capture(self):
        capture = make_capture("split", 3000)
        before = snapshot(capture)
        other = make_folder("other")
        result = hotcold("migrate", "/captures/split", "--execute", "--yes",
                         options=["--volume", f"{other}:/captures/split/metadata"], status=1)
        self.assertIn("/captures/split/metadata: is another mount or subvolume; refused", result.stderr)
        self.assertEqual(snapshot(capture), before)
        self.assertEqual(os.listdir(other), [])
        # The runtime has made the mount point, as root.
        os.chown(capture / "metadata", OWNER, OWNER)
        hotcold("migrate", "/captures/split", "--execute", "--yes", "--quiet")
        hotcold("verify", "/captures/split", "--quiet")

    def test_a_setting_with_a_mistake(self):
        result = hotcold("archive", "--once", options=["--env", "HOTCOLD_INTERVALL=5s"], status=None)
        self.assertIn("HOTCOLD_INTERVALL", result.stderr)
        hotcold("archive", options=["--env", "HOTCOLD_INTERVAL=soon"], status=64)

    def test_settings_and_list_of_ones_own(self):
        """As a ConfigMap has them: links to links. The list is read again in every round, the settings at SIGHUP."""
        settings = WORK / "settings"
        (settings / "..1").mkdir(parents=True)
        (settings / "..data").symlink_to("..1")
        for name in ("archive.conf", "captures.conf"):
            (settings / name).symlink_to(f"..data/{name}")
        (settings / "..1/archive.conf").write_text("HOTCOLD_CAPTURES_FROM=/etc/hotcold/captures.conf\nHOTCOLD_INTERVAL=1s\n")
        (settings / "..1/captures.conf").write_text("/captures/listed1\n")
        captures = [make_capture(name, 300) for name in ("listed1", "listed2")]
        with container("settings", options=["--volume", f"{settings}:/etc/hotcold:ro"]):
            wait_for(lambda: "/captures/listed1: moved" in logs("settings"))
            self.assertFalse((captures[1] / "segments").exists())
            (settings / "..1/captures.conf").write_text("/captures/listed1\n/captures/listed2\n")
            wait_for(lambda: "/captures/listed2: moved" in logs("settings"))
            (settings / "..1/archive.conf").write_text("HOTCOLD_CAPTURES_FROM=/etc/hotcold/captures.conf\nHOTCOLD_INTERVAL=7s\n")
            podman("kill", "--signal", "HUP", "settings")
            wait_for(lambda: "settings reloaded: a round every 7 s" in logs("settings"))


class Test4Rootless(Case):
    """Without root: the user who calls podman is the one of the image inside. The user is made for this test alone."""
    USER = 4711

    def podman(self, *arguments, **rest):
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(self.home / "run"),
                       "CONTAINERS_CONF": str(self.home / "containers.conf")}
        return run("setpriv", f"--reuid={self.USER}", f"--regid={self.USER}", "--clear-groups", "podman", *arguments,
                   env=environment, cwd=self.home, **rest)

    def setUp(self):
        self.home = WORK / "home"
        (self.home / "run").mkdir(parents=True)
        (self.home / "captures").mkdir()
        # No limits here: cgroups are not delegated to users everywhere.
        (self.home / "containers.conf").write_text(
            '[containers]\ncgroups = "disabled"\nlog_driver = "k8s-file"\ndefault_ulimits = ["nofile=1000:1000", "nproc=4096:4096"]\n'
            '[engine]\nruntime = "crun"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        os.chmod(WORK, 0o711)
        shutil.copy(ARCHIVE, self.home / "image.tar")
        for path in [self.home, *self.home.rglob("*")]:
            os.chown(path, self.USER, self.USER)
        # Seen by this test's own mounts alone.
        for name, line in (("passwd", f"rootless:x:{self.USER}:{self.USER}::{self.home}:/bin/sh"), ("group", f"rootless:x:{self.USER}:"),
                           ("subuid", "rootless:700000:65536"), ("subgid", "rootless:700000:65536")):
            known = pathlib.Path(f"/etc/{name}")
            copy = WORK / name
            copy.write_text((known.read_text() if known.exists() else "") + line + "\n")
            run("mount", "--bind", copy, known)
            self.addCleanup(run, "umount", known)

    def test_keep_id(self):
        capture = self.home / "captures/cam1"
        shutil.move(make_capture("cam1", 3000), capture)
        for path in [capture, *capture.rglob("*")]:
            os.chown(path, self.USER, self.USER)
        before = snapshot(capture)
        self.podman("load", "--input", "image.tar")
        self.podman("run", *HARDENED, "--userns=keep-id:uid=33,gid=33", "--volume", f"{self.home}/captures:/captures", IMAGE,
                    "migrate", "/captures/cam1", "--execute", "--yes", "--quiet")
        self.assertEqual(snapshot(capture), before)
        self.assertEqual({(p.stat().st_uid, p.stat().st_gid) for p in capture.rglob("*")}, {(self.USER, self.USER)})
        hotcold("verify", "/captures/cam1", "--quiet", captures=self.home / "captures", options=["--user", f"{self.USER}:{self.USER}"])


class Test5Memory(Case):
    def test_the_limit_of_the_examples(self):
        """Far below it: on a disk, where the kernel's own entries count as well."""
        folder = make_folder("disk")
        hotcold("sample", "/captures/memory", "--files", "100000", captures=folder)
        report = json.loads(hotcold("migrate", "/captures/memory", "--execute", "--yes", "--format", "json", captures=folder,
                                    options=["--memory", "64m"]).stdout)
        self.assertLess(report["peakResidentBytes"], 32 << 20)
        hotcold("verify", "/captures/memory", "--quiet", captures=folder, options=["--memory", "64m"])
        shutil.rmtree(folder)


class Test5StopsAndKills(Case):
    FILES = 100_000

    def begin(self, name):
        """A migration that stands still in the middle of its moves."""
        capture = make_capture(name, self.FILES)
        before = snapshot(capture)
        stack = container(name, "migrate", f"/captures/{name}", "--execute", "--yes", "--engine", "syscalls", "--format", "json")
        wait_for(lambda: moved(capture) > 0, what="the first move")
        os.kill(stack.pid, signal.SIGSTOP)
        self.assertTrue(0 < moved(capture))
        self.assertTrue(any(capture.glob("captures/capture_*_thumbnail.jpg")), "there is more to do")
        return capture, before, stack

    def finish(self, name, capture, before):
        self.assertEqual(snapshot(capture), before)
        hotcold("migrate", f"/captures/{name}", "--execute", "--yes", "--quiet")
        hotcold("verify", f"/captures/{name}", "--quiet")
        self.assertEqual(snapshot(capture), before)

    def test_a_stop_in_the_middle(self):
        capture, before, stack = self.begin("stopped")
        with stack:
            stop = subprocess.Popen(["podman", "stop", "--time", "20", "stopped"], stdout=subprocess.DEVNULL)
            time.sleep(1)
            os.kill(stack.pid, signal.SIGCONT)
            self.assertEqual(stop.wait(30), 0)
            self.assertEqual(exit_code("stopped"), 143)
            report = json.loads(podman("logs", "stopped").stdout)
            self.assertGreater(report["captures"][0]["total"]["pending"], 0)
            self.assertGreater(report["captures"][0]["total"]["moved"], 0)
        self.finish("stopped", capture, before)

    def test_a_kill_in_the_middle(self):
        capture, before, stack = self.begin("killed")
        with stack:
            podman("kill", "killed")
            wait_for(lambda: exit_code("killed") == 137)
        self.finish("killed", capture, before)

    def test_the_service_ends_with_0(self):
        make_capture("service", 3000)
        with container("service", "archive", "--interval", "1h"):
            wait_for(lambda: "/captures/service: moved" in logs("service"))
            begin = time.monotonic()
            podman("stop", "--time", "30", "service")
            self.assertLess(time.monotonic() - begin, 10)
            self.assertEqual(exit_code("service"), 0)
            self.assertRegex(logs("service"), r"INFO stopped\n$")

    def test_what_is_in_ram_goes_to_the_disk_at_the_end(self):
        """The tmpfs is the host's: a mount below the volume comes with it."""
        folder = make_folder("disk")
        capture = folder / "ram"
        hotcold("sample", "/captures/ram", "--files", "3000", captures=folder)
        (capture / "hot").mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=64m,mode=755,uid=33,gid=33", "tmpfs", capture / "hot")
        options = ["--env", "HOTCOLD_LAYOUT=guide-ram", "--env", "HOTCOLD_FLUSH_ON_STOP=yes"]
        hotcold("migrate", "/captures/ram", "--execute", "--yes", "--quiet", captures=folder, options=options)
        in_ram = {p.name for p in (capture / "hot").rglob("*.*") if p.suffix != ".m3u8"}
        self.assertEqual(len(in_ram), 310)
        with container("ram", "archive", "--interval", "1h", "/captures/ram", captures=folder, options=options):
            wait_for(lambda: "a round every 3600 s" in logs("ram"))
            podman("stop", "--time", "60", "ram")
            self.assertEqual(exit_code("ram"), 0)
        run("umount", capture / "hot")
        self.assertEqual(in_ram - {p.name for p in capture.rglob("*.*")}, set())

    def test_verify_hears_signals_as_process_1(self):
        make_capture("heard", self.FILES)
        with container("heard", "verify", "/captures/heard"):
            podman("kill", "--signal", "INT", "heard")
            self.assertEqual(int(podman("wait", "heard").stdout), 130)

    def test_host_and_container_hold_the_same_lock(self):
        capture = make_capture("locked", 3000)
        before = tree(capture)
        descriptor = os.open(capture, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            result = hotcold("migrate", "/captures/locked", "--execute", "--yes", status=75)
            self.assertIn("another run of hotcold holds this capture", result.stderr)
            self.assertEqual(tree(capture), before)
        finally:
            os.close(descriptor)
        # And the other way round.
        name = "holder"
        capture, before, stack = self.begin(name)
        with stack:
            descriptor = os.open(capture, os.O_RDONLY)
            with self.assertRaises(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(descriptor)
            hotcold("migrate", f"/captures/{name}", "--execute", "--yes", status=75)
        self.finish(name, capture, before)


def make_recorder_image():
    """ffmpeg of this machine, with its libraries and a shell, in an image of its own."""
    root = WORK / "recorder"
    (root / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/sh")
    (root / "bin/mkdir").symlink_to("sh")
    files = ["/usr/bin/ffmpeg"] + re.findall(r"(/\S+) \(0x", run("ldd", "/usr/bin/ffmpeg").stdout)
    for file in files:
        target = root / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    (root / "Containerfile").write_text(
        "FROM scratch\nCOPY bin /bin\nCOPY usr /usr\nCOPY lib /lib\nCOPY lib64 /lib64\nENV PATH=/usr/bin:/bin\n")
    for folder in ("lib", "lib64", "usr"):
        (root / folder).mkdir(exist_ok=True)
    podman("build", "--quiet", "--tag", RECORDER, root)


def check_recording(test, capture, restarts):
    """Every segment is there once and whole, in a hot or in an hour folder, and the archive plays."""
    segments = sorted(capture.glob("segments/**/segment_*.ts"), key=lambda p: p.name)
    numbers = [int(p.stem.split("_")[1]) for p in segments]
    test.assertEqual(len(set(numbers)), len(numbers))
    gaps = [b for a, b in zip(numbers, numbers[1:]) if b != a + 1]
    test.assertLessEqual(len(gaps), restarts, "a segment is missing")
    cold = [p for p in segments if p.parent.name != "segments"]
    test.assertGreater(len(cold), 5, "hotcold has moved some beside the recorder")
    for archive in capture.glob("segments/*/archive.m3u8"):
        listed = [line for line in archive.read_text().splitlines() if not line.startswith("#")]
        test.assertEqual(sorted(listed), sorted(p.name for p in archive.parent.glob("segment_*.ts")))
        # As if its hour were over: a player would wait for more.
        ended = WORK / "ended.m3u8"
        ended.write_text(re.sub(r"^(segment_.*)$", rf"{archive.parent}/\1", archive.read_text(), flags=re.M) + "#EXT-X-ENDLIST\n")
        frames = run("ffprobe", "-v", "error", "-count_packets", "-select_streams", "v:0", "-show_entries", "stream=nb_read_packets",
                     "-of", "csv=p=0", "-live_start_index", "0", ended)
        test.assertEqual(frames.stderr, "")
        test.assertGreaterEqual(int(frames.stdout.split()[0].strip(",")), 25 * (len(listed) - 1 - restarts))


def compose_check():
    """The arguments of compose.yaml's health check."""
    import yaml
    how, program, *arguments = yaml.safe_load((HERE / "compose.yaml").read_text())["services"]["hotcold"]["healthcheck"]["test"]
    assert (how, program) == ("CMD", "hotcold")
    return arguments


def daemon_set(**changed):
    """The arguments of its readiness probe, and its settings as options of podman: variables, some changed, and ConfigMap."""
    import yaml
    documents = list(yaml.safe_load_all((HERE / "kubernetes/daemonset.yaml").read_text()))
    pod = next(d for d in documents if d["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    variables = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    assert set(changed) <= set(variables)
    folder, metrics = WORK / "configmap", WORK / "configmap-metrics"
    for path in (folder, metrics):
        path.mkdir(exist_ok=True)
    os.chown(metrics, OWNER, OWNER)
    for name, text in next(d for d in documents if d["kind"] == "ConfigMap")["data"].items():
        (folder / name).write_text(text)
    program, *arguments = pod["containers"][0]["readinessProbe"]["exec"]["command"]
    assert program == "hotcold"
    options = ["--volume", f"{folder}:/etc/hotcold:ro", "--volume", f"{metrics}:/metrics"]
    return arguments, options + [word for name, value in (variables | changed).items() for word in ("--env", f"{name}={value}")]


class Test6Examples(Case):
    @classmethod
    def setUpClass(cls):
        make_recorder_image()

    def test_compose_beside_a_real_recorder(self):
        folder = make_folder("compose")
        environment = os.environ | {
            "RECORDER_IMAGE": RECORDER, "HOTCOLD_IMAGE": IMAGE, "CAPTURES": str(folder), "HOTCOLD_INTERVAL": "2s", "HOTCOLD_MIN_AGE": "3s",
        }
        def compose(*arguments):
            return run("podman-compose", "-p", "hotcoldtest", "-f", HERE / "compose.yaml", *arguments, env=environment)
        recorder, service = "hotcoldtest_recorder_1", "hotcoldtest_hotcold_1"
        try:
            compose("up", "-d")
            wait_for(lambda: len(list(folder.glob("cam1/segments/[0-9]*/segment_*.ts"))) > 5, 60, "segments in hour folders")
            # As a crash, and the restart policy's answer to it.
            podman("kill", recorder)
            podman("start", recorder)
            count = len(list(folder.glob("cam1/segments/**/segment_*.ts")))
            wait_for(lambda: len(list(folder.glob("cam1/segments/**/segment_*.ts"))) > count + 8, 60, "more segments")
            podman("healthcheck", "run", service)
            podman("stop", "--time", "20", recorder)
            time.sleep(6)
            podman("stop", "--time", "20", service)
            self.assertEqual(exit_code(service), 0)
            self.assertNotRegex(logs(service).split("resolved")[-1], "ERROR")
        finally:
            compose("down")
        self.assertEqual(podman("ps", "--all", "--quiet").stdout, "")
        check_recording(self, folder / "cam1", restarts=1)
        hotcold("verify", "/captures/cam1", "--quiet", captures=folder)
        owners = {(p.stat().st_uid, p.stat().st_gid) for p in folder.rglob("*")}
        self.assertEqual(owners, {(OWNER, OWNER)})
        shutil.rmtree(folder)

    def test_kubernetes_examples_are_valid(self):
        validate = VENV / "bin/kubernetes-validate"
        known = re.findall(r"\d+\.\d+", run(validate, "--help").stdout)
        for version in {"1.29", *known[-1:]}:
            for example in ("sidecar", "daemonset"):
                run(validate, "--strict", "-k", version, HERE / f"kubernetes/{example}.yaml")
        # It finds what is wrong.
        wrong = WORK / "wrong.yaml"
        wrong.write_text((HERE / "kubernetes/sidecar.yaml").read_text().replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"))
        self.assertNotEqual(run(validate, "--strict", "-k", "1.29", wrong, status=None).returncode, 0)

    def test_kubernetes_examples_are_restricted(self):
        import yaml
        for example in ("sidecar", "daemonset"):
            documents = list(yaml.safe_load_all((HERE / f"kubernetes/{example}.yaml").read_text()))
            pod = next(d for d in documents if d["kind"] in ("Deployment", "DaemonSet"))["spec"]["template"]["spec"]
            self.assertTrue(pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0)
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for key in ("hostNetwork", "hostPID", "hostIPC"):
                self.assertNotIn(key, pod)
            for each in pod["containers"]:
                self.assertEqual(each["securityContext"], {
                    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
                self.assertIn("memory", each["resources"]["limits"])
            kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
            self.assertLessEqual(kinds, {"hostPath", "configMap"} if example == "daemonset" else {"persistentVolumeClaim"})
            mounts = [m for c in pod["containers"] for m in c["volumeMounts"]]
            self.assertFalse(any("subPath" in m for m in mounts))

    def test_settings_of_the_daemon_set(self):
        printed = hotcold("archive", "--print-config", options=daemon_set()[1]).stdout
        self.assertIn("# file\nHOTCOLD_METRICS_FILE=/metrics/hotcold.prom", printed)
        self.assertIn("# environment\nHOTCOLD_TIME_ZONE=UTC", printed)

    def test_every_command_knows_the_zone_of_the_daemon_set(self):
        """As `kubectl exec` has it: of the ConfigMap, only the service reads archive.conf."""
        make_capture("zone", 3000)
        probe, options = daemon_set(HOTCOLD_TIME_ZONE="Asia/Kolkata")
        hotcold("archive", "--once", options=options)
        hotcold(*probe, options=options)
        report = json.loads(hotcold("migrate", "/captures/zone", "--format", "json", options=options).stdout)
        self.assertEqual(report["timeZone"]["name"], "Asia/Kolkata")
        # The check sees a wrong zone.
        hotcold(*probe, options=daemon_set()[1], status=1)

    def test_health_checks_give_the_service_its_time(self):
        """More than 120 s pass where a round takes a little, or the interval is longer."""
        for check, options in (compose_check(), []), daemon_set():
            capture = make_capture("health", 3000)
            hotcold("archive", "--once", options=options)
            hotcold(*check, options=options)
            new = capture / "captures/capture_900000_thumbnail.jpg"
            new.touch()
            for age, status in ((180, 0), (660, 1)):
                os.utime(new, (time.time() - age, time.time() - age))
                hotcold(*check, options=options, status=status)
            shutil.rmtree(capture)

    def test_a_volume_that_is_a_file_system_of_its_own(self):
        """ext4 has lost+found at its top, for root alone: no capture of the pattern."""
        folder = make_folder("volume")
        (folder / "lost+found").mkdir(mode=0o700)
        hotcold("sample", "/captures/cam1", "--files", "3000", captures=folder)
        for check, options in (compose_check(), []), daemon_set():
            service = hotcold("archive", "--once", captures=folder, options=options)
            self.assertNotRegex(service.stderr, "ERROR|WARNING")
            hotcold(*check, captures=folder, options=options)

    def test_the_sidecar_runs(self):
        manifest = HERE / "kubernetes/sidecar.yaml"
        podman("tag", IMAGE, f"registry.example/hotcold:{VERSION}")
        podman("tag", RECORDER, "registry.example/recorder:1")
        try:
            podman("kube", "play", "--network", "none", manifest)
            volume = pathlib.Path(podman("volume", "inspect", "--format", "{{.Mountpoint}}", "captures").stdout.strip())
            capture = volume / "cam1"
            wait_for(lambda: len(list(capture.glob("segments/segment_*.ts"))) > 3, 60, "segments")
            names = podman("ps", "--format", "{{.Names}}").stdout.split()
            service = next(name for name in names if name.endswith("hotcold"))
            wait_for(lambda: "a round every 60 s" in logs(service))
            # Its next round comes in a minute: one at once.
            podman("exec", service, "hotcold", "archive", "--once", "/captures/cam1")
            podman("exec", service, "hotcold", "verify", "/captures/cam1", "--quiet")
            self.assertTrue((capture / "segments/23").is_dir())
            owners = {(p.stat().st_uid, p.stat().st_gid) for p in capture.rglob("*")}
            self.assertEqual(owners, {(OWNER, OWNER)})
            status = pathlib.Path(f"/proc/{container_pid(service)}/status").read_text()
            self.assertRegex(status, r"\nUid:\t33\t33\t33\t33\n")
            self.assertRegex(status, r"\nCapEff:\t0000000000000000\n")
        finally:
            podman("kube", "down", manifest, status=None)
            podman("volume", "rm", "--force", "captures", status=None)

    def test_metrics_on_a_shared_volume(self):
        metrics = make_folder("metrics")
        make_capture("metrics", 300)
        options = ["--volume", f"{metrics}:/metrics", "--env", "HOTCOLD_METRICS_FILE=/metrics/hotcold.prom"]
        hotcold("archive", "--once", "/captures/metrics", options=options)
        text = (metrics / "hotcold.prom").read_text()
        self.assertRegex(text, r'hotcold_last_success_timestamp_seconds\{capture="/captures/metrics"\} \d+')
        self.assertEqual((metrics / "hotcold.prom").stat().st_mode & 0o777, 0o644)


class Test7Page(Case):
    def test_every_command_of_the_page(self):
        """The blocks of docs/CONTAINERS.md, in their order, in one shell each."""
        page = (REPOSITORY / "docs/CONTAINERS.md").read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S)
        self.assertGreater(len(blocks), 5)
        folder = CAPTURES / "page"
        for block in blocks:
            block = block.replace("/srv/captures", str(folder)).replace("sudo ", "")
            block = block.replace("make image ", "true ").replace(f".build/hotcold_{VERSION}_amd64.oci.tar", str(ARCHIVE))
            block = block.replace(".build/hotcold-seccomp.json", str(WORK / "page-seccomp.json"))
            result = run("bash", "-e", "-o", "pipefail", "-c", block, status=None, cwd=REPOSITORY)
            self.assertEqual(result.returncode, 0, f"{block}\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
