import Bench
import Foundation
import KernelIO
import SystemPackage

/// A folder of its own for samples, gone with its owner.
public final class Trial {
  public let folder: String
  public var capture: String { folder + "/capture" }

  /// On tmpfs, or in the folder that `HOTCOLD_BENCH_DIR` names.
  public init(in base: String = Tools.benchFolder) {
    folder = base + "/hotcold-bench-\(UUID().uuidString.prefix(8))"
    try! FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { remove() }

  public func remove() { Tools.must(["rm", "-rf", folder]) }

  /// Makes a fresh flat capture.
  public func makeSample(files: Int) {
    Tools.must(["rm", "-rf", capture])
    Tools.must([Tools.hotcold, "sample", capture, "--files", "\(files)"])
  }

  /// What a part of a migration takes by itself.
  public enum Bare {
    /// The renames, everything else done before.
    case renames
    /// getdents64 and statx, on one thread.
    case looks
    /// Looks and renames by two threads of C, and nothing else.
    case pair
  }

  /// Nanoseconds of that over the sample. Renames need a fresh one.
  public func nanoseconds(of bare: Bare) -> Int {
    switch bare {
    case .renames: Int(try! BareCapture(FilePath(capture)).nanosecondsOfRenames(syncs: false))
    case .looks: Int(try! BareCapture(FilePath(capture)).nanosecondsOfLooks())
    case .pair: Int(Tools.must([Tools.pair, capture]).split(whereSeparator: \.isWhitespace)[1])!
    }
  }

  /// Migrates the capture with the real program.
  public func migrate(_ arguments: [String] = ["--execute", "--yes"]) -> Migration {
    let start = ContinuousClock.now
    let output = Tools.must([Tools.hotcold, "migrate", capture, "--format", "json"] + arguments)
    let elapsed = ContinuousClock.now - start
    let report = try! JSONDecoder().decode(Report.self, from: Data(output.utf8))
    return Migration(nanoseconds: Int(elapsed / .nanoseconds(1)), report: report)
  }
}

/// One run of the program, start-up and end included.
public struct Migration {
  public let nanoseconds: Int
  public let report: Report
}

/// The part of the JSON report that is measured.
public struct Report: Decodable {
  public let engine: String
  public let peakResidentBytes: Int
  public let ringRequests: Int
  public let ringSubmissions: Int
}

public enum Tools {
  public static let hotcold = path("HOTCOLD_BINARY")
  public static let pair = path("HOTCOLD_PAIR")
  public static let scripts = path("HOTCOLD_PEERS")
  public static let benchFolder = environment["HOTCOLD_BENCH_DIR"] ?? "/dev/shm"
  public static let environment = ProcessInfo.processInfo.environment

  private static func path(_ variable: String) -> String {
    guard let path = environment[variable] else {
      fatalError("\(variable) is not set: run the benchmarks with make, or see the Makefile")
    }
    return path
  }

  /// Of all programs that were run, on their own account and on others'.
  public static var contextSwitches: Int {
    var usage = rusage()
    getrusage(RUSAGE_CHILDREN.rawValue, &usage)
    return usage.ru_nvcsw + usage.ru_nivcsw
  }

  /// Runs a program to its end and returns its standard output. A benchmark of something that failed is none.
  @discardableResult
  public static func must(_ command: [String]) -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try! process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      fatalError("\(command.joined(separator: " ")) ended with \(process.terminationStatus)")
    }
    return String(decoding: data, as: UTF8.self)
  }
}

/// A file system of its own on a loop device, unmounted with its owner.
public final class LoopFileSystem {
  public let path: String
  private let image: String

  public static func canBeMade(_ type: String) -> Bool {
    getuid() == 0 && FileManager.default.fileExists(atPath: "/usr/sbin/mkfs.\(type)")
  }

  public init(_ type: String) {
    let name = "hotcold-bench-\(type)-\(UUID().uuidString.prefix(8))"
    image = Tools.benchFolder + "/\(name).img"
    path = "/tmp/\(name)"
    Tools.must(["truncate", "-s", "4G", image])
    Tools.must(["/usr/sbin/mkfs.\(type)", "-q", image])
    Tools.must(["mkdir", path])
    Tools.must(["mount", "-o", "loop", image, path])
  }

  deinit {
    Tools.must(["umount", path])
    Tools.must(["rmdir", path])
    Tools.must(["rm", image])
  }
}
