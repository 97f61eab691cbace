internal import KernelIO

/// The queue of renames, with the planned move of each.
struct MoveQueue: ~Copyable {
  var renames: RequestQueue
  private var moves: [Planned?]

  init(capacity: Int) {
    renames = RequestQueue(capacity: capacity)
    moves = Array(repeating: nil, count: capacity)
  }

  mutating func append(_ name: Span<UInt8>, _ move: Move, from: Int32, to: Int32) {
    let position = renames.append(name, .rename(from: from, to: to))
    moves[position % renames.capacity] = Planned(move: move, from: from, to: to)
  }

  /// The move at a position that is not retired yet.
  func planned(at position: Int) -> Planned { moves[position % renames.capacity]! }
}
