public import CaptureLayout

/// A layout file as people write it (docs/LAYOUTS.md): YAML without its surprising features.
///
///     bytes ─▶ checkText ─▶ YAMLEvent.all ─▶ YAMLNode ─▶ LayoutDescription
///              UTF-8        libyaml          a tree      keys and types
///
/// Whether the description is a valid layout is up to `Layout`; `located` finds the place in the file of the mistake that it
/// reports.
public struct LayoutFile: Sendable {
  /// The size limit of a layout file.
  public static let bytesMax = 64 * 1024

  public let layout: LayoutDescription
  let name: String
  let positions: Positions

  /// Where the parts of the layout are in the file.
  struct Positions: Sendable {
    var kinds = FilePosition.start
    var ofWhole: [String: FilePosition] = [:]
    /// For each kind, the positions of its keys, and of its name as "name".
    var ofKinds: [[String: FilePosition]] = []
  }

  /// - Parameters:
  ///   - contents: the YAML text, of at most 64 KiB.
  ///   - name: the path as it is printed; the layout is named after its last component.
  ///   - suggest: picks the known word that a mistyped one most likely stands for; nil if none is close.
  /// - Throws: the first mistake, with its position.
  public static func parse(
    _ contents: [UInt8], name: String, suggest: @escaping (_ word: String, _ known: [String]) -> String?
  ) throws(LayoutFileMistake) -> LayoutFile {
    do throws(Flaw) {
      guard contents.count <= bytesMax else {
        throw Flaw(.start, "a layout file may not be larger than \(bytesMax / 1024) KiB")
      }
      let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
      let text = contents.starts(with: byteOrderMark) ? Array(contents.dropFirst(3)) : contents
      try checkText(text)
      guard let root = try YAMLNode(YAMLEvent.all(text)) else {
        throw Flaw(.start, "there is no layout in this file")
      }
      let reader = LayoutReader(suggest: suggest)
      let (layout, positions) = try reader.read(root, name: layoutName(name))
      return LayoutFile(layout: layout, name: name, positions: positions)
    } catch {
      throw LayoutFileMistake(name: name, position: error.position, reason: error.reason)
    }
  }

  /// A mistake that `Layout` found, with its position in the file.
  public func located(_ mistake: LayoutMistake) -> LayoutFileMistake {
    LayoutFileMistake(name: name, position: position(of: mistake), reason: mistake.reason)
  }

  /// A mistake in a key of the whole file, rather than of a kind.
  public func mistake(at key: String, _ reason: String) -> LayoutFileMistake {
    LayoutFileMistake(name: name, position: positions.ofWhole[key] ?? .start, reason: reason)
  }

  private func position(of mistake: LayoutMistake) -> FilePosition {
    guard let index = mistake.kind, positions.ofKinds.indices.contains(index) else {
      return mistake.key.flatMap { positions.ofWhole[$0] } ?? positions.kinds
    }
    let kind = positions.ofKinds[index]
    return mistake.key.flatMap { kind[$0] } ?? kind["name"] ?? positions.kinds
  }

  /// `garden` of `/etc/hotcold/garden.yaml`.
  private static func layoutName(_ path: String) -> String {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    for ending in [".yaml", ".yml"] where last.hasSuffix(ending) && last.utf8.count > ending.utf8.count {
      return String(last.dropLast(ending.count))
    }
    return last
  }
}

/// What is wrong with a file, and where.
public struct LayoutFileMistake: Error, Equatable, Sendable, CustomStringConvertible {
  public let name: String
  public let position: FilePosition
  /// For the user. Contains no control characters.
  public let reason: String

  public var description: String {
    "\(name), line \(position.line), column \(position.column): \(reason)"
  }
}

/// Line and column, both from 1; the column in characters.
public struct FilePosition: Equatable, Sendable {
  public let line: Int
  public let column: Int

  static let start = FilePosition(line: 1, column: 1)
}

/// A mistake whose file is not yet known.
struct Flaw: Error {
  let position: FilePosition
  let reason: String

  init(_ position: FilePosition, _ reason: String) {
    self.position = position
    self.reason = reason
  }
}
