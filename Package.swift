// swift-tools-version: 6.2

import PackageDescription

/// Every target is held to the same rules: Swift 6 language mode (the tools version's default), imports
/// that stay internal unless a signature needs them, and warnings that fail the build.
let settings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  // Spans that are returned from the value they look into.
  .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
  name: "hotcold",
  products: [
    .executable(name: "hotcold", targets: ["hotcold"]),
    // For Benchmarks/, which is a package of its own.
    .library(name: "HotColdKit", targets: ["CaptureLayout", "KernelIO", "Migration", "Reporting"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    // Without its traits: the settings file is a list of variables, and nothing of JSON is needed.
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // The C shim: the only code that includes liburing. Debian: liburing-dev.
    .target(
      name: "CLiburing",
      path: "CLiburing",
      cSettings: [
        .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
        // Faults on demand, for the tests; a release has none of it.
        .define("HC_FAULTS", .when(configuration: .debug)),
      ],
      linkerSettings: [.linkedLibrary("uring")]
    ),
    // All unsafe code: descriptors, directory streams, statx, the ring.
    .target(
      name: "KernelIO",
      dependencies: [
        "CLiburing",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings + [.strictMemorySafety()]
    ),
    // Pure rules, no I/O: names, kinds, hours, the hot set.
    .target(name: "CaptureLayout", swiftSettings: settings),
    // The pipeline: scan, settle, move, report.
    .target(
      name: "Migration",
      dependencies: [
        "CaptureLayout",
        "KernelIO",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    // What a run says: reports for people and programs, explanations of errors, the exit status.
    .target(
      name: "Reporting",
      dependencies: [
        "CaptureLayout",
        "KernelIO",
        "Migration",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    // The service: its rounds, slices and metrics.
    .target(
      name: "Archiver",
      dependencies: [
        "CaptureLayout",
        "KernelIO",
        "Migration",
        "Reporting",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings
    ),
    // The command line: options, messages and progress.
    .executableTarget(
      name: "hotcold",
      dependencies: [
        "Archiver",
        "CaptureLayout",
        "KernelIO",
        "Migration",
        "Reporting",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    .target(name: "CTestKit", path: "Tests/CTestKit"),
    .target(name: "TestKit", dependencies: ["CTestKit"], path: "Tests/TestKit"),
    .testTarget(name: "CaptureLayoutTests", dependencies: ["CaptureLayout", "TestKit"]),
    .testTarget(
      name: "KernelIOTests",
      dependencies: ["KernelIO", "TestKit", .product(name: "SystemPackage", package: "swift-system")]),
    .testTarget(
      name: "MigrationTests",
      dependencies: [
        "CLiburing", "CaptureLayout", "KernelIO", "Migration", "TestKit",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(name: "ArchiverTests", dependencies: ["Archiver"]),
    // The real program on real file systems.
    .testTarget(name: "EndToEndTests", dependencies: ["hotcold", "TestKit"], exclude: ["Browser"]),
  ]
)
