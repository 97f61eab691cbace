import SystemPackage
import TestKit
import Testing

@testable import Bench

/// Files of figures: what was saved is loaded, and what no benchmark can have measured is refused, whatever its checksum.
@Suite struct BaselineTests {
  private static let machine = BenchMachine(
    kernel: "6.12", processors: 2, processorModel: "a", fileSystem: "ext4", mountOptions: "rw",
    seccompFilter: false)

  private static var results: BenchResults {
    var size = BenchResults.SizeResults(
      files: 1000, loops: BenchResults.BareLoop.allCases.map { .init(loop: $0, seconds: [1, 2, 3]) })
    size.commands = [.init(name: "dry run", loop: .looks, seconds: [1, 2, 3], floorRatios: [1, 1, 1])]
    var results = BenchResults(hotcold: "0.1.0", machine: machine)
    results.sizes = [size]
    return results
  }

  private static func loaded(_ results: BenchResults) throws -> BenchResults? {
    let folder = try Folder()
    let path = FilePath(folder.path + "/baseline.json")
    try Baseline.save(results, to: path)
    do throws(Baseline.Failure) { return try Baseline.load(path) } catch {
      if case .unreadable = error { return nil }
      Issue.record("\(error)")
      return nil
    }
  }

  @Test func whatWasSavedIsLoaded() throws {
    #expect(try Self.loaded(Self.results) == Self.results)
  }

  @Test(arguments: [[], [0], [-1], [1e300], [1e-300], [1, 2], [1, 2, 3, 4]]) func figuresOfNoBenchmark(
    _ figures: [Double]
  )
    throws
  {
    var results = Self.results
    results.sizes[0].commands[0].seconds = figures
    #expect(try Self.loaded(results) == nil)
    guard figures.count < 3 else { return }
    results = Self.results
    results.sizes[0].loops[0].seconds = figures
    #expect(try Self.loaded(results) == nil)
    guard !figures.isEmpty, figures.count < 2 else { return }
    results = Self.results
    results.sizes[0].commands[0].peakResidentBytes = figures
    #expect(try Self.loaded(results) == nil)
  }

  @Test func loopsAndSizesOfNoBenchmark() throws {
    var results = Self.results
    results.sizes[0].loops.removeLast()
    #expect(try Self.loaded(results) == nil)
    results = Self.results
    results.sizes.append(results.sizes[0])
    #expect(try Self.loaded(results) == nil)
    results = Self.results
    results.sizes[0].othersMax = -1
    #expect(try Self.loaded(results) == nil)
    results = Self.results
    results.machine.processors = 0
    #expect(try Self.loaded(results) == nil)
  }

  /// A size that there was no room for, an engine that is not granted any more: nothing of it is the same.
  @Test func whatIsMissingIsNotTheSame() {
    var other = Self.results
    other.sizes = [BenchResults.SizeResults(files: 999, loops: other.sizes[0].loops)]
    #expect(BenchComparison(other, with: Self.results, .init()).verdict == .noisy)
    var less = Self.results
    less.sizes[0].commands = []
    let comparison = BenchComparison(less, with: Self.results, .init())
    #expect(comparison.differences == ["dry run is not measured (was in the baseline)"])
  }
}
