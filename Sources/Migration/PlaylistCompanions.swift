internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Files that the live playlist lists and that would stay behind if it moved: without them it cannot be played.
public struct PlaylistCompanions: Equatable, Sendable {
  public static let namedMax = 3

  public private(set) var count = 0
  /// The first few, as bytes.
  public private(set) var named: [[UInt8]] = []
  /// Whether one of them has a name that hotcold never moves.
  public private(set) var areOfOtherNames = false
  /// Whether the playlist lists files by a path that would lead elsewhere from another folder.
  public private(set) var areInOtherFolders = false

  public var isEmpty: Bool { count == 0 && !areInOtherFolders }

  /// The companions of the playlist in `source`.
  ///
  /// - Parameters:
  ///   - target: the folder that the playlist would move to (`CaptureTree.dirfd`).
  ///   - haveMoved: whether its segments have moved already, so that those still beside it stay.
  ///   - ignoresInitialization: whether init segments do not count.
  init(
    of source: borrowing Directory, movingTo target: Int32, _ layout: Layout, haveMoved: Bool,
    ignoresInitialization: Bool = false
  ) throws(KernelError) {
    var companions = Self()
    var failure: KernelError?
    func startOver() {
      companions = Self()
      failure = nil
    }
    let reading = try source.read(livePlaylist: layout.stream?.playlist ?? "", startOver: startOver) {
      name, _ in
      do throws(KernelError) {
        try companions.add(name, source, target, layout, haveMoved, ignoresInitialization)
        if let decoded = SegmentURI.decoded(name) {
          try companions.add(decoded.span, source, target, layout, haveMoved, ignoresInitialization)
        }
      } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
    if case .read(_, let parser) = reading { companions.areInOtherFolders = parser.listsOtherFolders }
    self = companions
  }

  /// Without arguments: no companions.
  package init(
    count: Int = 0, named: [[UInt8]] = [], areOfOtherNames: Bool = false, areInOtherFolders: Bool = false
  ) {
    self.count = count
    self.named = named
    self.areOfOtherNames = areOfOtherNames
    self.areInOtherFolders = areInOtherFolders
  }

  private mutating func add(
    _ name: Span<UInt8>, _ source: borrowing Directory, _ target: Int32, _ layout: Layout, _ haveMoved: Bool,
    _ ignoresInitialization: Bool
  ) throws(KernelError) {
    guard FileName.canExist(name) else { return }
    let status: FileStatus
    // A status, not just a lookup: cached names (FUSE) may include a file that has moved.
    do throws(Errno) { status = try Name.status(of: name, in: source.descriptor) } catch {
      guard error != .noSuchFileOrDirectory else { return }
      throw KernelError(.stat, source.path.appending(bytes: Array(copying: name)), error)
    }
    let isInitialization = layout.isInitialization(name)
    if isInitialization, ignoresInitialization { return }
    let isMoved =
      (isInitialization || layout.kind(of: name).map(layout.isSegment) ?? false) && status.type == .regular
    // It moves with the playlist, after the segments.
    if isMoved, !haveMoved || isInitialization, !isTaken(name, source, target) { return }
    if isInitialization, hasSameContents(name, source, target) { return }
    count += 1
    if !isMoved { areOfOtherNames = true }
    if named.count < Self.namedMax { named.append(Array(copying: name)) }
  }

  /// Whether both init segments are the same, as an encoder writes it again when it restarts with the same settings.
  private func hasSameContents(_ name: Span<UInt8>, _ source: borrowing Directory, _ target: Int32) -> Bool {
    let bytesMax = 1 << 20
    guard let own = try? Name.beginning(of: name, in: source.descriptor, bytesMax: bytesMax),
      let other = try? Name.beginning(of: name, in: target, bytesMax: bytesMax)
    else { return false }
    return own == other && own.count < bytesMax
  }

  /// Whether another file has the name in the target. The same file does not count: a killed run by links leaves it under both
  /// names.
  private func isTaken(_ name: Span<UInt8>, _ source: borrowing Directory, _ target: Int32) -> Bool {
    CaptureTree.isOpen(target) && Name.isTaken(name, in: target)
      && !Name.isSameFile(name, source.descriptor, target)
  }
}

/// Decides between two live playlists, one in the flat and one in the hot place.
enum PlaylistSuccession {
  enum Rival {
    case none
    /// Another encoder has taken over, and nobody writes the old playlist any more.
    case successor
    /// Both playlists may be live.
    case current
  }

  /// An encoder rewrites its playlist for every segment, at the latest after one and a half target durations (RFC 8216
  /// section 6.2.1); twice that counts as silence.
  private static let silentTargetDurations: Int64 = 3
  private static let silentSecondsMin: Int64 = 10

  /// The rival in `other` of the playlist in `directory`, which is the folder of `place`.
  static func rival(
    of directory: borrowing Directory, _ place: Place, beside other: Place, in tree: CaptureTree
  ) throws(KernelError) -> Rival {
    guard let playlist = tree.layout.stream?.playlist, other != place else { return .none }
    var rival = Rival.none
    try tree.withPlace(other) { (other) throws(KernelError) in
      // Both names may be one file that a killed run by links left: then there is only one playlist.
      let name = Array(playlist.utf8)
      guard try other.statusIfThere(playlist) != nil,
        !Name.isSameFile(name.span, directory.descriptor, other.descriptor)
      else { return }
      rival = try isOver(directory, by: other, playlist) ? .successor : .current
    }
    return rival
  }

  private static func isOver(
    _ old: borrowing Directory, by new: borrowing Directory, _ playlist: String
  ) throws(KernelError) -> Bool {
    guard case .read(let oldVersion, let oldPlaylist) = try old.read(livePlaylist: playlist, { _, _ in }),
      case .read(let newVersion, let newPlaylist) = try new.read(livePlaylist: playlist, { _, _ in }),
      newPlaylist.hasHeader, newVersion.modified > oldVersion.modified
    else { return false }
    return oldPlaylist.isFinished || isSilent(oldVersion, oldPlaylist)
  }

  private static func isSilent(_ version: LivePlaylistVersion, _ playlist: PlaylistParser) -> Bool {
    let target = Int64(playlist.targetDurationSeconds ?? 0)
    let age = version.modified.age(atSeconds: SystemClock.realtimeNanoseconds / 1_000_000_000)
    return age > max(silentSecondsMin, silentTargetDurations * target)
  }
}
