public import KernelIO
public import Migration
public import SystemPackage

/// Something that went wrong with one capture: a value until `Explanation.of(_:in:command:)` makes it a line.
public enum Issue: Sendable {
  /// The run did not begin, or ended early.
  case stopped(MigrationError)
  case refused(FolderRefusal)
  case notMoved(Problem)
  /// Beyond those that are named.
  case moreNotMoved(Int)
  case notPermitted(owner: String?)
  /// `named`: the first few.
  case namesTaken(Int, named: [Problem], OtherName)
  /// Below the capture.
  case foreignArchive(String)
  case archiveNotWritten(KernelError)
  case moreArchivesNotWritten(Int)
  /// By a reversion.
  case archiveNotRemoved(KernelError)
  case moreArchivesNotRemoved(Int)
  /// A live playlist of which it is not known what it lists.
  case playlistTooLarge(FilePath)
  case twoLivePlaylists(isReversion: Bool)
  case livePlaylistNotMoved(isReversion: Bool)
  /// It stays beside files that it lists and that stay.
  case livePlaylistHeld(PlaylistCompanions, isReversion: Bool)
  /// `isWatched`: whether deletions by others would have been seen.
  case lost(Int, isWatched: Bool)
  case unbalanced
  case notDeleted(Problem)
  case retentionStopped(KernelError)
}

extension Issue {
  /// Whether a file whose name is taken could get another one (`--on-conflict rename`).
  public enum OtherName: Hashable, Sendable {
    case none, possible, tried
  }
}

extension CaptureReport {
  package var issues: [Issue] {
    var issues = error.map { [Issue.stopped($0)] } ?? []
    issues += refusals.map(Issue.refused)
    issues += unreadablePlaylists.map(Issue.playlistTooLarge)
    issues += problems.named.map(Issue.notMoved)
    let more = problems.count - problems.named.count
    if more > 0 { issues.append(.moreNotMoved(more)) }
    if problems.includePermissions { issues.append(.notPermitted(owner: owner)) }
    if total.conflicts > 0 {
      let other: Issue.OtherName = isReversion ? .none : renamesConflicts ? .tried : .possible
      issues.append(.namesTaken(total.conflicts, named: problems.taken, other))
    }
    issues += manifests?.issues(isReversion: isReversion) ?? []
    if livePlaylist == .conflict { issues.append(.twoLivePlaylists(isReversion: isReversion)) }
    if livePlaylist == .failed { issues.append(.livePlaylistNotMoved(isReversion: isReversion)) }
    if livePlaylist == .held { issues.append(.livePlaylistHeld(companions, isReversion: isReversion)) }
    if let comparison, comparison.lost > 0 {
      issues.append(.lost(comparison.lost, isWatched: comparison.watchesDeletions))
    }
    if !isBalanced { issues.append(.unbalanced) }
    return issues
  }
}

extension ManifestReport {
  private static var failuresNamedMax: Int { 3 }

  package func issues(isReversion: Bool) -> [Issue] {
    let more = failures.count - Self.failuresNamedMax
    return foreign.map(Issue.foreignArchive)
      + failures.prefix(Self.failuresNamedMax).map(
        isReversion ? Issue.archiveNotRemoved : Issue.archiveNotWritten)
      + (more > 0 ? [isReversion ? .moreArchivesNotRemoved(more) : .moreArchivesNotWritten(more)] : [])
  }
}

extension RetentionReport {
  package var issues: [Issue] {
    problems.named.map(Issue.notDeleted) + (error.map { [.retentionStopped($0)] } ?? [])
  }
}
