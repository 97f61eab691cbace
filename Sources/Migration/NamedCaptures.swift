public import KernelIO
public import SystemPackage

/// The captures that a user named, each once: on the command line, and in a file with one a line.
///
///     /var/www/html/stream/capture1             a folder
///     /var/www/html/stream/capture1,12345,hd    a folder, a process and a quality: lines as recorders write them
///     /var/www/html/stream/capture*             every folder that the pattern matches, in order of names
///
/// The first that fits counts, so a folder whose name has a comma or a star works as it is. What fits nothing stays in
/// the list as it stands: its run will say why it is no capture.
public struct NamedCaptures: Sendable {
  /// Absolute. The same path twice is one capture; one folder by two paths is dealt with twice, which does no harm, for
  /// inode numbers may not be trusted to tell folders apart (FUSE).
  public private(set) var captures: [FilePath] = []
  /// Lines whose pattern matches no folder.
  public private(set) var unmatched: [[UInt8]] = []

  private var seen: Set<FilePath> = []

  /// `lines`: of a file, a relative one from the working folder on.
  public init(_ named: [FilePath], lines: [[UInt8]] = []) throws(KernelError) {
    for path in named { add(try path.absolute()) }
    for line in lines { try add(line) }
  }

  private mutating func add(_ path: FilePath) {
    if seen.insert(path).inserted { captures.append(path) }
  }

  private mutating func add(_ line: [UInt8]) throws(KernelError) {
    let whole = try FilePath(bytes: line).absolute()
    if Self.isFolder(whole) { return add(whole) }
    let head = Self.beforeComma(line)
    if let head {
      let path = try FilePath(bytes: head).absolute()
      if Self.isFolder(path) { return add(path) }
    }
    guard line.contains(where: "*?[".utf8.contains) else { return add(whole) }
    var matches = try Self.folders(matching: line)
    if matches.isEmpty, let head { matches = try Self.folders(matching: head) }
    if matches.isEmpty { unmatched.append(line) }
    for path in matches { add(path) }
  }

  private static func beforeComma(_ line: [UInt8]) -> [UInt8]? {
    guard let comma = line.firstIndex(of: UInt8(ascii: ",")) else { return nil }
    let blanks = Array(" \t".utf8)
    guard let end = line[..<comma].lastIndex(where: { !blanks.contains($0) }) else { return nil }
    return Array(line[...end])
  }

  private static func folders(matching pattern: [UInt8]) throws(KernelError) -> [FilePath] {
    var folders: [FilePath] = []
    for path in try FilePath.matching(pattern: pattern) where isFolder(path) {
      folders.append(try path.absolute())
    }
    return folders
  }

  /// One that cannot be opened for another reason is named all the same: its run will say why.
  private static func isFolder(_ path: FilePath) -> Bool {
    do throws(KernelError) { _ = try Directory.open(path) } catch {
      return ![.noSuchFileOrDirectory, .notDirectory, .fileNameTooLong, .tooManySymbolicLinkLevels].contains(
        error.errno)
    }
    return true
  }
}
