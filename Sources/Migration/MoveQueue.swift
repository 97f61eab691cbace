internal import CaptureLayout
internal import KernelIO

/// A folder of the layout: a flat or hot place, or an hour folder.
enum Site: Equatable {
  case place(Place)
  case hour(Kind, Int)

  /// What stands before the names of its entries in a path below the capture, such as "segments/7/".
  var prefix: String {
    switch self {
    case .place(let place): place.prefix
    case .hour(let kind, let hour): "\(kind.name)/\(hour)/"
    }
  }
}

/// One planned move of a file.
struct Move {
  let identity: FileIdentity
  let from: Site
  let to: Site

  var kind: Kind { identity.kind }
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
