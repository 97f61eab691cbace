import CFaults
import CaptureLayout
import Foundation
import KernelIO
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// What a service remembers of a capture saves time, and shows in nothing else.
@Suite struct RoundMemoryTests {
  private struct Round: Equatable {
    var tallies: [Tally] = []
    var byBucket: [[Int]] = []
    var unrecognised: [[UInt8]] = []
    var nextNumbers: [Int64?] = []
    var hot: [TierCount] = []
    var cold: [TierCount] = []
    var playlists: [Int] = []

    init(_ settled: CaptureReport, _ kept: MaintenanceReport) {
      for kind in settled.layout.kinds {
        tallies.append(settled.kinds[kind].tally)
        byBucket.append(settled.kinds[kind].byBucket.all.map(\.value))
        nextNumbers.append(settled.numbers.next(of: [kind]))
        hot.append(kept.hot[kind])
        cold.append(kept.cold[kind])
      }
      unrecognised = settled.unrecognised.named.sorted { $0.lexicographicallyPrecedes($1) }
      if let manifests = kept.manifests {
        playlists = [manifests.written, manifests.unchanged, manifests.removed]
      }
    }
  }

  /// A dry round, which leaves everything as it is, and how many windows of folders it read.
  private static func round(
    _ folder: Folder, _ layout: Layout, _ memory: CaptureMemory, zone: String = "UTC"
  ) throws -> (Round, reads: UInt32) {
    let engine = try Engine.choose(.syscalls)
    let path = FilePath(folder.path)
    let hours = HourClock(zone: zone) { _ in zone == "UTC" ? 0 : 9 * 3600 }
    var migration = MigrationOptions(layout: layout, hours: hours, isDryRun: true, writesManifests: false)
    migration.proves = false
    var maintenance = MaintenanceOptions(
      layout: layout, rule: RetentionRule(ageSeconds: PerKind(repeating: nil)), hours: hours)
    maintenance.isDryRun = true
    var faults = hc_faults()
    faults.operation = Int32(HC_OP_GETDENTS.rawValue)
    faults.first = .max
    let round = FaultTrial.withFaults(&faults) { [migration, maintenance] in
      let settled = engine.migrate(path, options: migration, observer: SilentObserver(), memory: memory)
      #expect(settled.error == nil && settled.total.found > 0)
      return Round(settled, engine.keepUp(path, options: maintenance, memory: memory, clock: ClockWatch()))
    }
    return (round, faults.calls)
  }

  /// Longer than a folder's times take to show another change.
  private static func settle() { usleep(2_100_000) }

