import Bench
import Benchmark
import Support

/// How often each size of the guide is measured.
let samples = [100_000: 5, 300_000: 7, 700_000: 5, 1_400_000: 3]

/// Dry run and execution, each against its floor: the bare loop of getdents64 and statx, or of renameat2. An execution against
/// two threads of C as well, which is the one to beat.
let benchmarks: @Sendable () -> Void = {
  let largest = Int(Tools.environment["HOTCOLD_BENCH_FILES_MAX"] ?? "") ?? 300_000
  let metrics: [BenchmarkMetric] = [.wallClock, .filesPerSecond, .floorRatio, .peakResident, .guideEstimate]

  for size in GuideEstimate.all where size.files <= largest {
    for isDryRun in [true, false] {
      let estimate = isDryRun ? size.dryRunSeconds : size.executeSeconds
      Benchmark(
        "Guide.\(isDryRun ? "dryRun" : "execute").\(size.files)",
        configuration: .process(metrics + (isDryRun ? [] : [.pairRatio]), samples: samples[size.files] ?? 5)
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
