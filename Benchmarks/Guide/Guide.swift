import Benchmark
import Support

/// The sizes of the users' guide, and what it estimates for them with the script that hotcold replaces.
let guide: [(label: String, files: Int, dryRunSeconds: Int, executeSeconds: Int, samples: Int)] = [
  ("100k", 100_000, 10, 30, 5), ("300k", 300_000, 30, 120, 7), ("700k", 700_000, 60, 300, 5),
  ("1.4M", 1_400_000, 120, 600, 3),
]

/// Dry run and execution, each against its floor: the bare loop of getdents64 and statx, or of renameat2. An execution against
/// two threads of C as well, which is the one to beat.
let benchmarks: @Sendable () -> Void = {
  let largest = Int(Tools.environment["HOTCOLD_BENCH_FILES_MAX"] ?? "") ?? 300_000
  let metrics: [BenchmarkMetric] = [.wallClock, .filesPerSecond, .floorRatio, .peakResident, .guideEstimate]

  for size in guide where size.files <= largest {
    for isDryRun in [true, false] {
      let estimate = isDryRun ? size.dryRunSeconds : size.executeSeconds
      Benchmark(
        "Guide.\(isDryRun ? "dryRun" : "execute").\(size.label)",
        configuration: .process(metrics + (isDryRun ? [] : [.pairRatio]), samples: size.samples)
      ) { benchmark in
        let trial = Trial()
        trial.makeSample(files: size.files)
        let floor = trial.nanoseconds(of: isDryRun ? .looks : .renames)
        var pair: Int?
        if !isDryRun {
          trial.makeSample(files: size.files)
          pair = trial.nanoseconds(of: .pair)
          trial.makeSample(files: size.files)
        }
        benchmark.startMeasurement()
        let run = trial.migrate(isDryRun ? [] : ["--execute", "--yes"])
        benchmark.stopMeasurement()

        benchmark.measurement(.filesPerSecond, Int(Double(size.files) / (Double(run.nanoseconds) / 1e9)))
        benchmark.measurement(.floorRatio, 1000 * run.nanoseconds / floor)
        if let pair { benchmark.measurement(.pairRatio, 1000 * run.nanoseconds / pair) }
        benchmark.measurement(.peakResident, run.report.peakResidentBytes / 1024)
        benchmark.measurement(.guideEstimate, 1000 * estimate)
        var sample = Sample(
          suite: "Guide", name: isDryRun ? "dry run" : "execute", files: size.files,
          nanoseconds: run.nanoseconds)
        sample.floorSeconds = Double(floor) / 1e9
        sample.pairSeconds = pair.map { Double($0) / 1e9 }
        sample.estimateSeconds = Double(estimate)
        sample.peakKiB = run.report.peakResidentBytes / 1024
        sample.record()
      }
    }
  }

  Benchmark("StartUp.version", configuration: .process([.wallClock], samples: 20)) { _ in
    Tools.must([Tools.hotcold, "--version"])
  }

  Benchmark("StartUp.execute.100files", configuration: .process([.wallClock], samples: 20)) { benchmark in
    let trial = Trial()
    trial.makeSample(files: 100)
    benchmark.startMeasurement()
    _ = trial.migrate()
    benchmark.stopMeasurement()
  }
}
