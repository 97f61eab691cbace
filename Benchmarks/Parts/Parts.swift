import AllocationCounter
import Benchmark
import CaptureLayout
import KernelIO
import Migration
import Reporting
import Support
import SystemPackage

/// The parts of the pipeline by themselves: nanoseconds and allocations for 1,000 items.
let benchmarks: @Sendable () -> Void = {
  let allocations = BenchmarkMetric.custom("allocations", useScalingFactor: false)
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, allocations], timeUnits: .nanoseconds, warmupIterations: 3, scalingFactor: .kilo,
    maxDuration: .seconds(2), maxIterations: 2000)
  let names = (0..<1000).map { number -> [UInt8] in
    let forms = [
      "segment_\(number).ts", "capture_\(number).jpg", "capture_\(number)_thumbnail.jpg",
      "capture_\(number).json",
    ]
    return Array(forms[number % forms.count].utf8)
  }
  let layout = Layout.guide
  let captures = layout.kind(named: "captures")!
  func facts(_ name: [UInt8], _ number: Int) -> FileFacts {
    FileFacts(
      place: layout[captures].hot, isInHotPlace: true,
      modified: ModificationTime(seconds: 1_700_000_000 + Int64(number) * 7, nanoseconds: 0),
      identity: FileIdentity(name: name.span, kind: captures, inode: UInt64(number)))
  }

  /// Measures `body`, which goes through 1,000 items.
  func part(_ name: String, _ body: @escaping () -> Void) {
    Benchmark(name) { benchmark in
      let before = allocation_count()
      benchmark.startMeasurement()
      body()
      benchmark.stopMeasurement()
      benchmark.measurement(allocations, Int(allocation_count() - before))
    }
  }

  part("Layout.kind") {
    for name in names { blackHole(layout.kind(of: name.span)) }
  }
  part("FileIdentity.init") {
    for name in names { blackHole(FileIdentity(name: name.span, kind: captures, inode: 1)) }
  }
  var clock = HourClock { LocalZone.offset(at: $0) }
  part("HourClock.hour") {
    for number in 0..<1000 {
      blackHole(clock.hour(of: ModificationTime(seconds: 1_700_000_000 + Int64(number) * 7, nanoseconds: 0)))
    }
  }
  let files = names.enumerated().map { (name: $1, facts: facts($1, $0)) }
  Benchmark("HotSet.offer") { benchmark in
    var hotSet = HotSet(limit: 100)
    for file in files { blackHole(hotSet.offer(file.name.span, file.facts)) }
    let before = allocation_count()
    benchmark.startMeasurement()
    for file in files { blackHole(hotSet.offer(file.name.span, file.facts)) }
    benchmark.stopMeasurement()
    benchmark.measurement(allocations, Int(allocation_count() - before))
  }
  var digest = DifferenceDigest()
  part("DifferenceDigest.insert") {
    for file in files { digest.insert(file.facts.identity) }
  }
  let playlist = Array(
    ("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n"
      + (0..<1000).map { "#EXTINF:4.000000,\nsegment_\($0).ts\n" }.joined()).utf8)
  part("PlaylistParser.parse") {
    var parser = PlaylistParser()
    parser.parse(playlist.span) { name, _ in blackHole(name.count) }
  }

  let trial = Trial()
  Tools.must([Tools.hotcold, "sample", trial.capture, "--files", "1500"])
  // 1,000 of them are in captures/.
  let folder = try! Directory.open(FilePath(trial.capture + "/captures"))
  Benchmark("DirectoryStream.nextWindow") { benchmark in
    var stream = try! DirectoryStream(of: folder)
    var count = 0
    let before = allocation_count()
    benchmark.startMeasurement()
    while try! stream.nextWindow({ _ in count += 1 }) {}
    benchmark.stopMeasurement()
    benchmark.measurement(allocations, Int(allocation_count() - before))
    precondition(count == 1000)
  }
  Benchmark("Directory.modification") { benchmark in
    var found: [[UInt8]] = []
    var stream = try! DirectoryStream(of: folder)
    while try! stream.nextWindow({ found.append(Array(copying: $0.name)) }) {}
    let before = allocation_count()
    benchmark.startMeasurement()
    for name in found { blackHole(try! folder.modification(of: name.span)) }
    benchmark.stopMeasurement()
    benchmark.measurement(allocations, Int(allocation_count() - before))
    withExtendedLifetime(trial) {}
  }

  // Rendered once a run, not once a file: the time of one report.
  let engine = try! Engine.choose(.syscalls)
  var run = RunReport(of: [FilePath(trial.capture)])
  let options = MigrationOptions(hours: HourClock { LocalZone.offset(at: $0) })
  run.set(engine.migrate(FilePath(trial.capture), options: options, observer: NoObserver()), at: 0)
  run.finish(engine)
  let report = run
  func whole(_ name: String, _ body: @escaping () -> Void) {
    Benchmark(name, configuration: .init(metrics: [.wallClock, allocations], scalingFactor: .one)) {
      benchmark in
      let before = allocation_count()
      benchmark.startMeasurement()
      body()
      benchmark.stopMeasurement()
      benchmark.measurement(allocations, Int(allocation_count() - before))
    }
  }
  whole("TextReport.render") {
    for capture in report.captures {
      blackHole(TextReport(isColoured: false, command: "migrate").render(capture, of: report))
    }
  }
  whole("JSONReport.render") {
    blackHole(JSONReport.run(report, command: "migrate", exitCode: 0, elapsedNanoseconds: 0))
  }
}

final class NoObserver: MigrationObserver {
  let wantsMoves = false
  func progressed(_ progress: MigrationProgress) {}
  func moved(_ name: Span<UInt8>, from: String, to: String, as newName: Span<UInt8>) {}
}
