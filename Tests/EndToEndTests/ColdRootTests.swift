import Foundation
import TestKit
import Testing

/// Buckets below a root on another disk (`cold: root:` of a layout), on real disks.
@Suite(.enabled(if: MountedFileSystem.canMount, "no root")) struct ColdRootTests {
  @Test(arguments: [("ext4", "xfs"), ("xfs", "ext4"), ("ext4", "btrfs"), ("tmpfs", "ext4")])
  func aCaptureGoesToAnotherDiskAndBack(hot: String, cold: String) throws {
    let flat = try Trial()
    let disks = try ColdDisks(hot, cold)
    try disks.fill(from: flat.folder.path)
    let layout = try disks.declared(["type: \(cold)", "uuid: \"\(try disks.uuid())\""])
    let before = try Snapshot(disks.capture)
    let contents = try disks.contents()

    let planned = ColdRoot.run("migrate", [disks.capture], layout, ["--format", "json"])
    #expect(planned.status == 0, "\(planned.error)")
    #expect(try Snapshot(disks.capture).changeTimes == before.changeTimes)
    #expect(try Snapshot(disks.cold.path).paths.isEmpty && !disks.exists(disks.root))

    let run = ColdRoot.run("migrate", [disks.capture], layout, ["--execute", "--yes", "--format", "json"])
    #expect(run.status == 0, "\(run.error)")
    let done = try JSON(parsing: run.output)["captures", 0]
    #expect(try disks.contents() == contents)
    let settled = SmallCapture.settled()
    #expect(try Snapshot(disks.capture).paths == settled.filter { !ColdRoot.isCold($0) })
    #expect(try Snapshot(disks.root).paths == settled.filter(ColdRoot.isCold))
    #expect(done["copied", "files"].int == settled.count(where: ColdRoot.isCold))
    #expect(done["foldersMade"].int == (try JSON(parsing: planned.output))["captures", 0, "foldersMade"].int)
    #expect(done["comparison", "lost"].int == 0)

    #expect(ColdRoot.run("verify", [disks.capture], layout).status == 0)
    let numbers = ColdRoot.run("next-numbers", [disks.capture], layout)
    #expect(numbers.output == "next_segment=60\nnext_capture=150\n", "\(numbers.error)")
    let fit = ColdRoot.run("layout", [disks.capture], layout)
    #expect(fit.status == 0 && fit.output.contains("segments"), "\(fit.error)")
    stayWithinTheHour()
    let again = try JSON(
      parsing: ColdRoot.run("migrate", [disks.capture], layout, ["--execute", "--yes", "--format", "json"])
        .output
    )
    #expect(again["captures", 0, "changed"].bool == false)

    let back = ColdRoot.execute("revert", [disks.capture], layout)
    #expect(back.status == 0, "\(back.error)")
    #expect(try disks.contents() == contents)
    #expect(try Snapshot(disks.capture).paths == before.paths)
    #expect(try Snapshot(disks.root).entries.count == 1, "only the root itself stays")
  }

  /// Moves are renames, and files stay the same files.
  @Test func aRootOnTheSameFileSystem() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    try Shell.must(["mkdir", "-p", disks.hot.path + "/cold/camera1"])
    let layout = try disks.layout(["root: \"\(disks.hot.path)/cold/{capture}\""])
    let before = try Snapshot(disks.hot.path)
    let result = ColdRoot.execute("migrate", [disks.capture], layout)
    #expect(result.status == 0 && !result.output.contains("copied"), "\(result)")
    #expect(try Snapshot(disks.hot.path).contents == before.contents)
    #expect(
      try Snapshot(disks.hot.path + "/cold/camera1").paths == SmallCapture.settled().filter(ColdRoot.isCold))
    #expect(ColdRoot.execute("revert", [disks.capture], layout).status == 0)
    #expect(try Snapshot(disks.hot.path).contents == before.contents)
    #expect(try Snapshot(disks.hot.path).paths == before.paths)
  }

  /// Between two mounts of one file system the kernel renames nothing.
  @Test func aRootByAnotherMountOfTheSameFileSystem() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    try Shell.must(["mkdir", disks.hot.path + "/cold"])
    try Shell.must(["mount", "--bind", disks.hot.path + "/cold", disks.cold.path])
    defer { Shell.run(["umount", disks.cold.path]) }
    let layout = try disks.declared()
    let result = ColdRoot.execute("migrate", [disks.capture], layout)
    #expect(result.status == 0 && result.output.contains("copied"), "\(result)")
    #expect(try Snapshot(disks.root).paths == SmallCapture.settled().filter(ColdRoot.isCold))
    #expect(ColdRoot.run("verify", [disks.capture], layout).status == 0)
    #expect(ColdRoot.execute("revert", [disks.capture], layout).status == 0)
    #expect(try Snapshot(disks.capture).paths == flat.before.paths)
  }

  @Test func eachOfTwoCapturesHasARootOfItsName() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    let paths = ["camera1", "camera2"].map { disks.hot.path + "/" + $0 }
    for name in ["camera1", "camera2"] { try disks.fill(name, from: flat.folder.path) }
    let layout = try disks.declared()
    let result = ColdRoot.execute("migrate", paths, layout)
    #expect(result.status == 0, "\(result.error)")
    for name in ["camera1", "camera2"] {
      #expect(
        try Snapshot("\(disks.cold.path)/\(name)").paths == SmallCapture.settled().filter(ColdRoot.isCold))
    }
    #expect(ColdRoot.run("verify", paths, layout).status == 0)
    // The name is that of the folder, not of a link to it.
    try Shell.must(["ln", "-s", "camera1", disks.hot.path + "/yard"])
    #expect(ColdRoot.run("verify", [disks.hot.path + "/yard"], layout).status == 0)
    #expect(!disks.exists(disks.cold.path + "/yard"))
  }

  @Test func filesComeFromTheGuidesLayout() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    let layout = try disks.declared()
    #expect(HotColdBinary.run(["migrate", disks.capture, "--execute", "--yes"]).status == 0)
    let contents = try disks.contents()
    #expect(ColdRoot.run("migrate", [disks.capture], layout).status == 66, "buckets of another layout")
    let result = ColdRoot.run(
      "migrate", [disks.capture], layout, ["--from", "guide", "--execute", "--yes"])
    #expect(result.status == 0, "\(result.error)")
    #expect(try disks.contents() == contents)
    #expect(try Snapshot(disks.root).paths == SmallCapture.settled().filter(ColdRoot.isCold))
    #expect(ColdRoot.run("verify", [disks.capture], layout).status == 0)
    let back = HotColdBinary.run(["migrate", disks.capture, "--from", layout, "--execute", "--yes"])
    #expect(back.status == 0, "\(back.error)")
    #expect(try disks.contents() == contents)
    #expect(try Snapshot(disks.capture).paths == SmallCapture.settled())
    #expect(HotColdBinary.run(["verify", disks.capture]).status == 0)
  }

  @Test func aServiceSettlesWritesPlaylistsAndDeletes() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    let layout = try disks.declared()
    let metrics = disks.layouts.path + "/metrics.prom"
    let first = ColdRoot.run(
      "archive", [disks.capture], layout, ["--once", "--metrics-file", metrics, "--warn-free", "100%"])
    #expect(first.status == 0, "\(first.error)")
    #expect(first.error.contains("\(disks.root): only "), "the room on both disks is looked at")
    let settled = try Snapshot(disks.root)
    #expect(settled.paths == SmallCapture.settled().filter(ColdRoot.isCold))
    #expect(!settled.manifests.isEmpty)
    #expect(settled.manifests.allSatisfy { $0.key.bytes.starts(with: "segments/".utf8) })
    #expect(
      try String(contentsOfFile: metrics, encoding: .utf8).contains("kind=\"segments\",tier=\"cold\"} 50"))
    #expect(ColdRoot.run("verify", [disks.capture], layout).status == 0)
    stayWithinTheHour()
    let times = try Snapshot(disks.cold.path).changeTimes
    #expect(ColdRoot.run("archive", [disks.capture], layout, ["--once"]).status == 0)
    #expect(try Snapshot(disks.cold.path).changeTimes == times)

    // One that is new stays, so that not everything would go.
    let fresh = disks.root + "/captures/0/capture_9999.jpg"
    try Folder.writeFile(fresh, "new")
    let retained = ColdRoot.run(
      "archive", [disks.capture], layout, ["--once", "--retain", "captures=1h", "--force-retention"])
    #expect(retained.status == 0, "\(retained.error)")
    let captures = try Snapshot(disks.root + "/captures").paths
    #expect(captures == ["0/capture_9999.jpg"])
    #expect(try Snapshot(disks.root + "/thumbnails").paths.count == 50)
  }

  /// Copies of init segments are beside the buckets, and players find them.
  @Test func fragmentedMP4() throws {
    typealias Base = InitializationTests
    let disks = try ColdDisks()
    let layout = try disks.declared(of: "ffmpeg-fmp4")
    try Shell.must(["mkdir", disks.capture])
    for number in 0..<30 {
      let path = "\(disks.capture)/segment_\(number).m4s"
      try Folder.writeFile(path, "segment \(number)")
      try Shell.must(["touch", "-d", "@\(Base.hour + 10 + number * 10)", path])
    }
    let initialization = disks.capture + "/init.mp4"
    #expect(FileManager.default.createFile(atPath: initialization, contents: Data(Base.contents(1))))
    try Shell.must(["touch", "-d", "@\(Base.hour)", initialization])
    usleep(30_000)
    let run = ColdRoot.execute("migrate", [disks.capture], layout)
    #expect(run.status == 0, "\(run.error)")
    let copies = try Snapshot(disks.root + "/segments").paths.filter { $0.folder.bytes.isEmpty }
    #expect(copies == ["init.20231114T222000Z.mp4"])
    let playlists = try Snapshot(disks.root).manifests.values.map { String(decoding: $0, as: UTF8.self) }
    #expect(!playlists.isEmpty)
    #expect(playlists.allSatisfy { $0.contains("#EXT-X-MAP:URI=\"../init.20231114T222000Z.mp4\"") })
    #expect(ColdRoot.run("verify", [disks.capture], layout).status == 0)
    // The recorder's own has changed since, so the copy is needed in the flat layout, too.
    try FileManager.default.removeItem(atPath: initialization)
    #expect(FileManager.default.createFile(atPath: initialization, contents: Data(Base.contents(2))))
    usleep(30_000)
    let back = ColdRoot.execute("revert", [disks.capture], layout)
    #expect(back.status == 0, "\(back.output) \(back.error)")
    #expect(try Snapshot(disks.capture).paths.contains("init.20231114T222000Z.mp4"))
    #expect(try Snapshot(disks.root).entries.count == 1)
    usleep(30_000)
    #expect(ColdRoot.execute("migrate", [disks.capture], layout).status == 0)
    #expect(try Snapshot(disks.root).paths.contains("segments/init.20231114T222000Z.mp4"))
    #expect(try !Snapshot(disks.capture).paths.contains("init.20231114T222000Z.mp4"))
    #expect(ColdRoot.run("verify", [disks.capture], layout).status == 0)
  }
}
