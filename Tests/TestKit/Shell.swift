import Foundation

/// Runs programs and waits for them.
public enum Shell {
  public struct Result: Sendable {
    /// 128 + signal where a signal ended it.
    public var status: Int32
    public var output: String
    public var error: String
  }

  @discardableResult
  public static func run(
    _ command: [String], environment: [String: String] = [:], in folder: String? = nil
  ) -> Result {
    do {
      return try Running(command, environment: environment, in: folder).wait()
    } catch {
      return Result(status: 127, output: "", error: "\(error)")
    }
  }

  /// Runs preparations of a test, which must succeed.
  @discardableResult
  public static func must(_ command: [String], in folder: String? = nil) throws -> String {
    let result = run(command, in: folder)
    guard result.status == 0 else {
      throw PreparationError(message: "\(command.joined(separator: " ")): \(result.status) \(result.error)")
    }
    return result.output
  }

  public static func has(_ program: String) -> Bool { run(["which", program]).status == 0 }
}

/// A program that is still running.
public final class Running: @unchecked Sendable {
  private let process = Process()
  private let outputFile: URL
  private let errorFile: URL

  public init(
    _ command: [String], environment: [String: String] = [:], in folder: String? = nil, input: Any? = nil
  ) throws {
    let name = UUID().uuidString
    outputFile = FileManager.default.temporaryDirectory.appendingPathComponent("hotcold-\(name).out")
    errorFile = FileManager.default.temporaryDirectory.appendingPathComponent("hotcold-\(name).err")
    for file in [outputFile, errorFile] {
      guard FileManager.default.createFile(atPath: file.path, contents: nil) else {
        throw PreparationError(message: "cannot make \(file.path)")
      }
    }
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    process.standardInput = input ?? FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: outputFile)
    process.standardError = try FileHandle(forWritingTo: errorFile)
    try process.run()
  }

  public var isRunning: Bool { process.isRunning }
  public var processIdentifier: Int32 { process.processIdentifier }

  public func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  public func wait() -> Shell.Result {
    process.waitUntilExit()
    defer {
      try? FileManager.default.removeItem(at: outputFile)
      try? FileManager.default.removeItem(at: errorFile)
    }
    let status = process.terminationStatus
    return Shell.Result(
      status: process.terminationReason == .uncaughtSignal ? 128 + status : status,
      output: String(decoding: (try? Data(contentsOf: outputFile)) ?? Data(), as: UTF8.self),
      error: String(decoding: (try? Data(contentsOf: errorFile)) ?? Data(), as: UTF8.self))
  }
}
