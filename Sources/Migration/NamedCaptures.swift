public import CaptureLayout
public import KernelIO
public import SystemPackage

/// The captures that a user named, each once: on the command line, and in a file with one a line.
///
///     /var/www/html/stream/capture1             a folder
///     /var/www/html/stream/capture1,12345,hd    a folder, a process and a quality: lines as recorders write them
///     /var/www/html/stream/capture*             every folder that the pattern matches, in order of names
///     /srv/garden layout=/etc/hotcold/hd.yaml   any of these, and the layout of its captures
///
/// The first form that matches an existing folder counts, so a folder with a comma or a star in its name works as it is. A line
/// without wildcards that matches nothing stays in the list, without a process and a quality at its end: its recorder may not
/// have been started yet. Its run will say why it is not a capture. A pattern that matches nothing is reported. No pattern
/// matches `lost+found`, which every ext4 file system has at its top, readable by root alone.
public struct NamedCaptures: Sendable {
  /// Absolute paths. The same path twice is one capture. One folder by two paths is processed twice: inode numbers
  /// cannot be trusted to tell folders apart (FUSE).
  public private(set) var captures: [FilePath] = []
  /// The layout, as written, of each capture with a line that names one. A line without a layout, such as a pattern, does not
  /// contradict it.
  public var layouts: [FilePath: ListedLayout] { layoutsNamed.compactMapValues(\.last) }
  /// The first capture whose lines name two layouts.
  public var contradiction: (path: FilePath, layouts: [ListedLayout])? {
    captures.lazy.compactMap { path in
      layoutsNamed[path].flatMap { $0.count > 1 ? (path, $0.sorted { $0.line < $1.line }) : nil }
    }.first
  }
  /// Captures whose layout nobody names, and which are not in the list that names the layouts either.
  public private(set) var unlisted: Set<FilePath> = []
  /// All captures of that list, in its order, and their layouts: those chosen must not get in their way.
  public private(set) var neighbours: [FilePath] = []
  public private(set) var layoutsOfNeighbours: [FilePath: ListedLayout] = [:]
  /// Lines whose pattern matches no folder.
  public private(set) var unmatched: [[UInt8]] = []

  private let list: FilePath?
  private var seen: Set<FilePath> = []
  /// Each layout once.
  private var layoutsNamed: [FilePath: [ListedLayout]] = [:]

  /// - Parameters:
  ///   - lines: of a list; relative paths in it start at the working folder.
  ///   - list: its path, for messages.
  /// - Throws: if a path cannot be made absolute, or a pattern cannot be matched.
  public init(
    _ named: [FilePath], lines: [CapturesFile.Line] = [], of list: FilePath? = nil
  ) throws(KernelError) {
    self.list = list
    for path in named { add(try path.absolute()) }
    for line in lines { try add(line) }
    takeLayouts(layoutsNamed)
  }

  /// These captures, with the layouts that another list names for them. A layout of their own line precedes it.
  public func takingLayouts(of list: NamedCaptures) -> NamedCaptures {
    var captures = self
    (captures.neighbours, captures.layoutsOfNeighbours) = (list.captures, list.layouts)
    let own = Set(layoutsNamed.keys.map(\.resolved))
    captures.takeLayouts(list.layoutsNamed.filter { path, _ in !own.contains(path.resolved) })
    let listed = Set(list.captures.map(\.resolved))
    captures.unlisted = Set(self.captures.filter { layoutsNamed[$0] == nil && !listed.contains($0.resolved) })
    return captures
  }

  /// The captures and their neighbours in the order in which they have a right to a cold root: first those of the list.
  public var withNeighbours: [FilePath] {
    let known = Set(neighbours)
    return neighbours + captures.filter { !known.contains($0) }
  }

  /// A folder has the same layout by each of its paths.
  private mutating func takeLayouts(_ listed: [FilePath: [ListedLayout]]) {
    guard !listed.isEmpty else { return }
    let byFolder = Dictionary(grouping: listed) { $0.key.resolved }.mapValues { paths in
      paths.flatMap(\.value).sorted { $0.line < $1.line }
    }
    for path in captures { for layout in byFolder[path.resolved] ?? [] { add(path, layout) } }
  }

