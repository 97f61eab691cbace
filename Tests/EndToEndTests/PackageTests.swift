import Foundation
import TestKit
import Testing

/// What the Debian package brings along: unit and settings. Packaging/tests has its contents and its life.
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
}
