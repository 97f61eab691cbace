import Foundation
import TestKit
import Testing

/// Buckets below a root on another disk (`cold: root:` of a layout), on real disks.
@Suite(.enabled(if: MountedFileSystem.canMount, "no root")) struct ColdRootTests {
  /// A disk with captures, and one for what is cold.
  final class Disks {
    let hot: MountedFileSystem
    let cold: MountedFileSystem
    let layouts: Folder
    var capture: String { hot.path + "/camera1" }
    var root: String { cold.path + "/camera1" }

    init(
      _ hotType: String = "ext4", _ coldType: String = "ext4", megabytes: (hot: Int, cold: Int) = (320, 320)
    ) throws {
      hot = try MountedFileSystem(hotType, megabytes: megabytes.hot)
      cold = try MountedFileSystem(coldType, megabytes: megabytes.cold)
      layouts = try Folder()
    }

    /// Copied with its times, and old enough to be copied again.
    func fill(_ name: String = "camera1", from folder: String) throws {
      try Shell.must(["mkdir", "-p", hot.path + "/" + name])
      try Shell.must(["cp", "-a", folder + "/.", hot.path + "/" + name])
      usleep(30_000)
    }

    /// A layout file: one that is installed, with the keys of `cold`.
    func layout(_ keys: [String], of name: String = "guide") throws -> String {
      let text = (["cold:"] + keys.map { "  \($0)" }).joined(separator: "\n")
      return try LayoutFile.edited([("\nkinds:\n", "\n\(text)\nkinds:\n")], of: name, in: layouts)
    }

    /// That of most tests: a root that hotcold may make.
    func declared(_ more: [String] = [], of name: String = "guide") throws -> String {
      try layout(["root: \"\(cold.path)/{capture}\"", "mount: \(cold.path)"] + more, of: name)
    }

    /// By name: what every file must keep, wherever it is. A copy has an inode number of its own.
    func contents() throws -> [Bytes: Set<Snapshot.Entry>] {
      var contents: [Bytes: Set<Snapshot.Entry>] = [:]
      for disk in [hot, cold] {
        for file in try Snapshot(disk.path).files {
          var entry = file.value
          entry.inode = 0
          contents[ColdRootTests.ownName(of: file.key.name), default: []].insert(entry)
        }
      }
      return contents
    }

    func uuid() throws -> String {
      try Shell.must(["blkid", "-s", "UUID", "-o", "value", cold.imagePath ?? ""]).trimmed
    }
  }

  /// Of a source that a killed run had taken aside, after its copy was durable.
  private static func ownName(of name: Bytes) -> Bytes {
    let text = String(decoding: name.bytes, as: UTF8.self)
    guard text.hasPrefix("."), text.hasSuffix(".aside.hotcold") else { return name }
    return Bytes(String(text.dropFirst().dropLast(".aside.hotcold".count)))
  }

  private static func run(_ command: String, _ paths: [String], _ layout: String, _ options: [String] = [])
    -> Shell.Result
  {
    HotColdBinary.run([command] + paths + ["--layout", layout] + options)
  }

  private static func execute(_ command: String, _ paths: [String], _ layout: String) -> Shell.Result {
    run(command, paths, layout, ["--execute", "--yes"])
  }

  /// Of the guide's layout a file in a bucket has two folders above it.
  private static func isCold(_ path: Bytes) -> Bool {
    String(decoding: path.bytes, as: UTF8.self).split(separator: "/").count == 3
  }

  private static let commands = [
    ["migrate"], ["migrate", "--execute", "--yes"], ["verify"], ["archive", "--once"], ["next-numbers"],
    ["revert", "--execute", "--yes"],
  ]

  // MARK: there and back

  @Test(arguments: [("ext4", "xfs"), ("xfs", "ext4"), ("ext4", "btrfs"), ("tmpfs", "ext4")])
  func aCaptureGoesToAnotherDiskAndBack(hot: String, cold: String) throws {
    let flat = try Trial()
    let disks = try Disks(hot, cold)
    try disks.fill(from: flat.folder.path)
    let layout = try disks.declared(["type: \(cold)", "uuid: \"\(try disks.uuid())\""])
    let before = try Snapshot(disks.capture)
    let contents = try disks.contents()

    let planned = Self.run("migrate", [disks.capture], layout, ["--format", "json"])
    #expect(planned.status == 0, "\(planned.error)")
    #expect(try Snapshot(disks.capture).changeTimes == before.changeTimes)
    #expect(try Snapshot(disks.cold.path).paths.isEmpty && !disks.exists(disks.root))

    let run = Self.run("migrate", [disks.capture], layout, ["--execute", "--yes", "--format", "json"])
    #expect(run.status == 0, "\(run.error)")
    let done = try JSON(parsing: run.output)["captures", 0]
    #expect(try disks.contents() == contents)
    let settled = SmallCapture.settled()
    #expect(try Snapshot(disks.capture).paths == settled.filter { !Self.isCold($0) })
    #expect(try Snapshot(disks.root).paths == settled.filter(Self.isCold))
    #expect(done["copied", "files"].int == settled.count(where: Self.isCold))
    #expect(done["foldersMade"].int == (try JSON(parsing: planned.output))["captures", 0, "foldersMade"].int)
    #expect(done["comparison", "lost"].int == 0)

    #expect(Self.run("verify", [disks.capture], layout).status == 0)
    let numbers = Self.run("next-numbers", [disks.capture], layout)
    #expect(numbers.output == "next_segment=60\nnext_capture=150\n", "\(numbers.error)")
    let fit = Self.run("layout", [disks.capture], layout)
    #expect(fit.status == 0 && fit.output.contains("segments"), "\(fit.error)")
    stayWithinTheHour()
    let again = try JSON(
      parsing: Self.run("migrate", [disks.capture], layout, ["--execute", "--yes", "--format", "json"]).output
    )
    #expect(again["captures", 0, "changed"].bool == false)

    let back = Self.execute("revert", [disks.capture], layout)
    #expect(back.status == 0, "\(back.error)")
    #expect(try disks.contents() == contents)
    #expect(try Snapshot(disks.capture).paths == before.paths)
    #expect(try Snapshot(disks.root).entries.count == 1, "only the root itself stays")
  }

  /// Moves are renames, and files stay the same files.
  @Test func aRootOnTheSameFileSystem() throws {
    let flat = try Trial()
    let disks = try Disks()
    try disks.fill(from: flat.folder.path)
    try Shell.must(["mkdir", "-p", disks.hot.path + "/cold/camera1"])
    let layout = try disks.layout(["root: \"\(disks.hot.path)/cold/{capture}\""])
    let before = try Snapshot(disks.hot.path)
    let result = Self.execute("migrate", [disks.capture], layout)
    #expect(result.status == 0 && !result.output.contains("copied"), "\(result)")
    #expect(try Snapshot(disks.hot.path).contents == before.contents)
    #expect(
      try Snapshot(disks.hot.path + "/cold/camera1").paths == SmallCapture.settled().filter(Self.isCold))
    #expect(Self.execute("revert", [disks.capture], layout).status == 0)
    #expect(try Snapshot(disks.hot.path).contents == before.contents)
    #expect(try Snapshot(disks.hot.path).paths == before.paths)
  }

  /// Between two mounts of one file system the kernel renames nothing.
  @Test func aRootByAnotherMountOfTheSameFileSystem() throws {
    let flat = try Trial()
    let disks = try Disks()
    try disks.fill(from: flat.folder.path)
    try Shell.must(["mkdir", disks.hot.path + "/cold"])
    try Shell.must(["mount", "--bind", disks.hot.path + "/cold", disks.cold.path])
    defer { Shell.run(["umount", disks.cold.path]) }
    let layout = try disks.declared()
    let result = Self.execute("migrate", [disks.capture], layout)
    #expect(result.status == 0 && result.output.contains("copied"), "\(result)")
    #expect(try Snapshot(disks.root).paths == SmallCapture.settled().filter(Self.isCold))
    #expect(Self.run("verify", [disks.capture], layout).status == 0)
    #expect(Self.execute("revert", [disks.capture], layout).status == 0)
    #expect(try Snapshot(disks.capture).paths == flat.before.paths)
  }

  @Test func eachOfTwoCapturesHasARootOfItsName() throws {
    let flat = try Trial()
    let disks = try Disks()
    let paths = ["camera1", "camera2"].map { disks.hot.path + "/" + $0 }
    for name in ["camera1", "camera2"] { try disks.fill(name, from: flat.folder.path) }
    let layout = try disks.declared()
    let result = Self.execute("migrate", paths, layout)
    #expect(result.status == 0, "\(result.error)")
    for name in ["camera1", "camera2"] {
      #expect(
        try Snapshot("\(disks.cold.path)/\(name)").paths == SmallCapture.settled().filter(Self.isCold))
    }
    #expect(Self.run("verify", paths, layout).status == 0)
    // The name is that of the folder, not of a link to it.
    try Shell.must(["ln", "-s", "camera1", disks.hot.path + "/yard"])
    #expect(Self.run("verify", [disks.hot.path + "/yard"], layout).status == 0)
    #expect(!disks.exists(disks.cold.path + "/yard"))
  }

  @Test func filesComeFromTheGuidesLayout() throws {
    let flat = try Trial()
    let disks = try Disks()
    try disks.fill(from: flat.folder.path)
    let layout = try disks.declared()
    #expect(HotColdBinary.run(["migrate", disks.capture, "--execute", "--yes"]).status == 0)
    let contents = try disks.contents()
    #expect(Self.run("migrate", [disks.capture], layout).status == 66, "buckets of another layout")
    let result = Self.run(
      "migrate", [disks.capture], layout, ["--from", "guide", "--execute", "--yes"])
    #expect(result.status == 0, "\(result.error)")
    #expect(try disks.contents() == contents)
    #expect(try Snapshot(disks.root).paths == SmallCapture.settled().filter(Self.isCold))
    #expect(Self.run("verify", [disks.capture], layout).status == 0)
    let back = HotColdBinary.run(["migrate", disks.capture, "--from", layout, "--execute", "--yes"])
    #expect(back.status == 0, "\(back.error)")
    #expect(try disks.contents() == contents)
    #expect(try Snapshot(disks.capture).paths == SmallCapture.settled())
    #expect(HotColdBinary.run(["verify", disks.capture]).status == 0)
  }

  @Test func aServiceSettlesWritesPlaylistsAndDeletes() throws {
    let flat = try Trial()
    let disks = try Disks()
    try disks.fill(from: flat.folder.path)
    let layout = try disks.declared()
    let metrics = disks.layouts.path + "/metrics.prom"
    let first = Self.run(
      "archive", [disks.capture], layout, ["--once", "--metrics-file", metrics, "--warn-free", "100%"])
    #expect(first.status == 0, "\(first.error)")
    #expect(first.error.contains("\(disks.root): only "), "the room on both disks is looked at")
    let settled = try Snapshot(disks.root)
    #expect(settled.paths == SmallCapture.settled().filter(Self.isCold))
    #expect(!settled.manifests.isEmpty)
    #expect(settled.manifests.allSatisfy { $0.key.bytes.starts(with: "segments/".utf8) })
    #expect(
      try String(contentsOfFile: metrics, encoding: .utf8).contains("kind=\"segments\",tier=\"cold\"} 50"))
    #expect(Self.run("verify", [disks.capture], layout).status == 0)
    stayWithinTheHour()
    let times = try Snapshot(disks.cold.path).changeTimes
    #expect(Self.run("archive", [disks.capture], layout, ["--once"]).status == 0)
    #expect(try Snapshot(disks.cold.path).changeTimes == times)

    // One that is new stays, so that not everything would go.
    let fresh = disks.root + "/captures/0/capture_9999.jpg"
    try Folder.writeFile(fresh, "new")
    let retained = Self.run(
      "archive", [disks.capture], layout, ["--once", "--retain", "captures=1h", "--force-retention"])
    #expect(retained.status == 0, "\(retained.error)")
    let captures = try Snapshot(disks.root + "/captures").paths
    #expect(captures == ["0/capture_9999.jpg"])
    #expect(try Snapshot(disks.root + "/thumbnails").paths.count == 50)
  }

  /// Copies of init segments are beside the buckets, and players find them.
  @Test func fragmentedMP4() throws {
    typealias Base = InitializationTests
    let disks = try Disks()
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
    let run = Self.execute("migrate", [disks.capture], layout)
    #expect(run.status == 0, "\(run.error)")
    let copies = try Snapshot(disks.root + "/segments").paths.filter { $0.folder.bytes.isEmpty }
    #expect(copies == ["init.20231114T222000Z.mp4"])
    let playlists = try Snapshot(disks.root).manifests.values.map { String(decoding: $0, as: UTF8.self) }
    #expect(!playlists.isEmpty)
    #expect(playlists.allSatisfy { $0.contains("#EXT-X-MAP:URI=\"../init.20231114T222000Z.mp4\"") })
    #expect(Self.run("verify", [disks.capture], layout).status == 0)
    // The recorder's own has changed since, so the copy is needed in the flat layout, too.
    try FileManager.default.removeItem(atPath: initialization)
    #expect(FileManager.default.createFile(atPath: initialization, contents: Data(Base.contents(2))))
    usleep(30_000)
    let back = Self.execute("revert", [disks.capture], layout)
    #expect(back.status == 0, "\(back.output) \(back.error)")
    #expect(try Snapshot(disks.capture).paths.contains("init.20231114T222000Z.mp4"))
    #expect(try Snapshot(disks.root).entries.count == 1)
    usleep(30_000)
    #expect(Self.execute("migrate", [disks.capture], layout).status == 0)
    #expect(try Snapshot(disks.root).paths.contains("segments/init.20231114T222000Z.mp4"))
    #expect(try !Snapshot(disks.capture).paths.contains("init.20231114T222000Z.mp4"))
    #expect(Self.run("verify", [disks.capture], layout).status == 0)
  }

  // MARK: what is refused

  /// Nothing is touched, and every command says why.
  private static func expectRefused(
    _ disks: Disks, _ layout: String, _ status: Int32, _ messages: [String], _ paths: [String]? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try Snapshot(disks.hot.path).changeTimes
    for command in commands {
      let paths = paths ?? [disks.capture]
      guard command[0] != "next-numbers" || paths.count == 1 else { continue }
      let result = run(command[0], paths, layout, Array(command.dropFirst()))
      #expect(result.status == status, "\(command): \(result)", sourceLocation: sourceLocation)
      for message in messages {
        #expect(result.error.contains(message), "\(command): \(result)", sourceLocation: sourceLocation)
      }
    }
    #expect(try Snapshot(disks.hot.path).changeTimes == before, sourceLocation: sourceLocation)
  }

  @Test func aRootInTheWayOfTheCapture() throws {
    let flat = try Trial()
    let disks = try Disks()
    try disks.fill(from: flat.folder.path)
    let root = { (path: String) in try disks.layout(["root: \(path)"]) }
    let capture = disks.capture
    try Shell.must(["mkdir", capture + "/old"])
    try Self.expectRefused(
      disks, try root(capture + "/old"), 64, ["the cold root of \(capture) is in \(capture)"])
    try Self.expectRefused(disks, try root(capture + "/captures"), 64, ["is in \(capture)"])
    try Self.expectRefused(disks, try root(capture), 64, ["is the same folder as \(capture)"])
    try Self.expectRefused(disks, try root(disks.hot.path), 64, ["holds \(capture)"])
    // By another mount, and by a link.
    try Shell.must(["mount", "--bind", capture, disks.cold.path])
    defer { Shell.run(["umount", disks.cold.path]) }
    try Self.expectRefused(disks, try root(disks.cold.path), 64, ["is the same folder as \(capture)"])
    try Self.expectRefused(
      disks, try root(disks.cold.path + "/captures"), 64, ["is the same folder as \(capture)/captures"])
    try Shell.must(["ln", "-s", capture, disks.layouts.path + "/link"])
    try Self.expectRefused(disks, try root(disks.layouts.path + "/link/old"), 64, ["is in \(capture)"])
  }

  @Test(arguments: [
    ("camera", "camera", "is the same folder as"), ("camera", "camera/2", "holds"),
    ("camera/2", "camera", "is in"),
  ])
  func rootsOfTwoCapturesInEachOthersWay(first: String, second: String, relation: String) throws {
    let flat = try Trial()
    let disks = try Disks()
    let list = disks.layouts.path + "/captures"
    var lines: [String] = []
    for (name, root) in [("camera1", first), ("camera2", second)] {
      try disks.fill(name, from: flat.folder.path)
      try Shell.must(["mkdir", "-p", "\(disks.cold.path)/\(root)"])
      let layout = try disks.layout(["root: \(disks.cold.path)/\(root)"])
      try Shell.must(["cp", layout, "\(disks.layouts.path)/\(name).yaml"])
      lines.append("\(disks.hot.path)/\(name) layout=\(disks.layouts.path)/\(name).yaml")
    }
    try Folder.writeFile(list, lines.joined(separator: "\n") + "\n")
    let before = try Snapshot(disks.hot.path)
    for command in [
      ["migrate"], ["migrate", "--execute", "--yes"], ["revert", "--execute", "--yes"], ["verify"],
    ] {
      let result = HotColdBinary.run(command + ["--captures-from", list])
      #expect(result.status == 64 && result.error.contains("the cold root of"), "\(command): \(result)")
      #expect(try Snapshot(disks.hot.path).changeTimes == before.changeTimes)
    }
    // A service goes on with the one that it had first.
    let round = HotColdBinary.run(["archive", "--once", "--captures-from", list])
    #expect(round.status == 64 && round.error.contains("1 with errors"), "\(round)")
    #expect(round.error.contains(relation == "is the same folder as" ? relation : "the cold root of"))
    #expect(try Snapshot(disks.hot.path + "/camera1").paths != flat.before.paths)
    #expect(try Snapshot(disks.hot.path + "/camera2").paths == flat.before.paths)
  }

  @Test func aCaptureInTheRootOfAnotherOne() throws {
    let flat = try Trial()
    let disks = try Disks()
    try disks.fill(from: flat.folder.path)
    try Shell.must(["mkdir", "-p", disks.root])
    try Shell.must(["cp", "-a", disks.capture, disks.root + "/inner"])
    let layout = try disks.declared()
    let result = Self.execute("migrate", [disks.capture, disks.root + "/inner"], layout)
    #expect(result.status == 64 && result.error.contains("\(disks.root)/inner"), "\(result)")
  }

  @Test func aRootThatAnotherRunHolds() throws {
    let flat = try Trial()
    let disks = try Disks()
    try disks.fill(from: flat.folder.path)
    let layout = try disks.declared()
    try Shell.must(["mkdir", disks.root])
    let before = try Snapshot(disks.capture)
    let holder = try Running(["flock", "--no-fork", disks.root, "sleep", "60"])
    defer { holder.signal(SIGKILL) }
    for _ in 0..<100 where Shell.run(["flock", "-n", disks.root, "true"]).status == 0 { usleep(20_000) }
    let result = Self.execute("migrate", [disks.capture], layout)
    #expect(
      result.status == 75 && result.error.contains("\(disks.root): another run of hotcold"), "\(result)")
    #expect(try Snapshot(disks.capture).changeTimes == before.changeTimes)
    #expect(Self.run("migrate", [disks.capture], layout).output.contains("another run of hotcold is at work"))
  }

  /// The folder below the mount point stays empty.
  @Test func aDiskThatIsNotMounted() throws {
    let flat = try Trial()
    let disks = try Disks()
    try disks.fill(from: flat.folder.path)
    let declared = try disks.declared()
    #expect(Self.execute("migrate", [disks.capture], declared).status == 0)
    try Shell.must(["umount", disks.cold.path])
    let expected = ["\(disks.cold.path): no file system of its own is mounted here"]
    try Self.expectRefused(disks, declared, 74, expected)
    #expect(Snapshot.entryCount(disks.cold.path) == 0)
    // As in a unit with the folder in ReadWritePaths=: a mount, and not of the disk.
    try Shell.must(["mount", "--bind", disks.cold.path, disks.cold.path])
    try Self.expectRefused(disks, declared, 74, expected)
    try Shell.must(["umount", disks.cold.path])
    #expect(Snapshot.entryCount(disks.cold.path) == 0)
    // Nor where the layout names no mount: a root that was made on the disk is not there without it.
    let undeclared = try disks.layout(["root: \"\(disks.cold.path)/{capture}\""])
    try Self.expectRefused(disks, undeclared, 74, ["\(disks.root): no such folder"])
    #expect(Snapshot.entryCount(disks.cold.path) == 0)
    try Shell.must(["mount", "-o", "loop", disks.cold.imagePath ?? "", disks.cold.path])
    for layout in [try disks.declared(), try disks.layout(["root: \"\(disks.cold.path)/{capture}\""])] {
      #expect(Self.run("verify", [disks.capture], layout).status == 0)
    }
    // Without the mount in the layout, a missing root is made by nobody.
    try Shell.must(["rm", "-rf", disks.root])
    let missing = try disks.layout(["root: \"\(disks.cold.path)/{capture}\""])
    try Self.expectRefused(disks, missing, 74, ["\(disks.root): no such folder"])
  }

  @Test func anotherDisk() throws {
    let flat = try Trial()
    let disks = try Disks("ext4", "xfs")
    try disks.fill(from: flat.folder.path)
    let uuid = try disks.uuid()
    let other = "0000" + uuid.dropFirst(4)
    try Self.expectRefused(
      disks, try disks.declared(["uuid: \"\(other)\""]), 74, ["has not the UUID \(other)", disks.cold.path])
    try Self.expectRefused(disks, try disks.declared(["type: ext4"]), 74, ["no ext4 is mounted here"])
    #expect(Snapshot.entryCount(disks.cold.path) == 0)
    #expect(
      Self.run("migrate", [disks.capture], try disks.declared(["uuid: \"\(uuid.uppercased())\""])).status == 0
    )
  }

  /// A mount in the capture may have one, too.
  @Test(arguments: ["ext4", "btrfs"]) func theUUIDOfAMountInTheCapture(type: String) throws {
    let flat = try Trial()
    let disks = try Disks("ext4", type)
    try disks.fill(from: flat.folder.path)
    try Shell.must(["mkdir", disks.capture + "/hot"])
    try Shell.must(["mount", "--bind", disks.cold.path, disks.capture + "/hot"])
    defer { Shell.run(["umount", disks.capture + "/hot"]) }
    let uuid = try disks.uuid()
    func layout(_ uuid: String) throws -> String {
      try LayoutFile.edited(
        [
          ("\nkinds:\n", "\nmounts:\n  hot: {type: \(type), uuid: \"\(uuid)\"}\nkinds:\n"),
          ("    hot: segments  ", "    hot: hot/segments\n    cold: segments  "),
        ], in: disks.layouts)
    }
    let right = Self.run("migrate", [disks.capture], try layout(uuid))
    #expect(right.status == 0, "\(right.error)")
    let wrong = Self.run("migrate", [disks.capture], try layout("0000" + uuid.dropFirst(4)))
    #expect(wrong.status == 74 && wrong.error.contains("has not the UUID"), "\(wrong)")
  }

  @Test func aRootOfSomebodyElse() throws {
    let flat = try Trial()
    let disks = try Disks()
    try disks.fill(from: flat.folder.path)
    try Shell.must(["mkdir", disks.root])
    try Shell.must(["chown", "1234", disks.root])
    try Self.expectRefused(disks, try disks.declared(), 77, ["\(disks.root): the cold root belongs to"])
    // Of a folder that this user may write to.
    try Shell.must(["chown", "1234", disks.cold.path])
    try Shell.must(["mkdir", disks.cold.path + "/real"])
    try Shell.must(["ln", "-s", "real", disks.cold.path + "/link"])
    try Self.expectRefused(
      disks, try disks.layout(["root: \(disks.cold.path)/link"]), 77, ["a link on the way"])
    #expect(try Snapshot(disks.cold.path).paths.isEmpty)
  }

  /// Not in the middle of the night, after hours of copying.
  @Test func whatDoesNotFitIsSaidBeforeAnythingIsCopied() throws {
    let disks = try Disks(megabytes: (200, 40))
    let layout = try disks.declared()
    /// Names and change times: what is in these files is large and all alike.
    func state(_ path: String) throws -> String {
      try Shell.must(["sh", "-c", "cd \(path); find . -printf '%P %C@\n' | sort"])
    }
    try Shell.must(["mkdir", disks.capture])
    for number in 0..<24 {
      try Shell.must(["fallocate", "-l", "4M", "\(disks.capture)/segment_\(number).ts"])
    }
    usleep(30_000)
    let before = try state(disks.capture)
    for options in [[], ["--execute", "--yes"]] {
      let result = Self.run("migrate", [disks.capture], layout, options)
      let message = "\(disks.root): no room: at least 56.0 MiB in 14 files would be copied here"
      #expect(result.status == 74 && result.error.contains(message), "\(result)")
      #expect(try state(disks.capture) == before)
      #expect(try Snapshot(disks.cold.path).paths.isEmpty)
    }
    // Holes take no room, and what stays hot needs none.
    let large = disks.capture + "/segment_1.ts"
    try Shell.must(["sh", "-c", "rm \(disks.capture)/segment_[0-9].ts; truncate -s 100M \(large)"])
    try Shell.must(["touch", "-d", "2020-01-01", large])
    usleep(30_000)
    let result = Self.execute("migrate", [disks.capture], layout)
    #expect(result.status == 0, "\(result.error)")

    // The way back, to a disk that something else has filled.
    try Shell.must(["sh", "-c", "find \(disks.root) -name '*.ts' | xargs -n 1 fallocate -l 3M"])
    try Shell.must([
      "sh", "-c",
      "fallocate -l $(($(stat -f -c '%a * %S' \(disks.hot.path)) - 5000000)) \(disks.hot.path)/other",
    ])
    let settled = try state(disks.capture)
    for options in [[], ["--execute", "--yes"]] {
      let back = Self.run("revert", [disks.capture], layout, options)
      #expect(back.status == 74 && back.error.contains("\(disks.capture): no room: at least"), "\(back)")
      #expect(try state(disks.capture) == settled)
    }
    try Shell.must(["rm", disks.hot.path + "/other"])
    #expect(Self.execute("revert", [disks.capture], layout).status == 0)
  }

  // MARK: faults

  /// Each file is whole on one disk, or on both; a rerun ends as if nothing had been. There and back.
  @Test func aKilledRunLosesNothing() throws {
    var random = SeededRandom(SeededRandom.seeds(1)[0])
    let disks = try Disks()
    let layout = try disks.declared()
    try Shell.must([HotColdBinary.path, "sample", disks.capture, "--files", "1500", "--file-bytes", "3000"])
    usleep(30_000)
    let contents = try disks.contents()
    var kills = 0
    for attempt in 0..<60 where kills < (KillTests.isCampaign ? 60 : 12) {
      let command = attempt % 2 == 0 ? "migrate" : "revert"
      let run = try HotColdBinary.start([
        command, disks.capture, "--layout", layout, "--execute", "--yes", "--no-sync",
      ])
      usleep(UInt32.random(in: 5_000...180_000, using: &random))
      run.signal(SIGKILL)
      if run.wait().status == 128 + SIGKILL { kills += 1 }
      #expect(try disks.contents() == contents, "attempt \(attempt), \(command)")
      usleep(30_000)
      let rerun = Self.run(command, [disks.capture], layout, ["--execute", "--yes", "--format", "json"])
      #expect(rerun.status == 0, "attempt \(attempt), \(command): \(rerun.error)")
      let report = try JSON(parsing: rerun.output)["captures", 0]
      #expect(report["comparison", "lost"].int == 0, "attempt \(attempt), \(command)")
      #expect(report["comparison", "deletedByOthers"].int == 0, "attempt \(attempt), \(command)")
      #expect(try disks.contents() == contents, "attempt \(attempt), \(command)")
      // Each is on one disk alone.
      #expect(
        try Snapshot(disks.hot.path).files.count + Snapshot(disks.cold.path).files.count
          == contents.values.reduce(0) { $0 + $1.count }, "attempt \(attempt), \(command)")
      usleep(30_000)
    }
    #expect(kills > 0)
    Figures.add("runs killed while they copied to a cold root, or from one", kills)
  }

  /// The disk is taken away between the names and the last look: no original goes.
  @Test(.requires("strace")) func aDiskThatIsUnmountedMeanwhile() throws {
    let disks = try Disks()
    let layout = try disks.declared()
    try Shell.must(["mkdir", "-p", disks.capture + "/segments"])
    for file in 0..<14 {
      try Folder.writeFile(
        "\(disks.capture)/segments/segment_\(file).ts", String(repeating: "\(file)", count: 5000))
    }
    usleep(30_000)
    let run = try Running([
      "strace", "-f", "-o", "/dev/null", "-e", "inject=linkat:signal=SIGSTOP:when=4", HotColdBinary.path,
      "migrate", disks.capture, "--layout", layout, "--execute", "--yes", "--no-manifests", "--engine",
      "syscalls",
    ])
    var copied = 0
    for _ in 0..<400 where copied < 4 {
      usleep(50_000)
      copied = try Snapshot(disks.cold.path).paths.count
    }
    #expect(copied == 4)
    try Shell.must(["umount", "-l", disks.cold.path])
    for process in Shell.run(["pgrep", "-f", "^[^ ]*hotcold migrate \(disks.capture)"]).output.split(
      separator: "\n")
    {
      Shell.run(["kill", "-CONT", String(process)])
    }
    let result = run.wait()
    #expect(result.status == 74, "\(result.output) \(result.error)")
    #expect(try Snapshot(disks.capture).paths.count == 14)
    #expect(Snapshot.entryCount(disks.cold.path) == 0)
  }
}

extension ColdRootTests.Disks {
  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
