import KernelIO
import SystemPackage
import Testing

@testable import Migration
@testable import Reporting

@Suite struct IssueTests {
  private static let capture: FilePath = "/srv/capture1"

  /// Every case of every error there is. One that is new does not compile before it is here.
  private static let issues: [Reporting.Issue] = {
    let full = KernelError(.rename, "/srv/capture1/segments/7", .noSpace)
    let noPath = KernelError(.ringEnter, "", .ioError)
    let elsewhere = KernelError(.open, "/proc/self", .permissionDenied)
    func problem(_ reason: Problem.Reason) -> Problem {
      Problem(from: Array("segments/segment_1.ts".utf8), to: "segments/7/", reason: reason)
    }
    let errors: [MigrationError] = [
      .missing(capture), .notAFolder(capture), .isRootFolder(capture), .isHome(capture),
      .insideCapture(capture),
      .holdsNothingOfACapture(capture), .permissionDenied(full, owner: nil),
      .permissionDenied(elsewhere, owner: "me"),
      .busy(capture), .untrustedLink(capture), .mayReplace(capture, fileSystem: "nfs"),
      .mayNotLink(capture, fileSystem: "vfat"), .stopped(noPath, nil),
      .stopped(full, FileSystemSpace(name: "ext4", freeBytes: 1, freeInodes: nil)),
    ]
    let errnos: [Errno] = [
      .diskQuotaExceeded, .readOnlyFileSystem, .ioError, .invalidArgument, .tooManyOpenFiles, .fileTooLarge,
      .noMemory,
    ]
    let stopped = errors + errnos.map { .stopped(KernelError(.rename, capture, $0), nil) }
    let refusals = [Errno.tooManySymbolicLinkLevels, .notDirectory, .improperLink, .permissionDenied].map {
      FolderRefusal(folder: "metadata/5", KernelError(.open, capture, $0))
    }
    var issues = stopped.map(Reporting.Issue.stopped)
    issues += refusals.map(Reporting.Issue.refused)
    issues += [.nameTaken, .refused, .errno(.permissionDenied)].map { .notMoved(problem($0)) }
    issues += [problem(.errno(.ioError)), problem(.nameTaken)].map(Reporting.Issue.notDeleted)
    issues += [
      .moreNotMoved(3), .notPermitted(owner: nil), .notPermitted(owner: "me"),
      .namesTaken(2, named: [problem(.nameTaken)], .possible), .namesTaken(2, named: [], .tried),
      .namesTaken(1, named: [], .none),
      .foreignArchive("segments/7/archive.m3u8"), .archiveNotWritten(full), .archiveNotWritten(noPath),
      .moreArchivesNotWritten(2), .twoLivePlaylists(isReversion: true), .twoLivePlaylists(isReversion: false),
      .livePlaylistNotMoved(isReversion: true), .livePlaylistNotMoved(isReversion: false),
      .lost(1, isWatched: true), .lost(1, isWatched: false),
      .unbalanced,
      .livePlaylistHeld(
        PlaylistCompanions(count: 9, named: [Array("init.mp4".utf8)], areOfOtherNames: true),
        isReversion: false),
      .livePlaylistHeld(PlaylistCompanions(areInOtherFolders: true), isReversion: true),
      .livePlaylistHeld(
        PlaylistCompanions(count: 1, named: [Array("segment_1.ts".utf8)]), isReversion: false),
      .retentionStopped(full), .retentionStopped(noPath),
      .archiveNotRemoved(full), .moreArchivesNotRemoved(2), .playlistTooLarge("/srv/capture1/output.m3u8"),
    ]
    return issues
  }()

  private static func number(_ issue: Reporting.Issue) -> Int {
    switch issue {
    case .stopped: 0
    case .refused: 1
    case .notMoved: 2
    case .moreNotMoved: 3
    case .notPermitted: 4
    case .namesTaken: 5
    case .foreignArchive: 6
    case .archiveNotWritten: 7
    case .moreArchivesNotWritten: 8
    case .twoLivePlaylists: 9
    case .livePlaylistNotMoved: 10
    case .lost: 11
    case .unbalanced: 12
    case .notDeleted: 13
    case .retentionStopped: 14
    case .archiveNotRemoved: 15
    case .moreArchivesNotRemoved: 16
    case .playlistTooLarge: 17
    case .livePlaylistHeld: 18
    }
  }

  @Test func everyErrorNamesItsCaptureAndNoRelativePath() {
    #expect(Set(Self.issues.map(Self.number)) == Set(0...18))
    for issue in Self.issues {
      let text = Explanation.of(issue, in: Self.capture, command: "migrate")
      #expect(text.hasPrefix("/srv/capture1"), "\(text)")
      for word in text.split(whereSeparator: { " ,;:()".contains($0) })
      where word.contains("/") && word != "Input/output" {
        #expect(word.hasPrefix("/"), "\(word) in \(text)")
      }
    }
  }

  @Test func theAdviceNamesWhatTheUserRuns() {
    for issue in Self.issues {
      let text = Explanation.of(issue, in: Self.capture, command: "archive")
      #expect(!text.contains("migrate") && !text.contains("run again"), "\(text)")
    }
  }

  /// A capture whose name another begins with is not taken for it.
  @Test func aPathOfAnotherCaptureIsNotTakenForThisOne() {
    let error = KernelError(.open, "/srv/capture10/segments", .ioError)
    let text = Explanation.of(.archiveNotWritten(error), in: Self.capture, command: "migrate")
    #expect(text.hasPrefix("/srv/capture1: /srv/capture10/segments: "))
  }
}
