internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Files that the live playlist lists and that stay behind where it would move to: without them nobody can play it.
public struct PlaylistCompanions: Equatable, Sendable {
  public static let namedMax = 3

  public private(set) var count = 0
  /// The first few, as bytes.
  public private(set) var named: [[UInt8]] = []
  /// Whether one of them has a name that is never moved.
  public private(set) var areOfOtherNames = false
  /// Whether it lists files by a path that would lead elsewhere from another folder.
  public private(set) var areInOtherFolders = false

  public var isEmpty: Bool { count == 0 && !areInOtherFolders }

  /// Of the playlist in `source`, should it move to the folder `target` (`CaptureTree.dirfd`), where it exists. `haveMoved`:
  /// whether its segments have moved already, so that whatever is still beside it stays.
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

  /// Nothing unless it is given: of a playlist that stays, or of none.
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
    // What a file system remembers of names (FUSE) says nothing about a file that has moved.
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

  /// What an encoder that begins anew with the same settings writes.
  private func hasSameContents(_ name: Span<UInt8>, _ source: borrowing Directory, _ target: Int32) -> Bool {
    let bytesMax = 1 << 20
    guard let own = try? Name.beginning(of: name, in: source.descriptor, bytesMax: bytesMax),
      let other = try? Name.beginning(of: name, in: target, bytesMax: bytesMax)
    else { return false }
    return own == other && own.count < bytesMax
  }

  /// By another file: a run by links that was killed leaves one file under both names.
  private func isTaken(_ name: Span<UInt8>, _ source: borrowing Directory, _ target: Int32) -> Bool {
    CaptureTree.isOpen(target) && Name.isTaken(name, in: target)
      && !Name.isSameFile(name, source.descriptor, target)
  }
}

/// A live playlist of which there is another one in the other place.
enum PlaylistSuccession {
  enum Rival {
    case none
    /// Another encoder has taken over, and nobody writes the old one any more.
    case successor
    /// Both may be live.
    case current
  }

  /// An encoder rewrites its playlist for every segment: at the latest after one and a half target durations (RFC 8216
  /// section 6.2.1), so twice that is silence.
  private static let silentTargetDurations: Int64 = 3
  private static let silentSecondsMin: Int64 = 10

  /// Of the playlist in `directory`, which is that place, where it would move to `other`.
  static func rival(
    of directory: borrowing Directory, _ place: Place, beside other: Place, in tree: CaptureTree
  ) throws(KernelError) -> Rival {
    guard let playlist = tree.layout.stream?.playlist, other != place else { return .none }
    var rival = Rival.none
    try tree.withPlace(other) { (other) throws(KernelError) in
      // Both names may be one file, left by a run by links that was killed: then there is but one.
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
