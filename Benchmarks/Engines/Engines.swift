import Benchmark
import Support

/// Each engine on each file system, interleaved with the floor: one iteration measures them all in turn, so that a
/// busy moment of the machine meets them alike.
let benchmarks: @Sendable () -> Void = {
  let engines = ["auto", "threads", "io_uring", "syscalls"]
  let files = Int(Tools.environment["HOTCOLD_BENCH_ENGINE_FILES"] ?? "") ?? 100_000

  func ratio(_ engine: String) -> BenchmarkMetric {
    .custom("\(engine) / floor (1000 = floor)", useScalingFactor: false)
  }

  for type in ["tmpfs", "ext4", "xfs", "btrfs"] {
    guard type == "tmpfs" || LoopFileSystem.canBeMade(type) else {
      print("SKIPPED: Engines.\(type) (needs root, a loop device and mkfs.\(type))")
      continue
    }
    nonisolated(unsafe) var round = 0
    Benchmark("Engines.\(type)", configuration: .process(engines.map(ratio), samples: 5)) { benchmark in
      let fileSystem = type == "tmpfs" ? nil : LoopFileSystem(type)
      let trial = Trial(in: fileSystem?.path ?? Tools.benchFolder)
      trial.makeSample(files: files)
      let floor = trial.nanoseconds(of: .renames)
      round += 1
      for engine in round.isMultiple(of: 2) ? engines : engines.reversed() {
        trial.makeSample(files: files)
        let run = trial.migrate(["--execute", "--yes", "--engine", engine])
        benchmark.measurement(ratio(engine), 1000 * run.nanoseconds / floor)
        var sample = Sample(suite: "Engines", name: engine, files: files, nanoseconds: run.nanoseconds)
        sample.fileSystem = type
        sample.floorSeconds = Double(floor) / 1e9
        sample.record()
      }
      trial.remove()
      withExtendedLifetime(fileSystem) {}
    }
  }
}
