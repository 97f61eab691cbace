internal import CaptureLayout
public import KernelIO
public import Migration
public import SystemPackage

/// Something that went wrong. It stays a value from where it happens to where it is printed: as text (`Explanation`), as JSON
/// (`JSONReport.Message`), as a line of a log, or as an exit status. Thrown where a command cannot do its work.
public struct Issue: Error {
  public enum Severity: Sendable { case warning, error }

  public let cause: Cause
  /// The capture that the issue concerns, if any.
  public let capture: FilePath?

  public init(_ cause: Cause, in capture: FilePath? = nil) {
    self.cause = cause
    self.capture = capture
  }

  public enum Cause: Sendable {
    // MARK: a run over one capture

    /// The run did not begin, or ended early.
    case stopped(MigrationError)
    case refused(FolderRefusal)
    case notMoved(Problem)
    /// How many there are beyond those that are named.
    case moreNotMoved(Int)
    case notPermitted(owner: String?)
    /// How many. `named`: the first few. `rerun`: as in `MigrationOptions`.
    case namesTaken(Int, named: [Problem], OtherName, rerun: String?)
    /// The path of the layout: relative to the capture, or absolute in a cold root.
    case foreignArchive(String)
    case archiveNotWritten(KernelError)
    case initializationNotKept(KernelError)
    case moreArchivesNotWritten(Int)
    /// In a reversion.
    case archiveNotRemoved(KernelError)
    case moreArchivesNotRemoved(Int)
    /// A folder that the target layout does not use.
    case folderNotRemoved(KernelError)
    case moreFoldersNotRemoved(Int)
    /// A live playlist too large to read, so what it lists is unknown.
    case playlistTooLarge(FilePath)
    case twoLivePlaylists(PlaylistWay)
    case livePlaylistNotMoved(PlaylistWay)
    /// The live playlist stays because files that it lists stay.
    case livePlaylistHeld(PlaylistCompanions, PlaylistWay)
    /// How many files. `isWatched`: whether deletions by other processes were watched.
    case lost(Int, isWatched: Bool)
    case unbalanced

    // MARK: a round of the service over one capture

    case notDeleted(Problem)
    case retentionStopped(KernelError)
    /// `confirmation`: the command that deletes nevertheless, without the capture, which is appended.
    case retentionDeclined(RetentionReport.Refusal, confirmation: String)
    /// How many files with times in the future or at the epoch were kept.
    case implausibleTimes(Int)
    /// How many segments the live playlist lists.
    case longPlaylist(Int)
    /// The path of the bucket, as of `foreignArchive`, and the name of the layout.
    case bucketOfNoKind(String, layout: String)
    case segmentsDeletedEarly(Int)
    case littleSpace(freeBytes: UInt64, bytes: UInt64)
    case fewInodes(free: UInt64, all: UInt64)

    /// In a dry run: why an execution would be refused.
    case executionRefused(MigrationError)

    // MARK: not about a capture

    /// The command line or a setting is wrong.
    case usage(String, remedy: String = "")
    case capturesUnreadable(KernelError)
    case capturesNotText(FilePath, line: Int)
    case capturePathUnusable(KernelError)
    /// A pattern of a list that matches no folder, and the list.
    case patternUnmatched([UInt8], in: FilePath?)
    /// `list`: the list of captures, if there is one.
    case noCaptures(list: FilePath)
    case engineUnavailable(KernelError)
    case metricsNotWritten(KernelError)
    /// A benchmark has no figures.
    case notMeasured(String, remedy: String)
    /// A command could not do its work.
    case failed(KernelError, remedy: String)
  }

  /// Whether a file whose name is taken can still get another name (`--on-conflict rename`), or that failed.
  public enum OtherName: Hashable, Sendable {
    case possible, tried
  }
}

extension Issue {
  public var severity: Severity {
    switch cause {
    case .retentionDeclined, .implausibleTimes, .longPlaylist, .bucketOfNoKind, .segmentsDeletedEarly,
      .littleSpace,
      .fewInodes, .executionRefused,
      .patternUnmatched, .noCaptures:
      .warning
    default: .error
    }
  }

  /// The system call that failed, if one did.
  package var kernelError: KernelError? {
    switch cause {
    case .stopped(.permissionDenied(let error, _)), .stopped(.tierDenied(let error, _)),
      .stopped(.stopped(let error, _)),
      .archiveNotWritten(let error), .initializationNotKept(let error),
      .archiveNotRemoved(let error), .folderNotRemoved(let error), .retentionStopped(let error),
      .capturesUnreadable(let error),
      .capturePathUnusable(let error), .engineUnavailable(let error), .metricsNotWritten(let error),
      .failed(let error, _):
      error
    case .refused(let refusal):
      if case .denied(let error) = refusal.reason { error } else { nil }
    default: nil
    }
  }

  package var errno: Errno? {
    switch cause {
    case .notMoved(let problem), .notDeleted(let problem):
      if case .errno(let errno) = problem.reason { errno } else { nil }
    default: kernelError?.errno
    }
  }

