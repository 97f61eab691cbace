/// Compares two multisets of files of any size without holding either.
///
/// An invertible Bloom lookup table (Goodrich and Mitzenmacher, 2011): every file is added to three cells
/// if it is present before and subtracted from them if it is present after, in any order. Files that are
/// present both times cancel out. What remains, if it is not more than about `capacity`, can be read back
/// file by file: which were lost, and which are new.
///
///     before: insert    after: remove    ──▶  all cells empty: nothing is missing, nothing is new
///                                              else decode():    these were lost, those are new
public struct DifferenceDigest: Sendable {
  private struct Cell {
    var count: Int64 = 0
    var nameHash: UInt64 = 0
    var inode: UInt64 = 0
    var check: UInt64 = 0

    var isEmpty: Bool { count == 0 && nameHash == 0 && inode == 0 && check == 0 }
  }

  /// Files that differ, by side.
  public struct Difference: Equatable, Sendable {
    public var onlyBefore: [FileIdentity] = []
    public var onlyAfter: [FileIdentity] = []
  }

  private static let rows = 3
  private static let cellsPerRow = 2048
  /// About how many differing files can be told apart.
  public static let capacity = 4000

  private var cells = [Cell](repeating: Cell(), count: rows * cellsPerRow)

  public init() {}

  /// Counts a file that is present before.
  public mutating func insert(_ file: FileIdentity) { add(file, 1) }
  /// Counts a file that is present after.
  public mutating func remove(_ file: FileIdentity) { add(file, -1) }

  /// Counts all files of another digest, on the same sides.
  public mutating func insert(_ other: DifferenceDigest) { merge(other, 1) }
  /// Counts all files of another digest, on the opposite sides.
  public mutating func remove(_ other: DifferenceDigest) { merge(other, -1) }

  private mutating func merge(_ other: DifferenceDigest, _ sign: Int64) {
    for index in cells.indices {
      let cell = other.cells[index]
      cells[index].count += sign * cell.count
      cells[index].nameHash ^= cell.nameHash
      cells[index].inode ^= cell.inode
      cells[index].check ^= cell.check
    }
  }

  /// The files by which the two sides differ, or nil if there are too many to tell apart.
  public func decode() -> Difference? {
    var rest = self
    var difference = Difference()
    var candidates = Array(rest.cells.indices)
    while let index = candidates.popLast() {
      let cell = rest.cells[index]
      guard abs(cell.count) == 1 else { continue }
      let file = FileIdentity(nameHash: cell.nameHash, inode: cell.inode)
      guard Self.check(file) == cell.check else { continue }
      if cell.count > 0 { difference.onlyBefore.append(file) } else { difference.onlyAfter.append(file) }
      rest.add(file, -cell.count)
      for row in 0..<Self.rows { candidates.append(Self.index(cell.check, row: row)) }
    }
    return rest.cells.allSatisfy(\.isEmpty) ? difference : nil
  }

  private mutating func add(_ file: FileIdentity, _ count: Int64) {
    let check = Self.check(file)
    for row in 0..<Self.rows {
      let index = Self.index(check, row: row)
      // One load and one store: each array access is bounds-checked, and this is done for every file.
      var cell = cells[index]
      cell.count += count
      cell.nameHash ^= file.nameHash
      cell.inode ^= file.inode
      cell.check ^= check
      cells[index] = cell
    }
  }

  private static func check(_ file: FileIdentity) -> UInt64 {
    mixed(mixed(file.nameHash) ^ file.inode)
  }

  /// Each row takes different bits of the check, which depends on both name and inode.
  private static func index(_ check: UInt64, row: Int) -> Int {
    let bits = check >> UInt64(row * 20)
    return row * cellsPerRow + Int(bits % UInt64(cellsPerRow))
  }
}
