import Foundation
import TestKit
import Testing

/// Numbers that any program may set, at the ends of what they can hold: no command traps, and no capture keeps another
/// from its turn.
@Suite struct ExtremeNumberTests {
  static let times = [
    Int.min, .min + 1, .min + 1_000_000, -62_135_596_801, -1, 0, 4_102_444_800, 253_402_300_800, .max - 1,
    .max,
  ]

  /// Files of every kind at each time, in flat places and hour folders.
  private func makeCapture(_ folder: Folder) throws {
    for (number, seconds) in Self.times.enumerated() {
      for path in [
        "segment_\(number).ts", "segments/5/segment_9\(number).ts", "captures/capture_\(number).jpg",
        "captures/capture_\(number)_thumbnail.jpg", "captures/capture_\(number).json",
        "metadata/3/capture_9\(number).json",
      ] { try folder.makeFile(Bytes(path), seconds: seconds) }
    }
    for path in ["/segments/5", "/metadata/3"] {
      try Shell.must(["touch", "-d", "@\(Int.min + 1)", folder.path + path])
    }
  }

  @Test(.requiresMounting, arguments: ["tmpfs", "btrfs"]) func everyCommandSurvivesThem(type: String) throws {
    let fileSystem = try MountedFileSystem(type)
    defer { withExtendedLifetime(fileSystem) {} }
    let folder = try Folder(in: fileSystem.path)
    try makeCapture(folder)
    let extreme = try Snapshot(folder.path).files.values.map(\.modifiedSeconds).min()
    try #require(extreme == .min || extreme == .min + 1, "\(type) cut the times off")
    let before = try Snapshot(folder.path)
    let path = folder.path
    let hot = ["--hot", "segments=1", "--hot", "captures=1", "--hot", "metadata=1"]
    for (arguments, statuses) in [
      (["migrate", path] + hot, [0]), (["migrate", path, "--execute", "--yes"] + hot, [0]),
      (["verify", path] + hot, [0, 1]),
      (["archive", "--once", path, "--retain", "guide", "--max-delete", "1"] + hot, [0, 1]),
      (["archive", "--once", "--dry-run", path, "--retain", "guide"], [0, 1]),
      (["revert", path], [0]), (["revert", path, "--execute", "--yes"], [0]),
    ] as [([String], [Int32])] {
      let result = HotColdBinary.run(arguments)
      #expect(statuses.contains(result.status), "\(arguments): \(result.status) \(result.error)")
      #expect(try Snapshot(path).contents == before.contents, "\(arguments)")
    }
  }

  @Test func theServiceReachesItsOtherCaptures() throws {
    let folder = try Folder()
    try makeCapture(folder)
    // As large as files can be, and more together than 64 bits hold. Nobody is to read them.
    for name in ["1000", "1001", "1002"] {
      try Shell.must(["truncate", "-s", "\(Int.max - 4095)", folder.path + "/segments/5/segment_\(name).ts"])
    }
    let trial = try Trial()
    let result = ArchiverTests.once([folder.path, trial.folder.path, "--retain", "guide"])
    #expect(result.status < 128, "\(result.error)")
    try trial.expectSettled()
  }

  @Test(arguments: ["9223372036854775807", "-9223372036854775808", "1", "0", "abc"])
  func anyWatchdogIntervalStartsTheService(microseconds: String) throws {
    let trial = try Trial()
    let service = try Running(
      [HotColdBinary.path, "archive", trial.folder.path, "--interval", "1s"],
      environment: ["TZ": "UTC", "WATCHDOG_USEC": microseconds, "NOTIFY_SOCKET": "@hotcold-nobody-listens"])
    #expect(ArchiverTests.waitUntil { ArchiverTests.isSettled(trial) })
    sleep(1)
    #expect(service.isRunning)
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
  }
}