  package var operation: KernelError.Operation? {
    switch cause {
    case .notMoved where errno != nil: .rename
    case .notDeleted where errno != nil: .remove
    default: kernelError?.operation
    }
  }

  /// The absolute path of the file or folder that the issue concerns, else of the capture.
  package var path: FilePath? {
    switch cause {
    case .refused(let refusal): capture?.reaching(refusal.folder)
    case .notMoved(let problem), .notDeleted(let problem): capture?.reaching(bytes: problem.from)
    case .foreignArchive(let file), .bucketOfNoKind(let file, _): capture?.reaching(file)
    case .playlistTooLarge(let path), .capturesNotText(let path, _): path
    case .twoLivePlaylists(let way), .livePlaylistNotMoved(let way), .livePlaylistHeld(_, let way):
      capture?.reaching(way.from + way.playlist)
    case .patternUnmatched(_, let list): list
    case .noCaptures(let list): list
    default: kernelError.flatMap { $0.path.isEmpty ? nil : $0.path } ?? capture
    }
  }
}

extension CaptureReport {
  package var issues: [Issue] { causes.map { Issue($0, in: capture) } }

  private var causes: [Issue.Cause] {
    var causes = error.map { [Issue.Cause.stopped($0)] } ?? []
    causes += refusals.map(Issue.Cause.refused)
    causes += unreadablePlaylists.map(Issue.Cause.playlistTooLarge)
    causes += problems.named.map(Issue.Cause.notMoved)
    let more = problems.count - problems.named.count
    if more > 0 { causes.append(.moreNotMoved(more)) }
    if problems.includePermissions { causes.append(.notPermitted(owner: owner)) }
    if total.conflicts > 0 {
      let other: Issue.OtherName = renamesConflicts ? .tried : .possible
      causes.append(.namesTaken(total.conflicts, named: problems.taken, other, rerun: rerun))
    }
    causes += manifests?.causes(isReversion: isReversion) ?? []
    let foldersNamedMax = 3
    causes += cleanUpFailures.prefix(foldersNamedMax).map(Issue.Cause.folderNotRemoved)
    if cleanUpFailures.count > foldersNamedMax {
      causes.append(.moreFoldersNotRemoved(cleanUpFailures.count - foldersNamedMax))
    }
    if let way = playlistWay {
      switch livePlaylist {
      case .conflict: causes.append(.twoLivePlaylists(way))
      case .failed: causes.append(.livePlaylistNotMoved(way))
      case .held: causes.append(.livePlaylistHeld(companions, way))
      case .absent, .moved, .inPlace, .superseded, .kept, .pending: break
      }
    }
    if let comparison, comparison.lost > 0 {
      causes.append(.lost(comparison.lost, isWatched: comparison.watchesDeletions))
    }
    if !isBalanced { causes.append(.unbalanced) }
    return causes
  }
}

extension CaptureReport {
  /// What is worth knowing but is no error.
  package var warnings: [Issue] {
    let isLong = listedSegments > Explanation.listedSegmentsMax
    return (executionRefusal.map { [Issue(.executionRefused($0), in: capture)] } ?? [])
      + (isLong ? [Issue(.longPlaylist(listedSegments), in: capture)] : [])
      + bucketsOfNoKind.map { Issue(.bucketOfNoKind($0, layout: layout.name), in: capture) }
  }
}

extension ManifestReport {
  private static var failuresNamedMax: Int { 3 }

  fileprivate func causes(isReversion: Bool) -> [Issue.Cause] {
    let more = failures.count - Self.failuresNamedMax
    return foreign.map(Issue.Cause.foreignArchive)
      + failures.prefix(Self.failuresNamedMax).map(
        isReversion ? Issue.Cause.archiveNotRemoved : Issue.Cause.archiveNotWritten)
      + (more > 0 ? [isReversion ? .moreArchivesNotRemoved(more) : .moreArchivesNotWritten(more)] : [])
      + initializationFailures.map(Issue.Cause.initializationNotKept)
  }
}

extension VerificationReport {
  package var issues: [Issue] { error.map { [Issue(.stopped($0), in: capture)] } ?? [] }
  package var warnings: [Issue] {
    bucketsOfNoKind.map { Issue(.bucketOfNoKind($0, layout: layout), in: capture) }
  }
}

extension MaintenanceReport {
  /// - Parameter confirmation: as in `retentionDeclined`.
  package func issues(in capture: FilePath, confirmation: String) -> [Issue] {
    var causes = error.map { [Issue.Cause.stopped($0)] } ?? []
    if deletedSegments > 0 { causes.append(.segmentsDeletedEarly(deletedSegments)) }
    causes += manifests?.causes(isReversion: false) ?? []
    if let retention {
      causes += retention.refusals.map { .retentionDeclined($0, confirmation: confirmation) }
      let implausible = retention.implausible.sum
      if implausible > 0 { causes.append(.implausibleTimes(implausible)) }
      causes += retention.problems.named.map(Issue.Cause.notDeleted)
      if let error = retention.error { causes.append(.retentionStopped(error)) }
    }
    return causes.map { Issue($0, in: capture) }
  }
}
