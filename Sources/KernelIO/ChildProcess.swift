internal import CLiburing
internal import SystemPackage

/// Runs this program as a child process, as its user would run it.
public enum ChildProcess {
  /// What a run returned.
  public struct Result: Sendable {
    /// The exit status; 128 plus the signal if one killed it.
    public let status: Int32
    public let output: [UInt8]
    public let errors: [UInt8]
    /// The time from before it was started until its end was noticed (CLOCK_MONOTONIC).
    public let nanoseconds: Int64
  }

  private static let outputBytesMax = 16 << 20
  private static let signalEveryNanoseconds: Int64 = 100_000_000
  private static let kill: Int32 = 9

  /// Runs the program to its end. A signal that stops this process also stops the child, and so does the end of this process.
  ///
  /// - Parameters:
  ///   - arguments: without the program's own name.
  ///   - environment: its complete environment, as NAME=value.
  ///   - directory: its working folder. Arguments can name what is there by a relative path that is text, whatever the bytes of
  ///     the folder's own path.
  /// - Throws: `childStart` if the kernel grants no process, `childWait`, and errors of the memory files that hold its output.
  public static func run(
    _ arguments: [String], environment: [[UInt8]], in directory: borrowing Directory
  ) throws(KernelError) -> Result {
    let output = try MemoryFile()
    let errors = try MemoryFile()
    let start = SystemClock.monotonicNanoseconds
    let arguments = CStrings((["hotcold"] + arguments).map { Array($0.utf8) })
    let environment = CStrings(environment)
    let child = try KernelError.check(
      unsafe hc_child_start(
        arguments.pointers, environment.pointers, directory.descriptor, output.descriptor, errors.descriptor),
      .childStart, "")
    let status = try wait(for: child)
    let nanoseconds = SystemClock.monotonicNanoseconds - start
    return Result(
      status: status, output: try output.contents(limit: outputBytesMax),
      errors: try errors.contents(limit: outputBytesMax), nanoseconds: nanoseconds)
  }

  private static func wait(for child: Int32) throws(KernelError) -> Int32 {
    var status: Int32 = 0
    var wasTold = false
    while true {
      let ended = unsafe hc_child_wait(child, signalEveryNanoseconds, &status)
      if ended < 0 { hc_child_signal(child, kill) }
      if try KernelError.check(ended, .childWait, "") > 0 { return status }
      guard let signal = StopSignal.pending, !wasTold else { continue }
      hc_child_signal(child, signal)
      wasTold = true
    }
  }

  /// A list as execve(2) expects it: pointers to NUL-terminated bytes, then NULL.
  @safe private struct CStrings: ~Copyable {
    private let memory: UnsafeMutablePointer<CChar>
    let pointers: [UnsafePointer<CChar>?]

    init(_ texts: [[UInt8]]) {
      var bytes: [CChar] = []
      var starts: [Int] = []
      for text in texts {
        starts.append(bytes.count)
        bytes += text.map { CChar(truncatingIfNeeded: $0) } + [0]
      }
      unsafe memory = .allocate(capacity: max(1, bytes.count))
      for (index, byte) in bytes.enumerated() { unsafe (memory + index).initialize(to: byte) }
      let start = unsafe memory
      unsafe pointers = starts.map { unsafe UnsafePointer(start + $0) } + [nil]
    }

    deinit { unsafe memory.deallocate() }
  }

  private struct MemoryFile: ~Copyable {
    let descriptor: Int32

    init() throws(KernelError) { descriptor = try KernelError.check(hc_memory_file(), .create, "") }

    deinit { hc_close(descriptor) }

    func contents(limit: Int) throws(KernelError) -> [UInt8] {
      var contents: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      while contents.count < limit {
        let count = try KernelError.check(
          unsafe hc_read_at(descriptor, &buffer, buffer.count, UInt64(contents.count)), .read, "")
        guard count > 0 else { break }
        contents += buffer[..<Int(count)]
      }
      return contents
    }
  }
}

extension CurrentProcess {
  /// The environment without the variables that begin with `prefix`: NAME=value, as bytes.
  public static func environment(without prefix: String) -> [[UInt8]] {
    var entries: [[UInt8]] = []
    var index: Int32 = 0
    while let entry = unsafe hc_environment_entry(index) {
      let length = unsafe strlen(entry)
      let bytes = (0..<length).map { unsafe UInt8(truncatingIfNeeded: entry[$0]) }
      if !bytes.starts(with: prefix.utf8) { entries.append(bytes) }
      index += 1
    }
    return entries
  }
}
