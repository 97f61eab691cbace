import Foundation
import TestKit
import Testing

/// The Debian package, in a Debian that has nothing else.
@Suite(.serialized) struct PackageTests {
  static let packaging = #filePath.replacing("Tests/EndToEndTests/PackageTests.swift", with: "Packaging")

  @Test(.requires("systemd-analyze")) func theUnitIsValidAndHardened() throws {
    let folder = try Folder()
    let unit = try String(contentsOfFile: Self.packaging + "/hot_cold_archiver.service", encoding: .utf8)
    let path = folder.path + "/hot_cold_archiver.service"
    try unit.replacing("/usr/bin/hotcold", with: HotColdBinary.path).write(
      toFile: path, atomically: true, encoding: .utf8)
    let verify = Shell.run(["systemd-analyze", "verify", "--man=no", path])
    #expect(verify.status == 0 && verify.error.isEmpty, "\(verify.error)")
    let security = Shell.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", path])
    #expect(security.status == 0, "\(security.output.suffix(200))")
    // What io_uring and the moves need is let through.
    let allowed = Shell.run(["systemd-analyze", "syscall-filter", "@system-service"]).output
    #expect(allowed.contains("@aio") && allowed.contains("@file-system"))
    #expect(Shell.run(["systemd-analyze", "syscall-filter", "@aio"]).output.contains("io_uring_enter"))
    // Separate ones for captures would be separate mounts (EXDEV).
    #expect(unit.components(separatedBy: "\nReadWritePaths=-/var/www").count == 2)
  }

  /// Every setting of the file is known and can be what it says.
  @Test func theSettingsFileIsRead() throws {
    let folder = try Folder()
    let text = try String(contentsOfFile: Self.packaging + "/archive.conf", encoding: .utf8)
    try folder.makeFile("as-is.conf", contents: Array(text.utf8))
    try folder.makeFile("all.conf", contents: Array(text.replacing("#HOTCOLD_", with: "HOTCOLD_").utf8))
    for name in ["as-is", "all"] {
      let result = HotColdBinary.run(["archive", "--print-config", "--config", "\(folder.path)/\(name).conf"])
      #expect(result.status == 0, "\(result.error)")
      #expect(
        result.output.contains(name == "all" ? "HOTCOLD_RETAIN=segments=24h" : "# default\n#HOTCOLD_RETAIN="))
    }
  }

  @Test(.endToEnd, .requiresRoot, .requires("debootstrap"), .requires("lintian"))
  func thePackageInstallsWorksAndGoes() throws {
    let package = try #require(ProcessInfo.processInfo.environment["HOTCOLD_DEB"], "make test-e2e sets it")
    let lint = Shell.run(["lintian", "--fail-on", "error", "--allow-root", package])
    #expect(lint.status == 0, "\(lint.output)")

    let folder = try Folder(in: "/var/tmp")
    let root = folder.path + "/debian"
    try Shell.must(["debootstrap", "--variant=minbase", "--include=liburing2,libyaml-0-2", "bookworm", root])
    // Swift finds a program's arguments there.
    try Shell.must(["mount", "-t", "proc", "proc", root + "/proc"])
    defer { Shell.run(["umount", "-l", root + "/proc"]) }
    try Shell.must(["cp", package, root + "/hotcold.deb"])
    func inside(_ command: String) -> Shell.Result { Shell.run(["chroot", root, "sh", "-ec", command]) }
    let install = inside("dpkg -i /hotcold.deb")
    #expect(install.status == 0, "\(install.output)\(install.error)")
    for command in [
      "hotcold --version | grep -q '^[0-9]'", "hotcold sample /srv/c --files 3000",
      "hotcold migrate /srv/c --execute --yes | grep -q 'every name and inode'",
      "hotcold verify /srv/c", "hotcold archive --once /srv/c",
      "hotcold archive --print-config | grep -B 1 '/etc/hotcold/captures.conf' | grep -q '# file'",
      "hotcold revert /srv/c --execute --yes", "bash -n /usr/share/bash-completion/completions/hotcold",
      "for page in '' -migrate -verify -revert -archive -sample; do zcat /usr/share/man/man1/hotcold$page.1.gz | grep -q hotcold; done",
      "grep -q compdef /usr/share/zsh/vendor-completions/_hotcold",
      "grep -q complete /usr/share/fish/vendor_completions.d/hotcold.fish",
      "test -e /usr/lib/systemd/system/hot_cold_archiver.service",
      "! ls /etc/systemd/system/*.wants/hot_cold_archiver.service",
      "! ldd /usr/bin/hotcold | grep -q 'not found'",
    ] {
      let result = inside(command)
      #expect(result.status == 0, "\(command): \(result.output)\(result.error)")
    }
    // Settings are the user's: they outlive an upgrade and a removal, not a purge.
    #expect(
      inside("echo HOTCOLD_INTERVAL=7s >> /etc/hotcold/archive.conf; dpkg -i --force-confold /hotcold.deb")
        .status == 0)
    #expect(
      inside("grep -q 7s /etc/hotcold/archive.conf; dpkg -r hotcold; grep -q 7s /etc/hotcold/archive.conf")
        .status == 0)
    #expect(
      inside("dpkg --purge hotcold; ! test -e /etc/hotcold/archive.conf; ! test -e /usr/bin/hotcold").status
        == 0)
  }
}
