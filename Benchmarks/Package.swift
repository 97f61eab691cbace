// swift-tools-version: 6.3

import PackageDescription

/// Warnings are errors where HOTCOLD_WERROR asks for it, as in the package above.
let settings: [SwiftSetting] =
  Context.environment["HOTCOLD_WERROR"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// A benchmark suite: the plugin finds it by its place, a folder of its own below Benchmarks/.
func suite(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: dependencies + ["Support", .product(name: "Benchmark", package: "benchmark")],
    path: name,
    exclude: name == "Peers" ? ["Scripts"] : [],
    swiftSettings: settings,
    plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
}

let package = Package(
  name: "hotcold-benchmarks",
  dependencies: [
    .package(name: "hotcold", path: ".."),
    // Without its traits: what they need is not available everywhere, and Counts counts allocations itself.
    .package(url: "https://github.com/ordo-one/benchmark", exact: "1.38.1", traits: []),
  ],
  targets: [
    .target(name: "AllocationCounter", path: "AllocationCounter"),
    // Fresh trees, the real program, the floor, results.
    .target(
      name: "Support",
      dependencies: [
        .product(name: "Benchmark", package: "benchmark"), .product(name: "HotColdKit", package: "hotcold"),
      ],
      path: "Support", swiftSettings: settings),
    suite("Guide", [.product(name: "HotColdKit", package: "hotcold")]),
    suite("Engines", []),
    suite("Peers", []),
    suite("Parts", ["AllocationCounter", .product(name: "HotColdKit", package: "hotcold")]),
    suite("Counts", ["AllocationCounter", .product(name: "HotColdKit", package: "hotcold")]),
  ]
)
