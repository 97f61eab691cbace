internal import CaptureLayout
internal import KernelIO

/// Where a file is to go: the hot place of its kind or one of its hour folders.
enum Destination: Equatable {
  case hotPlace
  case hour(Int)
}

/// A batch of renames together with what the settling knew about each file.
struct MoveBatch: ~Copyable {
  struct Move {
    let facts: FileFacts
    let destination: Destination
  }

  var renames: RenameBatch
  private(set) var moves: [Move] = []

  init(capacity: Int) {
    renames = RenameBatch(capacity: capacity)
    moves.reserveCapacity(capacity)
  }

  var count: Int { moves.count }
  var isEmpty: Bool { moves.isEmpty }

  mutating func append(
    _ name: Span<UInt8>, _ facts: FileFacts, to destination: Destination, from: Int32, to dirfd: Int32
  ) {
    renames.append(name, from: from, to: dirfd)
    moves.append(Move(facts: facts, destination: destination))
  }

  mutating func removeAll() {
    renames.removeAll()
    moves.removeAll(keepingCapacity: true)
  }
}