  private mutating func add(_ path: FilePath, _ layout: ListedLayout? = nil) {
    if seen.insert(path).inserted { captures.append(path) }
    guard let layout, layoutsNamed[path]?.contains(where: { $0.name == layout.name }) != true else { return }
    layoutsNamed[path, default: []].append(layout)
  }

  private mutating func add(_ line: CapturesFile.Line) throws(KernelError) {
    let whole = try FilePath(bytes: line.text).absolute()
    if Self.isFolder(whole) { return add(whole) }
    if let (rest, layout) = Self.layout(in: line.text) {
      return try add(rest, ListedLayout(name: layout, line: line.number, list: list))
    }
    try add(line.text, nil)
  }

  /// The text before the last " layout=", and after it; nil if there is none.
  private static func layout(in line: [UInt8]) -> (rest: [UInt8], layout: String)? {
    let key = Array("layout=".utf8)
    let blanks = Array(" \t".utf8)
    for start in line.indices.dropFirst().reversed()
    where blanks.contains(line[start - 1]) && line[start...].starts(with: key) {
      guard let end = line[..<start].lastIndex(where: { !blanks.contains($0) }) else { return nil }
      return (Array(line[...end]), String(decoding: line[(start + key.count)...], as: UTF8.self))
    }
    return nil
  }

  private mutating func add(_ line: [UInt8], _ layout: ListedLayout?) throws(KernelError) {
    let whole = try FilePath(bytes: line).absolute()
    if Self.isFolder(whole) { return add(whole, layout) }
    let heads = Self.heads(of: line)
    for head in heads {
      let path = try FilePath(bytes: head).absolute()
      if Self.isFolder(path) { return add(path, layout) }
    }
    // The folder of `folder,PID,quality`.
    let folder = heads.dropFirst().first ?? heads.first ?? line
    guard line.contains(where: "*?[".utf8.contains) else {
      return add(try FilePath(bytes: folder).absolute(), layout)
    }
    var matches = try Self.folders(matching: line)
    if matches.isEmpty, folder != line { matches = try Self.folders(matching: folder) }
    if matches.isEmpty { unmatched.append(line) }
    for path in matches { add(path, layout) }
  }

  /// The text before each comma, the longest first, without trailing blanks. What follows must look like a process and a quality:
  /// a layout that was mistyped or cut must not be overlooked.
  private static func heads(of line: [UInt8]) -> [[UInt8]] {
    let blanks = Array(" \t".utf8)
    // Blanks may be around a comma, but not within a field.
    let isField = { (index: Int) -> Bool in
      guard blanks.contains(line[index]) else { return isOfRecorder(line[index]) }
      let isComma = { (index: Int?) in index.map { line[$0] == UInt8(ascii: ",") } ?? false }
      return isComma(line[..<index].lastIndex { !blanks.contains($0) })
        || isComma(line[index...].firstIndex { !blanks.contains($0) })
    }
    let end = line.indices.last { !isField($0) }.map { $0 + 1 } ?? 0
    return line.indices.reversed().filter { $0 >= end && line[$0] == UInt8(ascii: ",") }.compactMap { comma in
      line[..<comma].lastIndex { !blanks.contains($0) }.map { Array(line[...$0]) }
    }
  }

  /// Whether a byte may be part of what a recorder writes after the folder.
  private static func isOfRecorder(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: ",._-".utf8.contains(byte)
    }
  }

  private static func folders(matching pattern: [UInt8]) throws(KernelError) -> [FilePath] {
    var folders: [FilePath] = []
    for path in try FilePath.matching(pattern: pattern)
    where path.lastComponent?.string != "lost+found" && isFolder(path) {
      folders.append(try path.absolute())
    }
    return folders
  }

  /// Also true for a folder that cannot be opened, as for lack of permission: its run will say why.
  private static func isFolder(_ path: FilePath) -> Bool {
    do throws(KernelError) { _ = try Directory.open(path) } catch {
      return ![.noSuchFileOrDirectory, .notDirectory, .fileNameTooLong, .tooManySymbolicLinkLevels].contains(
        error.errno)
    }
    return true
  }
}

/// A layout as a line of a list names it.
public struct ListedLayout: Equatable, Sendable {
  public let name: String
  /// The number of the line, counted from 1.
  public let line: Int
  public let list: FilePath?
}
