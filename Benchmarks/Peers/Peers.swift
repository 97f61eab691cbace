import Benchmark
import Support

/// What a user would otherwise write. All of them settle the same tree into the same result, which `hotcold verify`
/// confirms outside the timing, but for the two threads of C: they know of no hot files. Only hotcold writes the playlists of
/// the hours.
let benchmarks: @Sendable () -> Void = {
  let files = Int(Tools.environment["HOTCOLD_BENCH_PEER_FILES"] ?? "") ?? 100_000
  let pair = "two threads of C, no hot files"
  let peers: [(name: String, command: [String])] = [
    ("Python scandir + shutil.move", ["python3", Tools.scripts + "/migrate.py", "shutil"]),
    ("Python os.rename", ["python3", Tools.scripts + "/migrate.py", "rename"]),
    ("find -exec mv -t", ["bash", Tools.scripts + "/migrate.sh"]),
    ("perl rename", ["perl", Tools.scripts + "/migrate.pl"]),
    (pair, [Tools.pair]),
    ("hotcold", [Tools.hotcold, "migrate", "--execute", "--yes", "--quiet"]),
  ]
  for peer in peers {
    Benchmark("Peers.\(peer.name)", configuration: .process([.wallClock], samples: 3)) { benchmark in
      let trial = Trial()
      trial.makeSample(files: files)
      benchmark.startMeasurement()
      let start = ContinuousClock.now
      Tools.must(peer.command + [trial.capture])
      let elapsed = ContinuousClock.now - start
      benchmark.stopMeasurement()
      if peer.name != pair { Tools.must([Tools.hotcold, "verify", "--no-manifests", trial.capture]) }
      Sample(
        suite: "Peers", name: peer.name, files: files, nanoseconds: Int(elapsed / .nanoseconds(1))
      ).record()
    }
  }
}
