// swift-tools-version: 6.3

import PackageDescription

/// Every target is held to the same rules: Swift 6 language mode (the tools version's default), and imports
/// that stay internal unless a signature needs them.
let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  // Spans that are returned from the value they look into.
  .enableExperimentalFeature("Lifetimes"),
]

/// The calls that tests can make fail (Tests/CFaults).
let wrapped = [
  "hc_rename_noreplace", "hc_rename_replacing", "hc_link", "hc_unlink", "hc_rmdir", "hc_mkdirat",
  "hc_statx", "hc_statx_uncached", "hc_statx_mtime", "hc_statfs", "hc_getdents64",
  "hc_open_folder", "hc_open_file", "hc_syncfs", "hc_fsync", "hc_read", "hc_create_file",
  "hc_write", "hc_close_written", "hc_fchown", "hc_fchmod", "hc_ring_prepare_rename", "hc_ring_prepare_mkdir",
  "hc_ring_prepare_unlink", "io_uring_submit_and_get_events", "hc_ring_wait", "hc_ring_reap",
  "hc_thread_start", "hc_open_unnamed", "hc_create_copy", "hc_link_unnamed", "hc_hole_length", "hc_read_at",
  "hc_write_at", "hc_sleep_us",
  "hc_set_size", "hc_compare_data", "hc_copy_xattrs", "hc_set_times", "hc_lease_read",
]

let package = Package(
  name: "hotcold",
  products: [
    .executable(name: "hotcold", targets: ["hotcold"]),
    // For Benchmarks/, which is a package of its own.
    .library(name: "HotColdKit", targets: ["Bench", "CaptureLayout", "KernelIO", "Migration", "Reporting"]),
  ],
  // Exact, for Package.resolved is not kept: the versions that the tests ran with are those that everybody builds.
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
  ],
  targets: [
    // The C shim: the only code that includes liburing. Debian: liburing-dev.
    .target(
      name: "CLiburing",
      path: "CLiburing",
      cSettings: [
        .enableWarning("all"), .enableWarning("extra"),
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
    // Layouts as files: YAML, by libyaml. Debian: libyaml-dev.
    .systemLibrary(name: "CLibYAML", path: "CLibYAML"),
    .target(
      name: "LayoutFiles", dependencies: ["CLibYAML", "CaptureLayout"],
      swiftSettings: settings + [.strictMemorySafety()]),
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
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    // The benchmark: bare loops and whole runs in turn, and how they compare with earlier ones.
    .target(
      name: "Bench",
      dependencies: [
        "CaptureLayout",
        "KernelIO",
        "Migration",
        "Reporting",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    // The command line: options, messages and progress.
    .executableTarget(
      name: "hotcold",
      dependencies: [
        "Archiver",
        "Bench",
        "CaptureLayout",
        "KernelIO",
        "LayoutFiles",
        "Migration",
        "Reporting",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    .target(name: "CTestKit", path: "Tests/CTestKit"),
    // Faults on demand, in the tests' binary alone: the linker puts them between the program and its shim.
    .target(
      name: "CFaults",
      dependencies: ["CLiburing"],
      path: "Tests/CFaults",
      cSettings: [.enableWarning("all"), .enableWarning("extra")],
      linkerSettings: [.unsafeFlags(wrapped.flatMap { ["-Xlinker", "--wrap=\($0)"] })]
    ),
    .target(name: "TestKit", dependencies: ["CTestKit"], path: "Tests/TestKit"),
    .testTarget(name: "CaptureLayoutTests", dependencies: ["CaptureLayout", "TestKit"]),
    .testTarget(
      name: "LayoutFilesTests", dependencies: ["CaptureLayout", "LayoutFiles", "Reporting", "TestKit"]),
    .testTarget(
      name: "KernelIOTests",
      dependencies: [
        "CFaults", "KernelIO", "TestKit", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(
      name: "MigrationTests",
      dependencies: [
        "CFaults", "CaptureLayout", "KernelIO", "Migration", "TestKit",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(
      name: "ArchiverTests",
      dependencies: [
        "Archiver", "TestKit", .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(
      name: "BenchTests",
      dependencies: ["Bench", "TestKit", .product(name: "SystemPackage", package: "swift-system")]),
    .testTarget(
      name: "ReportingTests",
      dependencies: [
        "CaptureLayout", "KernelIO", "Migration", "Reporting",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    // The real program on real file systems.
    .testTarget(
      name: "EndToEndTests", dependencies: ["hotcold", "Reporting", "TestKit"],
      exclude: ["Browser", "Golden", "Schema", "Shells"]),
  ]
)

// Optimised in debug builds as well, for tests compare millions of files with these. A debugger sees few of their variables.
for target in package.targets
where ["CaptureLayout", "KernelIO", "Migration", "TestKit"].contains(target.name) {
  target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-O"], .when(configuration: .debug))]
}

// Warnings are errors where HOTCOLD_WERROR asks for it (`make test`, CI), in every target. Elsewhere the new warnings
// of a newer compiler must not break the build.
if Context.environment["HOTCOLD_WERROR"] != nil {
  for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
    target.cSettings = (target.cSettings ?? []) + [.treatAllWarnings(as: .error)]
  }
}

// Only for `make docs`: nobody else has to fetch it.
if Context.environment["HOTCOLD_DOCS"] != nil {
  package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", exact: "1.5.0"))
}
