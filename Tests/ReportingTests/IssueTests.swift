import CaptureLayout
import KernelIO
import SystemPackage
import Testing

@testable import Migration
@testable import Reporting

@Suite struct IssueTests {
  private static let capture: FilePath = "/srv/capture1"

  /// Every case of every error there is. One that is new does not compile before it is here.
  private static let issues: [Reporting.Issue] = causes.map { Reporting.Issue($0, in: capture) }
  private static let causes: [Reporting.Issue.Cause] = {
    let full = KernelError(.rename, "/srv/capture1/segments/7", .noSpace)
    let noPath = KernelError(.ringEnter, "", .ioError)
    let elsewhere = KernelError(.open, "/proc/self", .permissionDenied)
    func problem(_ reason: Problem.Reason) -> Problem {
      Problem(from: Array("segments/segment_1.ts".utf8), to: "segments/7/", reason: reason)
    }
    let errors: [MigrationError] = [
      .missing(capture), .notAFolder(capture), .isRootFolder(capture), .isHome(capture),
      .insideCapture(capture),
      .holdsNothingOfACapture(capture, layout: "guide"), .holdsNothingOfACapture(capture, layout: "mine"),
      .permissionDenied(full, owner: nil),
      .permissionDenied(elsewhere, owner: "me"),
      .busy(capture), .untrustedLink(capture), .mayReplace(capture, fileSystem: "nfs"),
      .mayNotLink(capture, fileSystem: "vfat"), .stopped(noPath, nil),
      .notMounted("/srv/capture1/hot", type: "tmpfs", found: "this is ext4"),
      .notMounted("/srv/capture1/hot", type: nil, found: nil),
      .tierDenied(KernelError(.access, "/mnt/disk/capture1", .permissionDenied), owner: "me"),
      .coldRootIsNoFolder("/mnt/disk/capture1", .improperLink), .tierReplaced("/srv/capture1/hot"),
      .otherDisk("/mnt/disk", uuid: "1234-ABCD"), .unknownDisk("/mnt/disk", uuid: "1234-ABCD"),
      .noRoom(
        "/mnt/disk/capture1", bytes: 1, files: 2, FileSystemSpace(name: "ext4", freeBytes: 1, freeInodes: nil)
      ),
      .noColdRoot("/mnt/disk/capture1"), .foreignColdRoot("/mnt/disk/capture1", owner: "me"),
      .foreignColdRoot("/mnt/disk/capture1", owner: nil), .nameIsNoText(capture),
      .busy("/mnt/disk/capture1"),
      .otherBuckets("/srv/capture1/segments/2026-11-24/13", layout: "guide"),
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
    var issues = stopped.map(Reporting.Issue.Cause.stopped)
    issues += refusals.map(Reporting.Issue.Cause.refused)
    issues += [
      .nameTaken, .refused, .undated, .copyDiffers, .errno(.permissionDenied), .errno(.resourceBusy),
    ].map { .notMoved(problem($0)) }
    issues += [problem(.errno(.ioError)), problem(.nameTaken)].map(Reporting.Issue.Cause.notDeleted)
    let forth = PlaylistWay(playlist: "output.m3u8", from: "", to: "segments/", patterns: "segment_*.ts")
    let back = PlaylistWay(playlist: "output.m3u8", from: "segments/", to: "", patterns: "segment_*.ts")
    let (captures, segments) = (
      Layout.guide.named(Layout.guide.kinds[1]), Layout.guide.named(Layout.guide.kinds[0])
    )
    issues += [
      .moreNotMoved(3), .notPermitted(owner: nil), .notPermitted(owner: "me"),
      .namesTaken(2, named: [problem(.nameTaken)], .possible, rerun: nil),
      .namesTaken(2, named: [], .tried, rerun: nil),
      .namesTaken(1, named: [], .possible, rerun: nil),
      .foreignArchive("segments/7/archive.m3u8"), .archiveNotWritten(full), .archiveNotWritten(noPath),
      .moreArchivesNotWritten(2), .initializationNotKept(full), .initializationNotKept(noPath),
      .twoLivePlaylists(forth), .twoLivePlaylists(back),
      .livePlaylistNotMoved(forth), .livePlaylistNotMoved(back),
      .lost(1, isWatched: true), .lost(1, isWatched: false),
      .unbalanced,
      .livePlaylistHeld(
        PlaylistCompanions(count: 9, named: [Array("init.mp4".utf8)], areOfOtherNames: true), forth),
      .livePlaylistHeld(PlaylistCompanions(areInOtherFolders: true), back),
      .livePlaylistHeld(
        PlaylistCompanions(count: 1, named: [Array("segment_1.ts".utf8)]), forth),
      .retentionStopped(full), .retentionStopped(noPath),
      .archiveNotRemoved(full), .moreArchivesNotRemoved(2), .folderNotRemoved(full),
      .moreFoldersNotRemoved(2), .playlistTooLarge("/srv/capture1/output.m3u8"),
      .retentionDeclined(.clockStepped(43), confirmation: "hotcold archive"),
      .retentionDeclined(.clockDisturbed, confirmation: "hotcold archive"),
      .retentionDeclined(.everythingWouldGo(captures), confirmation: "hotcold archive"),
      .retentionDeclined(.yearsApart(segments), confirmation: "hotcold archive"),
      .retentionDeclined(.tooMany(expired: 9, max: 8), confirmation: "hotcold archive"), .implausibleTimes(2),
      .longPlaylist(900),
      .bucketOfNoKind("segments/7", layout: "guide"),
      .segmentsDeletedEarly(1), .littleSpace(freeBytes: 1, bytes: 100), .fewInodes(free: 1, all: 100),
      .executionRefused(.missing(capture)),
    ]
    return issues
  }()

  /// Of no capture.
  private static let others: [Reporting.Issue] = {
    let missing = KernelError(.open, "/srv/list", .noSuchFileOrDirectory)
    let causes: [Reporting.Issue.Cause] = [
      .usage("no", remedy: "yes"), .capturesUnreadable(missing), .capturesNotText("/srv/list", line: 2),
      .capturePathUnusable(missing), .patternUnmatched(Array("/srv/*".utf8), in: "/srv/list"),
      .noCaptures(list: "/srv/list"), .engineUnavailable(KernelError(.ringSetUp, "", .noFunction)),
      .metricsNotWritten(missing), .failed(missing, remedy: "then what"),
      .notMeasured("/srv: no room", remedy: "Make room."),
    ]
    return causes.map { Reporting.Issue($0) }
  }()

  private static func number(_ issue: Reporting.Issue) -> Int {
    switch issue.cause {
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
    case .retentionDeclined: 19
    case .implausibleTimes: 20
    case .longPlaylist: 21
    case .bucketOfNoKind: 37
    case .segmentsDeletedEarly: 22
    case .littleSpace: 23
    case .fewInodes: 24
    case .usage: 25
    case .capturesUnreadable: 26
    case .capturesNotText: 27
    case .capturePathUnusable: 28
    case .patternUnmatched: 29
    case .noCaptures: 30
    case .engineUnavailable: 31
    case .metricsNotWritten: 32
    case .failed: 33
    case .folderNotRemoved: 34
    case .moreFoldersNotRemoved: 35
    case .initializationNotKept: 36
    case .notMeasured: 38
    case .executionRefused: 39
    }
  }

  @Test func everyErrorNamesItsCaptureAndNoRelativePath() {
    #expect(Set((Self.issues + Self.others).map(Self.number)) == Set(0...39))
    for issue in Self.issues {
      let text = issue.explanation(for: "migrate").description
      #expect(text.hasPrefix("/srv/capture1"), "\(text)")
      for word in text.split(whereSeparator: { " ,;:()".contains($0) })
      where word.contains("/") && word != "Input/output" {
        #expect(word.hasPrefix("/"), "\(word) in \(text)")
      }
    }
  }

  @Test func theAdviceNamesWhatTheUserRuns() {
    for issue in Self.issues {
      let text = issue.explanation(for: "archive").description
      #expect(!text.contains("migrate") && !text.contains("run again"), "\(text)")
    }
  }

  /// A capture whose name another begins with is not taken for it.
  @Test func aPathOfAnotherCaptureIsNotTakenForThisOne() {
    let error = KernelError(.open, "/srv/capture10/segments", .ioError)
    let text = Reporting.Issue(.archiveNotWritten(error), in: Self.capture).explanation(for: "migrate")
      .description
    #expect(text.hasPrefix("/srv/capture1: /srv/capture10/segments: "))
  }

  @Test func programsAreToldWhatPeopleAreTold() {
    for issue in Self.issues + Self.others {
      let (code, explanation) = (issue.code.rawValue, issue.explanation(for: "migrate"))
      #expect(code.allSatisfy { $0.isLowercase || $0 == "-" } && !code.isEmpty, "\(code)")
      #expect(!explanation.message.isEmpty, "\(code)")
      // What to do is for the remedy.
      let message = explanation.message
      #expect(!message.contains(". ") && !message.hasSuffix("."), "\(message)")
      #expect(
        "\(explanation)".hasPrefix(explanation.message) && "\(explanation)".hasSuffix(explanation.remedy))
      #expect(issue.path?.isAbsolute ?? true, "\(code)")
      #expect(issue.errno.map { $0.name.hasPrefix("E") } ?? true, "\(code)")
      if issue.severity == .error { #expect(ExitStatus(of: issue) != .done, "\(code)") }
    }
    #expect(
      Set((Self.issues + Self.others).map(\.code)) == Set(Reporting.Issue.Code.allCases), "each is used")
  }

  @Test func anErrnoAndItsPathAreFieldsOfTheirOwn() {
    let full = KernelError(.rename, "/srv/capture1/segments/7", .noSpace)
    let issue = Reporting.Issue(.stopped(.stopped(full, nil)), in: Self.capture)
    #expect(issue.code == .noSpace && issue.path == full.path && issue.operation == .rename)
    #expect(issue.errno?.name == "ENOSPC" && ExitStatus(of: issue) == .ioError)
    let ring = Reporting.Issue(
      .stopped(.stopped(KernelError(.ringEnter, "", .ioError), nil)), in: Self.capture)
    #expect(ring.path == Self.capture, "a ring has no path")
  }
}
