import CTestKit
import Glibc

/// A failed system call in the preparations of a test.
public struct PreparationError: Error, CustomStringConvertible {
  public let description: String

  public init(_ what: String) { description = "\(what): \(String(cString: strerror(errno)))" }
  public init(message: String) { description = message }
}

/// A folder for one test on a real file system. Removed in `deinit`.
public final class Folder: Sendable {
  public let path: String

  /// By default on tmpfs.
  public init(in base: String = "/dev/shm") throws {
    var template = Array("\(base)/hotcold-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw PreparationError("mkdtemp in \(base)") }
    path = String(decoding: template.dropLast().map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    chmod(path, 0o755)
  }

  deinit { _ = Shell.run(["rm", "-rf", "--one-file-system", path]) }

  public func path(_ relative: Bytes) -> Bytes {
    relative.bytes.isEmpty ? Bytes(path) : Bytes(path + "/") + relative
  }

  /// Makes a folder and its parents.
  public func makeFolder(_ relative: Bytes, mode: UInt32 = 0o755) throws {
    if !relative.folder.bytes.isEmpty { try makeFolder(relative.folder) }
    let result = path(relative).withCString { mkdir($0, mode) }
    guard result == 0 || errno == EEXIST else { throw PreparationError("mkdir \(relative)") }
  }

  /// Makes a file. By default its content is its own path, so that no two files are alike.
  public func makeFile(
    _ relative: Bytes, seconds: Int = 1_700_000_000, nanoseconds: Int = 0, contents: [UInt8]? = nil
  ) throws {
    if !relative.folder.bytes.isEmpty { try makeFolder(relative.folder) }
    ctk_begin_writing()
    defer { ctk_end_writing() }
    let file = path(relative).withCString { open($0, O_WRONLY | O_CREAT | O_EXCL, 0o644) }
    guard file >= 0 else { throw PreparationError("create \(relative)") }
    defer { close(file) }
    let contents = contents ?? relative.bytes
    guard write(file, contents, contents.count) == contents.count else { throw PreparationError("write") }
    var times = [
      timespec(tv_sec: seconds, tv_nsec: nanoseconds), timespec(tv_sec: seconds, tv_nsec: nanoseconds),
    ]
    guard futimens(file, &times) == 0 else { throw PreparationError("futimens") }
  }

  /// Writes a file anywhere.
  public static func writeFile(_ path: String, _ text: String) throws {
    ctk_begin_writing()
    defer { ctk_end_writing() }
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0 else { throw PreparationError("create \(path)") }
    defer { close(file) }
    let bytes = Array(text.utf8)
    guard write(file, bytes, bytes.count) == bytes.count else { throw PreparationError("write") }
  }

  /// Makes every file below a folder older by this many seconds; nanoseconds are kept.
  public static func age(_ folder: String, by seconds: Int) throws {
    for (file, entry) in try Snapshot(folder).files {
      let time = timespec(tv_sec: entry.modifiedSeconds - seconds, tv_nsec: entry.modifiedNanoseconds)
      let result = (Bytes(folder + "/") + file).withCString { utimensat(AT_FDCWD, $0, [time, time], 0) }
      guard result == 0 else { throw PreparationError("utimensat \(file)") }
    }
  }

  public func makeLink(_ relative: Bytes, to target: String) throws {
    let result = path(relative).withCString { symlink(target, $0) }
    guard result == 0 else { throw PreparationError("symlink \(relative)") }
  }

  public func makeFIFO(_ relative: Bytes) throws {
    let result = path(relative).withCString { mkfifo($0, 0o644) }
    guard result == 0 else { throw PreparationError("mkfifo \(relative)") }
  }

  public func remove(_ relative: Bytes) throws {
    let result = path(relative).withCString { unlink($0) }
    guard result == 0 else { throw PreparationError("unlink \(relative)") }
  }

  public func exists(_ relative: Bytes) -> Bool {
    var status = stat()
    return path(relative).withCString { lstat($0, &status) } == 0
  }

  /// Makes a live playlist that lists these segments.
  public func makePlaylist(_ relative: Bytes = "output.m3u8", listing names: [Bytes]) throws {
    var text = Array("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n".utf8)
    for name in names { text += Array("#EXTINF:1.000000,\n".utf8) + name.bytes + [0x0a] }
    try makeFile(relative, contents: text)
  }
}
