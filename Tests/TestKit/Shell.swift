import CTestKit
import Glibc

/// Runs programs and waits for them.
public enum Shell {
  public struct Result: Sendable {
    /// The exit status; 128 + signal if a signal ended it, 127 if the program could not be started.
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

  /// Runs a command in the preparations of a test, which must succeed. Returns its output.
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

/// A running program: a child process that writes to unnamed files, which nobody has to read from while it runs, and that
/// inherits none of this process's other descriptors.
public final class Running: @unchecked Sendable {
  public let processIdentifier: pid_t
  private let output: Int32
  private let error: Int32
  /// The writing end of its standard input, if it has one.
  private let input: Int32?
  private var status: Int32?

  public init(
    _ command: [String], environment: [String: String] = [:], in folder: String? = nil, hasInput: Bool = false
  ) throws {
    let output = try Self.temporaryFile()
    let error = try Self.temporaryFile()
    self.output = output
    self.error = error
    var pipe: [Int32] = [-1, -1]
    if hasInput { guard ctk_pipe(&pipe) == 0 else { throw PreparationError("pipe") } }
    input = hasInput ? pipe[1] : nil

    var variables = Self.ownEnvironment
    variables.merge(environment) { $1 }
    var process: pid_t = 0
    let ends = pipe
    let result = Self.withCStrings(command) { arguments in
      Self.withCStrings(variables.map { "\($0)=\($1)" }) { variables in
        ctk_spawn(arguments, variables, folder, ends[0], output, error, &process)
      }
    }
    guard result == 0 else {
      errno = result
      throw PreparationError("start \(command[0])")
    }
    processIdentifier = process
    if hasInput { close(pipe[0]) }
  }

  deinit {
    signal(SIGKILL)
    reap(0)
    for file in [output, error] + (input.map { [$0] } ?? []) { close(file) }
  }

  public var isRunning: Bool {
    reap(WNOHANG)
    return status == nil
  }

  public func signal(_ number: Int32) { if isRunning { kill(processIdentifier, number) } }

  /// Types into its standard input.
  public func type(_ text: String) {
    if let input { _ = Array(text.utf8).withUnsafeBytes { write(input, $0.baseAddress, $0.count) } }
  }

  /// Waits for its end. A program that hangs is killed after ten minutes, so that its test fails: only the service runs for
  /// minutes on purpose.
  public func wait() -> Shell.Result {
    if status == nil, !ctk_ends_within(processIdentifier, 600_000) { signal(SIGKILL) }
    while status == nil { reap(0) }
    return Shell.Result(status: status!, output: Self.contents(output), error: Self.contents(error))
  }

  private func reap(_ options: Int32) {
    var raw: Int32 = 0
    guard status == nil, waitpid(processIdentifier, &raw, options) == processIdentifier else { return }
    let signal = raw & 0x7f
    status = signal == 0 ? raw >> 8 & 0xff : 128 + signal
  }

  // MARK: system calls

  private static func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }

  private static var ownEnvironment: [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      // The tests' own variables must not act as settings of the program, nor `container` change its advice.
      if !parts[0].hasPrefix("HOTCOLD_"), parts[0] != "container" {
        variables[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
      }
      next += 1
    }
    return variables
  }

  private static func temporaryFile() throws -> Int32 {
    let file = ctk_temporary_file()
    guard file >= 0 else { throw PreparationError("temporary file") }
    return file
  }

  private static func contents(_ file: Int32) -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = pread(file, &chunk, chunk.count, off_t(bytes.count))
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }
}
