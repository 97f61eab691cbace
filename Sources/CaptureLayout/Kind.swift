/// The four kinds of file that a capture holds.
public enum Kind: UInt8, CaseIterable, Sendable {
  case segments, captures, thumbnails, metadata

  public var name: String {
    switch self {
    case .segments: "segments"
    case .captures: "captures"
    case .thumbnails: "thumbnails"
    case .metadata: "metadata"
    }
  }

  /// Where the old layout keeps the kind.
  public var flatPlace: Place { self == .segments ? .root : .captures }

  /// Where the new layout keeps its newest files, and below it the hour folders.
  public var hotPlace: Place {
    switch self {
    case .segments: .segments
    case .captures: .captures
    case .thumbnails: .thumbnails
    case .metadata: .metadata
    }
  }

  /// How many files stay hot unless the user says otherwise.
  public var defaultHotLimit: Int { self == .segments ? 10 : 100 }
}

/// A folder of the capture in which files of some kind are looked for.
public enum Place: UInt8, CaseIterable, Sendable {
  case root, segments, captures, thumbnails, metadata

  /// The folder's name below the capture, or nil for the capture itself.
  public var folderName: String? {
    switch self {
    case .root: nil
    case .segments: "segments"
    case .captures: "captures"
    case .thumbnails: "thumbnails"
    case .metadata: "metadata"
    }
  }

  /// What stands before the names of its entries in a path below the capture: "captures/", or nothing.
  public var prefix: String { folderName.map { $0 + "/" } ?? "" }

  /// Whether files of this kind are looked for here: in its flat place and in its hot place, nowhere else.
  public func holds(_ kind: Kind) -> Bool { kind.flatPlace == self || kind.hotPlace == self }
}

/// One value for each kind, without a dictionary: it is read for every file.
public struct PerKind<Value> {
  private var values: InlineArray<4, Value>

  public init(_ make: (Kind) -> Value) {
    values = InlineArray { make(Kind(rawValue: UInt8($0))!) }
  }

  public subscript(kind: Kind) -> Value {
    get { values[Int(kind.rawValue)] }
    // In place: a setter would copy an array that is counted in for every file.
    _modify { yield &values[Int(kind.rawValue)] }
  }
}

extension PerKind: Sendable where Value: Sendable {}

/// The hour folders of a hot place are named 0 to 23.
public let hoursOfDay = 0..<24
