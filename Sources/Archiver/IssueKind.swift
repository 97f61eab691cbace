internal import KernelIO
internal import Migration
internal import Reporting

/// What an issue is about, in a few words without numbers: the kinds of messages that `ServiceLog` tells apart. Exhaustive, so
/// that a new issue is never taken for one that was logged.
extension Issue {
  /// Nil for one that only adds to the issue before it.
  var kind: String? {
    switch self {
    case .stopped(let error): error.kind
    case .refused(let refusal): "\(refusal.folder) is refused"
    case .notMoved(let problem):
      switch problem.reason {
      case .nameTaken: "names that are taken"
      case .refused: "files whose folder is refused"
      case .undated: "files whose time has no date"
      case .errno(let errno): "files that cannot be moved (\(errno))"
      }
    case .moreNotMoved, .moreArchivesNotWritten, .moreArchivesNotRemoved: nil
    case .notPermitted: "files that may not be moved"
    case .namesTaken: "names that are taken"
    case .foreignArchive: "foreign playlists"
    case .archiveNotWritten: "playlists that cannot be written"
    case .archiveNotRemoved: "playlists that cannot be removed"
    case .playlistTooLarge: "a live playlist that is too large"
    case .twoLivePlaylists: "two live playlists"
    case .livePlaylistHeld: "the live playlist lists files that stay"
    case .livePlaylistNotMoved: "the live playlist is not moved"
    case .lost: "files that are gone"
    case .unbalanced: "counts that do not add up"
    case .notDeleted: "files that cannot be deleted"
    case .retentionStopped(let error): "retention stopped (\(error.errno))"
    }
  }
}

extension MigrationError {
  fileprivate var kind: String {
    switch self {
    case .missing: "no such folder"
    case .notAFolder: "not a folder"
    case .isRootFolder, .isHome, .insideCapture, .holdsNothingOfACapture: "not a capture"
    case .otherBuckets: "buckets of another layout"
    case .permissionDenied: "permission denied"
    case .busy: "another run holds the capture"
    case .untrustedLink: "a link that is not followed"
    case .mayReplace, .mayNotLink: "a file system that cannot refuse to replace"
    case .stopped(let error, _): "\(error.errno) (\(error.operation.rawValue))"
    }
  }
}
