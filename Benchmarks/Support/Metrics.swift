public import Benchmark
import Foundation

extension BenchmarkMetric {
  public static var filesPerSecond: Self {
    .custom("files/s", polarity: .prefersLarger, useScalingFactor: false)
  }
  /// Time of the whole process against that of the bare loop, measured just before: 1000 is the floor.
  public static var floorRatio: Self { .custom("floor ratio (1000 = floor)", useScalingFactor: false) }
  /// The same against two threads of C that do no more than look and rename.
  public static var pairRatio: Self { .custom("pair ratio (1000 = pair)", useScalingFactor: false) }
  public static var peakResident: Self { .custom("peak resident (KiB)", useScalingFactor: false) }
  /// What the users' guide estimates.
  public static var guideEstimate: Self { .custom("guide's estimate (ms)", useScalingFactor: false) }
}

/// One sample for the tables and the picture: a line of JSON in the file that `HOTCOLD_BENCH_RESULTS` names.
public struct Sample: Encodable {
  public var suite: String
  public var name: String
  public var fileSystem = "tmpfs"
  public var files: Int
  public var seconds: Double
  public var floorSeconds: Double?
  public var pairSeconds: Double?
  public var estimateSeconds: Double?
  public var peakKiB: Int?

  public init(suite: String, name: String, files: Int, nanoseconds: Int) {
    self.suite = suite
    self.name = name
    self.files = files
    seconds = Double(nanoseconds) / 1e9
  }

  public func record() {
    guard let path = Tools.environment["HOTCOLD_BENCH_RESULTS"] else { return }
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let file = FileHandle(forWritingAtPath: path)!
    file.seekToEndOfFile()
    file.write(try! encoder.encode(self) + Data("\n".utf8))
    try! file.close()
  }
}

extension Benchmark.Configuration {
  /// Whole processes: each iteration is one, its tree made outside the timing.
  public static func process(_ metrics: [BenchmarkMetric], samples: Int) -> Self {
    Self(
      metrics: metrics, timeUnits: .milliseconds, warmupIterations: 0, scalingFactor: .one,
      maxDuration: .seconds(7200), maxIterations: samples)
  }
}