  @Test(arguments: ["hours", "dates"])
  func aRoundSaysWhatTheFirstOneOfAServiceWould(buckets: String) throws {
    var description = LayoutDescription.guide
    if buckets == "dates" { description.buckets = .dateHour }
    let layout = try Layout(description)
    let folder = try Folder()
    let start = 1_700_000_000
    for number in 0..<60 {
      let seconds = start + number * 1800
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: seconds)
      try folder.makeFile(Bytes("captures/capture_\(number).jpg"), seconds: seconds)
    }
    var options = MigrationOptions(layout: layout, hours: HourClock(zone: "UTC") { _ in 0 }, isDryRun: false)
    options.rule = SettleRule(of: layout)
    for kind in layout.kinds { options.rule.hotLimits[kind] = 3 }
    #expect(
      try Engine.choose(.syscalls).migrate(
        FilePath(folder.path), options: options, observer: SilentObserver()
      ).isClean)
    let bucket = "segments/" + (buckets == "hours" ? "1" : "2023-11-15/01")
    let other = "segments/" + (buckets == "hours" ? "2" : "2023-11-15/02")
    let memory = CaptureMemory()
    func compare(_ what: Comment) throws -> (reads: UInt32, freshReads: UInt32) {
      let known = try Self.round(folder, layout, memory)
      let fresh = try Self.round(folder, layout, CaptureMemory())
      #expect(known.0 == fresh.0, what)
      return (known.reads, fresh.reads)
    }
    Self.settle()
    _ = try compare("the first round")
    let idle = try compare("nothing has changed")
    #expect(idle.reads * 2 < idle.freshReads, "folders were read again: \(idle)")

    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/" + bucket).sorted()
    let segments = names.filter { $0.hasPrefix("segment_") }
    let changes: [(Comment, () throws -> Void)] = [
      ("a file more", { try folder.makeFile(Bytes("\(bucket)/segment_900.ts"), seconds: start + 12_000) }),
      ("a file less", { try folder.remove(Bytes("\(bucket)/\(segments[0])")) }),
      ("a name that is nobody's", { try folder.makeFile(Bytes("\(bucket)/notes.txt")) }),
      (
        "a renamed file, and a folder with its old time",
        {
          let path = folder.path + "/" + bucket
          try Shell.must(["touch", "-r", path, folder.path + "/captures/reference"])
          try Shell.must(["mv", path + "/" + segments[1], path + "/segment_901.ts"])
          try Shell.must(["touch", "-r", folder.path + "/captures/reference", path])
        }
      ),
      (
        "two buckets that have changed places",
        {
          let (one, two) = (folder.path + "/" + bucket, folder.path + "/" + other)
          try Shell.must(["mv", one, folder.path + "/captures/aside"])
          try Shell.must(["mv", two, one])
          try Shell.must(["mv", folder.path + "/captures/aside", two])
        }
      ),
      ("a bucket less", { try Shell.must(["rm", "-r", folder.path + "/" + bucket]) }),
    ]
    for (what, change) in changes {
      try change()
      // At once, when a later change might not show, and when it would.
      _ = try compare(what)
      Self.settle()
      _ = try compare(what)
      let settled = try compare(what)
      #expect(settled.reads * 2 < settled.freshReads, "folders were read again: \(settled)")
    }
  }

  /// What was read within a tick of a change is not taken for what is there when the tick is over.
  @Test func whatIsReadTooSoonIsReadAgain() throws {
    let folder = try Folder()
    for number in 0..<20 { try folder.makeFile(Bytes("segments/\(number)/segment_\(number).ts")) }
    try folder.makeFile("segments/segment_90.ts")
    let memory = CaptureMemory()
    _ = try Self.round(folder, .guide, memory)
    Self.settle()
    let known = try Self.round(folder, .guide, memory)
    let fresh = try Self.round(folder, .guide, CaptureMemory())
    #expect(known.reads == fresh.reads && known.0 == fresh.0)
  }

  /// Nothing is changed by a failure that would tell of it.
  @Test func aPlaylistThatCouldNotBeWrittenIsWrittenInTheNextRound() throws {
    let folder = try Folder()
    for number in 0..<5 {
      try folder.makeFile(Bytes("segments/3/segment_\(number).ts"), seconds: 1_700_000_000 + number)
    }
    try folder.makeFile("segments/segment_9.ts")
    let memory = CaptureMemory()
    let engine = try Engine.choose(.syscalls)
    let options = MaintenanceOptions(
      layout: .guide, rule: RetentionRule(ageSeconds: PerKind(repeating: nil)),
      hours: HourClock(zone: "UTC") { _ in 0 })
    func keepUp(_ faults: inout hc_faults) -> ManifestReport? {
      FaultTrial.withFaults(&faults) {
        let report = engine.keepUp(
          FilePath(folder.path), options: options, memory: memory, clock: ClockWatch())
        #expect(report.error == nil)
        return report.manifests
      }
    }
    Self.settle()
    var faults = hc_faults()
    faults.operation = Int32(HC_OP_CREATE.rawValue)
    faults.first = 1
    faults.forever = true
    faults.error = Errno.noSpace.rawValue
    #expect(keepUp(&faults)?.failures.count == 1 && faults.fired > 0)
    var none = hc_faults()
    #expect(keepUp(&none)?.written == 1)
  }

  /// The same folder, with other kinds or in another zone.
  @Test func anotherLayoutIsNotTakenForTheLast() throws {
    let folder = try Folder()
    for number in 0..<20 {
      try folder.makeFile(
        Bytes("segments/\(number % 5)/segment_\(number).ts"), seconds: 1_700_000_000 + number)
    }
    try folder.makeFile("segments/segment_90.ts")
    var others = LayoutDescription.guide
    others.kinds[0].match = ["segment_1*.ts"]
    let memory = CaptureMemory()
    Self.settle()
    for layout in [.guide, try Layout(others), .guide] {
      for zone in ["UTC", "Asia/Tokyo", "UTC"] {
        let known = try Self.round(folder, layout, memory, zone: zone).0
        #expect(try known == Self.round(folder, layout, CaptureMemory(), zone: zone).0)
      }
    }
  }
}
