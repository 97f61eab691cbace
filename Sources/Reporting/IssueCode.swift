internal import KernelIO
internal import Migration
internal import SystemPackage

extension Issue {
  /// What programs tell issues apart by: `code` in JSON. The values are stable.
  public enum Code: String, CaseIterable, Sendable {
    case noSuchCapture = "no-such-capture"
    case notAFolder = "not-a-folder"
    case notACapture = "not-a-capture"
    case otherLayout = "other-layout"
    case permissionDenied = "permission-denied"
    case captureBusy = "capture-busy"
    case untrustedLink = "untrusted-link"
    case noSafeRename = "no-safe-rename"
    case notMounted = "not-mounted"
    case coldRootUnusable = "cold-root-unusable"
    case copyDiffers = "copy-differs"
    case noSpace = "no-space"
    case quotaExceeded = "quota-exceeded"
    case readOnly = "read-only"
    case ioError = "io-error"
    case callFailed = "call-failed"
    case folderRefused = "folder-refused"
    case notMoved = "not-moved"
    case undated = "undated"
    case nameTaken = "name-taken"
    case foreignPlaylist = "foreign-playlist"
    case playlistNotWritten = "playlist-not-written"
    case initializationNotKept = "initialization-not-kept"
    case playlistNotRemoved = "playlist-not-removed"
    case folderNotRemoved = "folder-not-removed"
    case livePlaylistTooLarge = "live-playlist-too-large"
    case twoLivePlaylists = "two-live-playlists"
    case livePlaylistNotMoved = "live-playlist-not-moved"
    case livePlaylistHeld = "live-playlist-held"
    case filesLost = "files-lost"
    case countsUnbalanced = "counts-unbalanced"
    case notDeleted = "not-deleted"
    case retentionStopped = "retention-stopped"
    case retentionDeclined = "retention-declined"
    case implausibleTimes = "implausible-times"
    case longLivePlaylist = "long-live-playlist"
    case otherNames = "other-names"
    case segmentsDeletedEarly = "segments-deleted-early"
    case littleSpace = "little-space"
    case fewInodes = "few-inodes"
    case usage = "usage"
    case capturesUnreadable = "captures-unreadable"
    case patternUnmatched = "pattern-unmatched"
    case noCaptures = "no-captures"
    case engineUnavailable = "engine-unavailable"
    case metricsNotWritten = "metrics-not-written"
    case notMeasured = "not-measured"
  }

  public var code: Code { entry.code }

  /// The issue in a few words without numbers: the service's log names it when the issue is over, and the metrics count by it.
  /// Nil for an issue that only adds to the one before it.
  package var topic: String? { entry.topic }

