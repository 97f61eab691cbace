internal import CaptureLayout
internal import KernelIO

/// Where a file is to go: the hot place of its kind or one of its hour folders.
enum Destination: Equatable {
  case hotPlace
  case hour(Int)
}

/// One planned move: what the settling knew about the file, and where it goes.
struct Move {
  let facts: FileFacts
  let destination: Destination
}

/// The queue of renames together with what is known about each file.
struct MoveQueue: ~Copyable {
  var renames: RenameQueue
  private var moves: [Move?]

  init(capacity: Int) {
    renames = RenameQueue(capacity: capacity)
    moves = Array(repeating: nil, count: capacity)
  }

  mutating func append(_ name: Span<UInt8>, _ move: Move, from: Int32, to: Int32) {
    let position = renames.append(name, from: from, to: to)
    moves[position % renames.capacity] = move
  }

  /// The move at a position that was not retired.
  func move(at position: Int) -> Move { moves[position % renames.capacity]! }
}
