internal import CLiburing
public import SystemPackage

/// The standard streams of this process.
public enum StandardStream: Int32, Sendable {
  case input = 0
  case output = 1
  case error = 2

  public var isTerminal: Bool { hc_is_terminal(rawValue) }
  /// The width of the terminal in columns; nil if unknown.
  public var columns: Int? {
    let columns = hc_terminal_columns(rawValue)
    return columns == 0 ? nil : Int(columns)
  }

  /// Whether what is written here goes to the journal (systemd.exec(5), JOURNAL_STREAM).
  public var isJournal: Bool {
    var status = hc_stat()
    guard let stream = CurrentProcess.environment("JOURNAL_STREAM"),
      unsafe hc_statx(rawValue, "", &status) == 0
    else { return false }
    return stream == "\(status.device):\(status.inode)"
  }

  /// From now on writing fails with `EPIPE` or `EFBIG` where SIGPIPE or SIGXFSZ would kill the process: when the reader is
  /// gone, or the file size limit is reached. `StopSignal.install` includes this.
  public static func failWithoutSignal() { hc_signals_ignore_output() }

  /// Writes all of the text.
  public func write(_ text: String) throws(KernelError) {
    try writeAll(Array(text.utf8).span, to: rawValue) { "" }
  }

  /// Makes the file system report now the errors that it would report when this stream is closed, at the end of the process,
  /// where nobody would see them: for instance that there was no room for what was written (NFS). The stream stays open.
  public func flush() throws(KernelError) {
    let another = hc_dup(rawValue)
    // Without a spare descriptor, errors cannot be found out.
    if another >= 0 { try KernelError.check(hc_close_written(another), .close, "") }
  }

  /// Reads one line, without its newline; nil at the end of input.
  public func readLine() throws(KernelError) -> [UInt8]? {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = unsafe hc_read(rawValue, &byte, 1)
      try KernelError.check(count, .read, "")
      if count == 0 { return line.isEmpty ? nil : line }
      if byte == UInt8(ascii: "\n") { return line }
      line.append(byte)
    }
  }
}

/// Reads the whole of a regular file that the user named, following links.
///
/// - Parameters:
///   - path: absolute, or from the working folder on.
///   - limit: the largest size in bytes.
///   - orStream: whether a pipe or a terminal may be read to its end instead.
/// - Throws: `EFBIG` above `limit` bytes, `EISDIR` for a folder, `EINVAL` for anything else that is not a regular file.
public func readFile(
  at path: FilePath, limit: Int, orStream: Bool = false
) throws(KernelError) -> [UInt8] {
  let file = try KernelError.check(
    unsafe path.withPlatformString { unsafe hc_open_input($0, orStream) }, .open, path)
  defer { hc_close(file) }
  return try readAll(from: file, limit: limit) { path }
}

func readAll(
  from file: Int32, limit: Int, _ path: () -> FilePath
) throws(KernelError) -> [UInt8] {
  var contents: [UInt8] = []
  try readChunks(from: file, limit: limit, path) { chunk in
    for index in chunk.indices { contents.append(chunk[index]) }
  }
  return contents
}

/// Passes the bytes of a file to `body` in chunks, so that they are never held as a whole.
func readChunks(
  from file: Int32, limit: Int, _ path: () -> FilePath, _ body: (Span<UInt8>) -> Void
) throws(KernelError) {
  let chunkBytes = 64 << 10
  var total = 0
  var chunk = [UInt8](repeating: 0, count: chunkBytes)
  while true {
    let count = unsafe hc_read(file, &chunk, chunkBytes)
    if count < 0, Errno(shim: count) == .interrupted { continue }
    try KernelError.check(count, .read, path())
    if count == 0 { return }
    total += Int(count)
    guard total <= limit else { throw KernelError(.read, path(), .fileTooLarge) }
    body(chunk.span.extracting(..<Int(count)))
  }
}

func writeAll(
  _ bytes: Span<UInt8>, to file: Int32, _ path: () -> FilePath
) throws(KernelError) {
  var written = 0
  while written < bytes.count {
    let count = unsafe bytes.extracting(written...).withUnsafeBufferPointer {
      unsafe hc_write(file, $0.baseAddress, $0.count)
    }
    if count < 0, Errno(shim: count) == .interrupted { continue }
    written += Int(try KernelError.check(count, .write, path()))
  }
}