  /// The table of all issues. The switch is exhaustive, so that a new cause needs a code.
  private var entry: (code: Code, topic: String?) {
    switch cause {
    case .stopped(let error): Self.entry(error)
    case .refused(let refusal): (.folderRefused, "\(refusal.folder) is refused")
    case .notMoved(let problem):
      switch problem.reason {
      case .nameTaken: (.nameTaken, "names that are taken")
      case .refused: (.folderRefused, "files whose folder is refused")
      case .copyDiffers: (.copyDiffers, "copies that are not on the disk as they were written")
      case .undated: (.undated, "files whose time has no date folder")
      case .errno(let errno): (Self.code(errno) ?? .notMoved, "files that cannot be moved (\(errno))")
      }
    case .moreNotMoved: (.notMoved, nil)
    case .notPermitted: (.permissionDenied, "files that may not be moved")
    case .namesTaken: (.nameTaken, "names that are taken")
    case .foreignArchive: (.foreignPlaylist, "foreign playlists")
    case .archiveNotWritten: (.playlistNotWritten, "playlists that cannot be written")
    case .moreArchivesNotWritten: (.playlistNotWritten, nil)
    case .initializationNotKept: (.initializationNotKept, "init segments that cannot be kept")
    case .archiveNotRemoved: (.playlistNotRemoved, "playlists that cannot be removed")
    case .moreArchivesNotRemoved: (.playlistNotRemoved, nil)
    case .folderNotRemoved: (.folderNotRemoved, "folders that cannot be removed")
    case .moreFoldersNotRemoved: (.folderNotRemoved, nil)
    case .playlistTooLarge: (.livePlaylistTooLarge, "a live playlist that is too large")
    case .twoLivePlaylists: (.twoLivePlaylists, "two live playlists")
    case .livePlaylistNotMoved: (.livePlaylistNotMoved, "the live playlist is not moved")
    case .livePlaylistHeld: (.livePlaylistHeld, "the live playlist lists files that stay")
    case .lost: (.filesLost, "files that are gone")
    case .unbalanced: (.countsUnbalanced, "counts that do not add up")
    case .notDeleted: (.notDeleted, "files that cannot be deleted")
    case .retentionStopped(let error): (.retentionStopped, "retention stopped (\(error.errno))")
    case .retentionDeclined: (.retentionDeclined, "nothing deleted")
    case .implausibleTimes: (.implausibleTimes, "files from the future or the epoch")
    case .longPlaylist: (.longLivePlaylist, "a live playlist that lists very many segments")
    case .bucketOfNoKind(let bucket, _): (.otherNames, "\(bucket) holds only files of no kind")
    case .segmentsDeletedEarly: (.segmentsDeletedEarly, "segments deleted before they are archived")
    case .littleSpace: (.littleSpace, "little free space")
    case .fewInodes: (.fewInodes, "few free inodes")
    case .executionRefused(let error): (Self.entry(error).code, "an execution would be refused")
    case .usage: (.usage, "wrong usage")
    case .capturesUnreadable, .capturesNotText, .capturePathUnusable:
      (.capturesUnreadable, "the list of captures cannot be read")
    case .patternUnmatched(let pattern, _): (.patternUnmatched, "no folder matches \(printable(pattern))")
    case .noCaptures: (.noCaptures, "no captures")
    case .engineUnavailable: (.engineUnavailable, "the engine cannot be used")
    case .metricsNotWritten: (.metricsNotWritten, "the metrics cannot be written")
    case .notMeasured: (.notMeasured, "a benchmark without figures")
    case .failed(let error, _): (Self.code(error.errno) ?? .callFailed, "\(error.errno)")
    }
  }

  private static func entry(_ error: MigrationError) -> (code: Code, topic: String) {
    switch error {
    case .missing: (.noSuchCapture, "no such folder")
    case .notAFolder: (.notAFolder, "not a folder")
    case .isRootFolder, .isHome, .insideCapture, .holdsNothingOfACapture: (.notACapture, "not a capture")
    case .otherBuckets: (.otherLayout, "files in buckets of another layout")
    case .permissionDenied, .tierDenied: (.permissionDenied, "permission denied")
    case .busy: (.captureBusy, "another run holds the capture")
    case .untrustedLink: (.untrustedLink, "a link that is not followed")
    case .mayReplace, .mayNotLink: (.noSafeRename, "a file system that cannot refuse to replace")
    case .notMounted, .tierReplaced, .otherDisk, .unknownDisk, .noColdRoot:
      (.notMounted, "a tier that is not mounted")
    case .noRoom: (.noSpace, "no room for what would be copied")
    case .foreignColdRoot: (.coldRootUnusable, "a cold root of another user")
    case .coldRootInTheWay, .coldRootIsNoFolder, .nameIsNoText:
      (.coldRootUnusable, "a cold root that cannot be used")
    case .stopped(let error, _):
      (code(error.errno) ?? .callFailed, "\(error.errno) (\(error.operation.rawValue))")
    }
  }

  /// The code of the errors that have one of their own, because the errno alone tells what to do.
  private static func code(_ errno: Errno) -> Code? {
    switch errno {
    case .noSpace: .noSpace
    case .diskQuotaExceeded: .quotaExceeded
    case .readOnlyFileSystem: .readOnly
    case .permissionDenied, .notPermitted: .permissionDenied
    case .ioError, Errno(rawValue: 117): .ioError
    default: nil
    }
  }
}
