public import SystemPackage

/// One of the guide's success criteria, with the figures it was judged by.
public struct Criterion: Sendable {
  /// Raw values are the names in JSON.
  public enum Identifier: String, CaseIterable, Sendable {
    case folders, flatPlaces, hotLimits, hours, names, livePlaylist, archives
  }

  public static let examplesMax = 10

  public let identifier: Identifier
  public internal(set) var isMet = true
  public internal(set) var figures: [(name: String, value: Int)] = []
  /// The first few entries that break it, relative to the capture, as bytes.
  public internal(set) var examples: [[UInt8]] = []

  init(_ identifier: Identifier) { self.identifier = identifier }

  mutating func figure(_ name: String, _ value: Int) {
    figures.append((name, value))
  }

  mutating func fail(_ example: @autoclosure () -> [UInt8]) {
    isMet = false
    if examples.count < Self.examplesMax { examples.append(example()) }
  }
}

/// The result of verifying one capture.
public struct VerificationReport: Sendable {
  public let capture: FilePath
  /// The name of the layout.
  public let layout: String
  /// The time zone of the buckets; nil for that of the process.
  public internal(set) var timeZone: String?
  public internal(set) var criteria: [Criterion] = []
  /// For each kind at most one bucket whose files are all of no kind; paths below the capture.
  public internal(set) var bucketsOfNoKind: [String] = []
  /// Folders in the places of the layout that it does not know, and entries beside the buckets: they are not looked into.
  public internal(set) var unrecognised = Unrecognised()
  /// Why the capture could not be verified; nil if it was.
  public internal(set) var error: MigrationError?

  public var isMet: Bool { error == nil && criteria.allSatisfy(\.isMet) }
}
