import Foundation
import TestKit
import Testing

/// Cold roots that are not used, and why.
@Suite(.enabled(if: MountedFileSystem.canMount, "no root")) struct ColdRootRefusalTests {
  /// Nothing is touched, and every command says why.
  private static func expectRefused(
    _ disks: ColdDisks, _ layout: String, _ status: Int32, _ messages: [String], _ paths: [String]? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try Snapshot(disks.hot.path).changeTimes
    for command in ColdRoot.commands {
      let paths = paths ?? [disks.capture]
      guard command[0] != "next-numbers" || paths.count == 1 else { continue }
      let result = ColdRoot.run(command[0], paths, layout, Array(command.dropFirst()))
      #expect(result.status == status, "\(command): \(result)", sourceLocation: sourceLocation)
      for message in messages {
        #expect(result.error.contains(message), "\(command): \(result)", sourceLocation: sourceLocation)
      }
    }
    #expect(try Snapshot(disks.hot.path).changeTimes == before, sourceLocation: sourceLocation)
  }

  @Test func aRootInTheWayOfTheCapture() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
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
    let disks = try ColdDisks()
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
    // Nor does a command that is told only of the other one.
    let settings = disks.layouts.path + "/conf"
    try Folder.writeFile(settings, "HOTCOLD_CAPTURES_FROM=\(list)\n")
    let camera2 = ["\(disks.hot.path)/camera2", "--config", settings]
    for command in [["archive", "--once"], ["migrate", "--execute", "--yes", "--as-service"]] {
      let alone = HotColdBinary.run(command + camera2)
      #expect(alone.status == 64 && alone.error.contains("the cold root of"), "\(command): \(alone)")
      #expect(try Snapshot(disks.hot.path + "/camera2").paths == flat.before.paths)
    }
    let first = HotColdBinary.run([
      "verify", "\(disks.hot.path)/camera1", "--as-service", "--config", settings,
    ])
    #expect(first.status != 64, "\(first)")
  }

  @Test func aCaptureInTheRootOfAnotherOne() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    try Shell.must(["mkdir", "-p", disks.root])
    try Shell.must(["cp", "-a", disks.capture, disks.root + "/inner"])
    let layout = try disks.declared()
    let result = ColdRoot.execute("migrate", [disks.capture, disks.root + "/inner"], layout)
    #expect(result.status == 64 && result.error.contains("\(disks.root)/inner"), "\(result)")
  }

  /// Two mounts of one disk, each with a path of its own.
  @Test func twoCapturesReachOneRootByTwoMounts() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    let second = try Folder()
    try Shell.must(["mount", "--bind", disks.cold.path, second.path])
    defer { Shell.run(["umount", second.path]) }
    try Shell.must(["mkdir", disks.cold.path + "/root"])
    let list = disks.layouts.path + "/captures"
    var lines: [String] = []
    for (name, mount) in [("camera1", disks.cold.path), ("camera2", second.path)] {
      try disks.fill(name, from: flat.folder.path)
      let layout = try disks.layout(["root: \(mount)/root"])
      try Shell.must(["cp", layout, "\(disks.layouts.path)/\(name).yaml"])
      lines.append("\(disks.hot.path)/\(name) layout=\(disks.layouts.path)/\(name).yaml")
    }
    try Folder.writeFile(list, lines.joined(separator: "\n") + "\n")
    let before = try Snapshot(disks.hot.path)
    let result = HotColdBinary.run(["migrate", "--execute", "--yes", "--captures-from", list])
    #expect(result.status == 64 && result.error.contains("is the same folder as"), "\(result)")
    #expect(try Snapshot(disks.hot.path).changeTimes == before.changeTimes)
  }

  @Test(arguments: ["link", "file", "mount"]) func aRootThatIsNoFolder(what: String) throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    defer { Shell.run(["umount", disks.root]) }
    switch what {
    case "link": try Shell.must(["ln", "-s", disks.hot.path, disks.root])
    case "file": try Folder.writeFile(disks.root, "a file")
    default:
      try Shell.must(["mkdir", disks.root])
      try Shell.must(["mount", "-t", "tmpfs", "tmpfs", disks.root])
    }
    try Self.expectRefused(disks, try disks.declared(), 64, ["\(disks.root): the cold root must be a folder"])
  }

  /// What is not mounted is said first, and what is there instead.
  @Test func aMountPointThatIsNone() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    let point = disks.layouts.path + "/point"
    let layout = try disks.layout([
      "root: \(point)/camera1", "mount: \(point)", "uuid: \"00000000-0000-4000-8000-000000000000\"",
    ])
    let message = "\(point): no file system of its own is mounted here"
    try Self.expectRefused(disks, layout, 74, [message])
    try Shell.must(["ln", "-s", disks.cold.path, point])
    try Self.expectRefused(disks, layout, 74, [message + " (this is a link or a file)"])
  }

  /// The owner of a capture, whose disk was mounted by root: who has to be given what.
  @Test(.requires("runuser")) func aDiskThatTheOwnerMayNotWriteTo() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    try Shell.must(["chmod", "755", disks.hot.path, disks.cold.path, disks.layouts.path])
    try Shell.must(["chown", "-R", "nobody:", disks.capture])
    let tools = try Folder()
    try Shell.must(["cp", HotColdBinary.path, tools.path + "/hotcold"])
    try Shell.must(["chmod", "755", tools.path])
    try Shell.must(["mkdir", disks.root])
    let migrate = [
      "runuser", "-u", "nobody", "--", tools.path + "/hotcold", "migrate", disks.capture, "--layout",
      try disks.declared(),
    ]
    let before = try Snapshot(disks.hot.path).changeTimes
    let result = Shell.run(migrate + ["--execute", "--yes"])
    #expect(result.status == 77 && result.error.contains("sudo chown nobody: \(disks.root)"), "\(result)")
    #expect(try Snapshot(disks.hot.path).changeTimes == before)
    let planned = Shell.run(migrate)
    #expect(planned.output.contains("sudo chown nobody: \(disks.root)"), "\(planned)")
    try Shell.must(["chown", "nobody:", disks.root])
    let allowed = Shell.run(migrate + ["--execute", "--yes"])
    #expect(allowed.status == 0, "\(allowed)")
  }

  @Test func aRootThatAnotherRunHolds() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    let layout = try disks.declared()
    try Shell.must(["mkdir", disks.root])
    let before = try Snapshot(disks.capture)
    let holder = try Running(["flock", "--no-fork", disks.root, "sleep", "60"])
    defer { holder.signal(SIGKILL) }
    for _ in 0..<100 where Shell.run(["flock", "-n", disks.root, "true"]).status == 0 { usleep(20_000) }
    let result = ColdRoot.execute("migrate", [disks.capture], layout)
    #expect(
      result.status == 75 && result.error.contains("\(disks.root): another run of hotcold"), "\(result)")
    #expect(try Snapshot(disks.capture).changeTimes == before.changeTimes)
    #expect(
      ColdRoot.run("migrate", [disks.capture], layout).output.contains("another run of hotcold is active"))
  }

  /// The folder below the mount point stays empty.
  @Test func aDiskThatIsNotMounted() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    let declared = try disks.declared()
    #expect(ColdRoot.execute("migrate", [disks.capture], declared).status == 0)
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
      #expect(ColdRoot.run("verify", [disks.capture], layout).status == 0)
    }
    // Without the mount in the layout, a missing root is made by nobody.
    try Shell.must(["rm", "-rf", disks.root])
    let missing = try disks.layout(["root: \"\(disks.cold.path)/{capture}\""])
    try Self.expectRefused(disks, missing, 74, ["\(disks.root): no such folder"])
  }

  @Test func anotherDisk() throws {
    let flat = try Trial()
    let disks = try ColdDisks("ext4", "xfs")
    try disks.fill(from: flat.folder.path)
    let uuid = try disks.uuid()
    let other = "0000" + uuid.dropFirst(4)
    try Self.expectRefused(
      disks, try disks.declared(["uuid: \"\(other)\""]), 74,
      ["does not have the UUID \(other)", disks.cold.path])
    try Self.expectRefused(
      disks, try disks.declared(["type: ext4"]), 74, ["no ext4 is mounted here (this is xfs)"])
    #expect(Snapshot.entryCount(disks.cold.path) == 0)
    #expect(
      ColdRoot.run("migrate", [disks.capture], try disks.declared(["uuid: \"\(uuid.uppercased())\""])).status
        == 0
    )
  }

  /// A mount in the capture may have one, too.
  @Test(arguments: ["ext4", "btrfs"]) func theUUIDOfAMountInTheCapture(type: String) throws {
    let flat = try Trial()
    let disks = try ColdDisks("ext4", type)
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
    let right = ColdRoot.run("migrate", [disks.capture], try layout(uuid))
    #expect(right.status == 0, "\(right.error)")
    let wrong = ColdRoot.run("migrate", [disks.capture], try layout("0000" + uuid.dropFirst(4)))
    #expect(wrong.status == 74 && wrong.error.contains("does not have the UUID"), "\(wrong)")
  }

  @Test func aRootOfSomebodyElse() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
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
    let disks = try ColdDisks(megabytes: (200, 40))
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
      let result = ColdRoot.run("migrate", [disks.capture], layout, options)
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
    let result = ColdRoot.execute("migrate", [disks.capture], layout)
    #expect(result.status == 0, "\(result.error)")

    // The way back, to a disk that something else has filled.
    try Shell.must(["sh", "-c", "find \(disks.root) -name '*.ts' | xargs -n 1 fallocate -l 3M"])
    try Shell.must([
      "sh", "-c",
      "fallocate -l $(($(stat -f -c '%a * %S' \(disks.hot.path)) - 5000000)) \(disks.hot.path)/other",
    ])
    let settled = try state(disks.capture)
    for options in [[], ["--execute", "--yes"]] {
      let back = ColdRoot.run("revert", [disks.capture], layout, options)
      #expect(back.status == 74 && back.error.contains("\(disks.capture): no room: at least"), "\(back)")
      #expect(try state(disks.capture) == settled)
    }
    try Shell.must(["rm", disks.hot.path + "/other"])
    #expect(ColdRoot.execute("revert", [disks.capture], layout).status == 0)
  }
}
