public import CaptureLayout

/// The largest numbers in the file names of a capture. An encoder that starts again from 1 would make names that are taken, so
/// it must continue after these (ffmpeg's `-start_number`).
public struct HighestNumbers: Sendable {
  /// -1 if there is none yet.
  private var highest = PerKind<Int64>(repeating: -1)

  /// The number to continue with, for kinds that are numbered alike; nil if there is none yet.
  public func next(of kinds: [Kind]) -> Int64? {
    let largest = kinds.map { highest[$0] }.max() ?? -1
    return largest < 0 ? nil : largest + 1
  }

  mutating func add(_ number: Int64, _ kind: Kind) { highest[kind] = max(highest[kind], number) }

  mutating func add(_ other: HighestNumbers) {
    highest = PerKind { max(highest[$0], other.highest[$0]) }
  }
}

extension Layout {
  /// Groups of kinds that one encoder writes and numbers alike: the kinds of one flat folder, with segments by themselves.
  public var kindsNumberedAlike: [[Kind]] {
    var groups: [[Kind]] = []
    for kind in kinds {
      let group = groups.firstIndex { group in
        self[group[0]].flat == self[kind].flat && !isSegment(kind) && !isSegment(group[0])
      }
      if let group { groups[group].append(kind) } else { groups.append([kind]) }
    }
    return groups
  }
}
