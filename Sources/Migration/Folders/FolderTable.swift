internal import CaptureLayout
internal import KernelIO

/// The descriptors of a capture's folders, by place and by hour: what planning looks up for every file.
///
/// Small values only; the folders themselves are owned by `CaptureFolders`, which outlives every copy.
struct FolderTable {
  /// No such folder (yet).
  static let absent: Int32 = -1
  /// A folder that may not be used.
  static let refused: Int32 = -2

  static func isOpen(_ dirfd: Int32) -> Bool { dirfd >= 0 }

  /// Whether links may take the place of renames where the file system turns out to have no RENAME_NOREPLACE.
  var allowsLinks = false
  /// Whether a killed run may have left a file with its old and its new name: links are allowed, and the file system is
  /// not known to make them needless.
  var mayHoldBothNames = false
  var places = [Int32](repeating: absent, count: Place.allCases.count)
  var hours = [Int32](repeating: absent, count: Kind.allCases.count * hoursOfDay.count)
  /// Kinds whose hot or flat place may not be used: their files stay where they are.
  var refusedKinds = PerKind { _ in false }
  /// Entries found in each hour folder before the run.
  var hourEntries = [Int](repeating: 0, count: Kind.allCases.count * hoursOfDay.count)

  static func index(_ kind: Kind, _ hour: Int) -> Int {
    Int(kind.rawValue) * hoursOfDay.count + hour
  }

  /// Whether a flat or hot place that was open before is not open here.
  func lacksPlace(of before: FolderTable) -> Bool {
    places.indices.contains { Self.isOpen(before.places[$0]) && !Self.isOpen(places[$0]) }
  }

  func dirfd(of place: Place) -> Int32 { places[Int(place.rawValue)] }

  func dirfd(of site: Site) -> Int32 {
    switch site {
    case .place(let place): dirfd(of: place)
    case .hour(let kind, let hour): hours[Self.index(kind, hour)]
    }
  }

  /// Whether a name could be taken there at all.
  func mayHoldFiles(_ site: Site) -> Bool {
    guard Self.isOpen(dirfd(of: site)) else { return false }
    switch site {
    case .place: return true
    case .hour(let kind, let hour): return hourEntries[Self.index(kind, hour)] > 0
    }
  }

  /// Whether a segment of this name is in the flat or in the hot place, and known to be.
  func isHotSegment(_ name: Span<UInt8>) -> Bool {
    [Kind.segments.flatPlace, Kind.segments.hotPlace].contains {
      Self.isOpen(dirfd(of: $0)) && Name.isThere(name, in: dirfd(of: $0))
    }
  }

  /// The other place in which a file of this kind and name may be, if it exists.
  func otherPlace(of kind: Kind, than site: Site) -> Int32? {
    guard kind.flatPlace != kind.hotPlace else { return nil }
    let other = dirfd(of: site == .place(kind.flatPlace) ? kind.hotPlace : kind.flatPlace)
    return Self.isOpen(other) ? other : nil
  }
}
