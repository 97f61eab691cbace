import Foundation
import TestKit
import Testing

/// The package's unit under a systemd that was booted for it, in a Debian that has nothing else.
@Suite(.serialized) struct SystemdTests {
  /// A Debian that is booted in a container.
  final class Machine {
    private let folder: Folder
    private let container: Running
    private var leader = ""

    init(package: String) throws {
      folder = try Folder(in: "/var/tmp")
      let root = folder.path + "/debian"
      try Shell.must([
        "debootstrap", "--variant=minbase", "--include=liburing2,libyaml-0-2,libstdc++6,systemd-sysv",
        "bookworm", root,
      ])
      try Shell.must(["cp", package, root + "/hotcold.deb"])
      try Shell.must(["chroot", root, "dpkg", "-i", "/hotcold.deb"])
      container = try Running([
        "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network",
        "--machine=hotcold-test", "--directory=\(root)",
      ])
      let isBooted = ArchiverTests.waitUntil(seconds: 120) {
        leader = Shell.run(["pgrep", "-P", "\(container.processIdentifier)"]).output.trimmed
        return !leader.isEmpty
          && ["running", "degraded"].contains(run("systemctl is-system-running").output.trimmed)
      }
      guard isBooted else { throw PreparationError(message: "systemd did not boot: \(container.wait())") }
    }

    func run(_ script: String) -> Shell.Result {
      Shell.run(["nsenter", "-t", leader, "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "sh", "-c", script])
    }

    func property(_ name: String) -> String {
      run("systemctl show hot_cold_archiver --value -p \(name)").output.trimmed
    }

    func powerOff() {
      guard container.isRunning else { return }
      _ = run("systemctl poweroff")
      _ = ArchiverTests.waitUntil { !container.isRunning }
    }

    /// What was said until the power went, where the journal is kept (/var/log/journal).
    var journal: String {
      Shell.run(["journalctl", "-D", folder.path + "/debian/var/log/journal", "-o", "cat", "--no-pager"])
        .output
    }
  }

  @Test(
    .endToEnd, .requiresRoot, .requires("debootstrap"), .requires("systemd-nspawn"), .requires("nsenter"),
    .requires("pgrep"))
  func theUnitServesReloadsAndReportsToTheJournal() throws {
    let package = try #require(ProcessInfo.processInfo.environment["HOTCOLD_DEB"], "make test-e2e sets it")
    let machine = try Machine(package: package)
    defer { machine.powerOff() }
    let errors = "journalctl -u hot_cold_archiver -p err -o cat"

    let began = machine.run(
      """
      set -e; mkdir -p /var/www/html/stream
      for capture in /var/www/html/stream/c1 /srv/c2; do hotcold sample $capture --files 300; done
      chown -R www-data:www-data /var/www/html/stream /srv/c2
      echo /var/www/html/stream/c1 > /etc/hotcold/captures.conf
      systemctl start hot_cold_archiver
      """)
    #expect(began.status == 0, "\(began)")
    #expect(
      ArchiverTests.waitUntil { machine.property("StatusText").hasPrefix("last round: 1 capture, 2") },
      "\(machine.property("StatusText"))")
    #expect(machine.run("hotcold verify /var/www/html/stream/c1").status == 0)
    #expect(machine.run(errors).output.isEmpty)
    let process = machine.property("MainPID")

    // Reloaded, with a capture that the unit may not write to.
    let reloaded = machine.run(
      "echo /srv/c2 >> /etc/hotcold/captures.conf; echo HOTCOLD_INTERVAL=1s >> /etc/hotcold/archive.conf; "
        + "systemctl reload hot_cold_archiver")
    #expect(reloaded.status == 0, "\(reloaded)")
    #expect(ArchiverTests.waitUntil { machine.property("StatusText").contains("2 captures") })
    sleep(3)
    let outside = machine.run(errors).output
    #expect(
      outside.contains("/srv/c2: Read-only file system") && outside.contains("ReadWritePaths="), "\(outside)")
    #expect(ServiceTests.count("/srv/c2", in: outside) == 1, "once, in several rounds")

