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

  /// Of the playlist in `source`, should it move to the folder `target` (`FolderTable`), where it exists. `haveMoved`:
  /// whether its segments have moved already, so that whatever is still beside it stays.
  init(of source: borrowing Directory, movingTo target: Int32, haveMoved: Bool) throws(KernelError) {
    var companions = Self()
    var failure: KernelError?
    func startOver() {
      companions = Self()
      failure = nil
    }
    let reading = try source.readLivePlaylist(startOver: startOver) { name, _ in
      do throws(KernelError) {
        try companions.add(name, source, target, haveMoved)
        if let decoded = SegmentURI.decoded(name) {
          try companions.add(decoded.span, source, target, haveMoved)
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
    _ name: Span<UInt8>, _ source: borrowing Directory, _ target: Int32, _ haveMoved: Bool
  ) throws(KernelError) {
    guard FileName.canExist(name) else { return }
    let status: FileStatus
    // What a file system remembers of names (FUSE) says nothing about a file that has moved.
    do throws(Errno) { status = try Name.status(of: name, in: source.descriptor) } catch {
      guard error != .noSuchFileOrDirectory else { return }
      throw KernelError(.stat, source.path.appending(bytes: Array(copying: name)), error)
    }
    let isSegment = FileName.kind(of: name) == .segments && status.type == .regular
    if isSegment, !haveMoved, !isTaken(name, source, target) { return }
    count += 1
    if !isSegment { areOfOtherNames = true }
    if named.count < Self.namedMax { named.append(Array(copying: name)) }
  }

  /// By another file: a run by links that was killed leaves one file under both names.
  private func isTaken(_ name: Span<UInt8>, _ source: borrowing Directory, _ target: Int32) -> Bool {
    FolderTable.isOpen(target) && Name.isTaken(name, in: target)
      && !Name.isSameFile(name, source.descriptor, target)
  }
}

/// Whether a live playlist, of which there is another one in the other place, has been superseded by that: another encoder
/// has taken over, and nobody writes the old one any more.
struct PlaylistSuccession {
  /// An encoder rewrites its playlist for every segment: at the latest after one and a half target durations (RFC 8216
  /// section 6.2.1), so twice that is silence.
  private static let silentTargetDurations: Int64 = 3
  private static let silentSecondsMin: Int64 = 10

  /// Both names may be one file, left by a run by links that was killed: then there is but one.
  static func isRival(_ left: borrowing Directory, _ right: borrowing Directory) throws(KernelError) -> Bool {
    let name = Array(FileName.livePlaylist.utf8)
    return try right.statusIfThere(FileName.livePlaylist) != nil
      && !Name.isSameFile(name.span, left.descriptor, right.descriptor)
  }

  let isOver: Bool

  init(of old: borrowing Directory, by new: borrowing Directory) throws(KernelError) {
    isOver =
      if case .read(let oldVersion, let oldPlaylist) = try old.readLivePlaylist({ _, _ in }),
        case .read(let newVersion, let newPlaylist) = try new.readLivePlaylist({ _, _ in }),
        newPlaylist.hasHeader, newVersion.modified > oldVersion.modified
      { oldPlaylist.isFinished || Self.isSilent(oldVersion, oldPlaylist) } else { false }
  }

  private static func isSilent(_ version: LivePlaylistVersion, _ playlist: PlaylistParser) -> Bool {
    let target = Int64(playlist.targetDurationSeconds ?? 0)
    let age = version.modified.age(atSeconds: Clock.realtimeNanoseconds / 1_000_000_000)
    return age > max(silentSecondsMin, silentTargetDurations * target)
  }
}