    // A mistake in the settings.
    #expect(
      machine.run("echo HOTCOLD_INTERVAL=0s >> /etc/hotcold/archive.conf; systemctl reload hot_cold_archiver")
        .status
        == 0)
    #expect(
      ArchiverTests.waitUntil { machine.run(errors).output.contains("The previous settings stay in effect") })
    #expect(machine.property("ActiveState") == "active" && machine.property("MainPID") == process)
    #expect(machine.property("NRestarts") == "0")

    let journal = machine.run("journalctl -b -o cat").output
    #expect(!journal.contains("thread priority"), "libdispatch's complaint")
    #expect(
      machine.run("journalctl -u hot_cold_archiver -o cat -p info").output.contains("\na round every 60 s\n"))

    #expect(machine.run("systemctl stop hot_cold_archiver").status == 0)
    #expect(machine.property("Result") == "success" && machine.property("ExecMainStatus") == "0")
    // What was kept while it ran is refused at a start, for good.
    #expect(machine.run("systemctl start hot_cold_archiver").status != 0)
    #expect(machine.property("ExecMainStatus") == "64" && machine.property("ActiveState") == "failed")
  }

  /// The tmpfs, the settings and the encoder's unit of docs/TIERS.md: a tmpfs that is mounted later is seen by the service, and at a
  /// shutdown the encoder stops first, then the service, then the tmpfs goes.
  @Test(
    .endToEnd, .requiresRoot, .requires("debootstrap"), .requires("systemd-nspawn"), .requires("nsenter"),
    .requires("pgrep"), .requires("journalctl"))
  func theEncoderStopsBeforeTheServiceAndTheTmpfsGoesLast() throws {
    let package = try #require(ProcessInfo.processInfo.environment["HOTCOLD_DEB"], "make test-e2e sets it")
    let machine = try Machine(package: package)
    defer { machine.powerOff() }
    let errors = "journalctl -u hot_cold_archiver -o cat"
    func write(_ text: String, to file: String) -> String { "cat >> \(file) <<'TEXT'\n\(text)\nTEXT\n" }

    // Without the tmpfs neither of them runs on the disk below.
    let encoder = """
      #!/bin/sh
      trap 'echo the encoder stops; exit 255' TERM
      mountpoint -q "$1/hot" && mkdir -p "$1/hot/segments" || exit 1
      for n in $(seq 1000); do echo $n > "$1/hot/segments/segment_$n.ts"; sleep 0.2; done
      """
    let began = machine.run(
      "set -e; mkdir -p /var/log/journal /var/www/html/stream/capture1; systemctl restart systemd-journald; journalctl --flush\n"
        + "chown -R www-data:www-data /var/www/html/stream; echo /var/www/html/stream/capture1 > /etc/hotcold/captures.conf\n"
        + "install -d -o root -g root -m 0555 /var/www/html/stream/capture1/hot\n"
        + write(
          "HOTCOLD_LAYOUT=guide-ram\nHOTCOLD_MIN_AGE=1s\nHOTCOLD_INTERVAL=1s", to: "/etc/hotcold/archive.conf"
        )
        + write(encoder, to: "/usr/local/bin/record-to-ram") + "chmod 755 /usr/local/bin/record-to-ram\n"
        + write(try TierGuideTests.written(to: "record@.service"), to: "/etc/systemd/system/record@.service")
        + "systemctl enable --now hot_cold_archiver")
    #expect(began.status == 0, "\(began)")
    #expect(ArchiverTests.waitUntil { machine.run(errors).output.contains("no tmpfs is mounted here") })

    let mounted = machine.run(
      "set -e\n" + write(try TierGuideTests.written(to: "/etc/fstab"), to: "/etc/fstab")
        + "systemctl daemon-reload; systemctl enable --now record@capture1")
    #expect(mounted.status == 0, "\(mounted)")
    #expect(
      ArchiverTests.waitUntil {
        machine.run("ls /var/www/html/stream/capture1/segments/*/segment_1.ts").status == 0
      }, "\(machine.run("journalctl -b -o cat | tail -n 50").output)")
    #expect(machine.run(errors).output.contains("resolved: a tier that is not mounted"))

    machine.powerOff()
    let journal = machine.journal
    func last(_ text: String) throws -> String.Index {
      try #require(journal.ranges(of: text).last, "\(text): \(journal.suffix(4000))").lowerBound
    }
    let stopped = try [
      "the encoder stops", "Stopped hot_cold_archiver.service",
      "Unmounted var-www-html-stream-capture1-hot.mount",
    ].map(last)
    #expect(stopped == stopped.sorted(), "\(journal.suffix(4000))")
  }
}
