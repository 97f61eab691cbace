internal import CaptureLayout
internal import KernelIO
package import Migration
internal import SystemPackage

/// What went wrong in the user's words, and what to do about it.
package struct Explanation: Equatable, CustomStringConvertible {
  package let message: String
  /// One or more whole sentences that say what to do, or empty.
  package let remedy: String

  init(_ message: String, _ remedy: String = "") {
    self.message = message
    self.remedy = remedy
  }

  /// Message and remedy as one text, without a severity before it.
  package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}

extension Issue {
  /// Names the capture; every path in it is absolute.
  ///
  /// - Parameter command: the command that the user runs, for the advice ("migrate").
  package func explanation(for command: String) -> Explanation {
    guard let capture else { return Explanation.of(cause, command) }
    return Explanation.of(cause, in: capture, command)
  }
}

extension Explanation {
  fileprivate static func of(_ cause: Issue.Cause, in capture: FilePath, _ command: String) -> Explanation {
    let name = text(capture)
    let below = { (path: String) in text(capture.reaching(path)) }
    let again = again(command)
    switch cause {
    case .stopped(let error): return of(error, in: capture, command)
    case .refused(let refusal):
      return Explanation(
        "\(below(refusal.folder)): \(reason(refusal)); refused, and the files that belong there stay where they are",
        remedy(refusal, in: capture, command))
    case .notMoved(let problem): return of(problem, in: capture)
    case .moreNotMoved(let count): return Explanation("\(name): and \(Format.count(count)) more like these")
    case .notPermitted(let owner):
      return Explanation(
        "\(name): this user is not permitted to move some of the files",
        (isThisUser(owner) ? "" : "Run as the owner of the files: \(asOwner(owner, command)). ")
          + "chattr -i clears an immutable flag.")
    case .namesTaken(let count, let named, let otherName, let rerun):
      return namesTaken(count, named, otherName, in: capture, again).until(rerun, capture)
    case .foreignArchive(let file):
      return Explanation(
        "\(below(file)): not written by hotcold; left as it is",
        "Move it away, or add --no-manifests, \(again).")
    case .archiveNotWritten(let error):
      return Explanation(
        "\(describe(error, in: capture)): this archive playlist was not written",
        knownRemedy(error, nil, again) ?? "Fix the cause, \(again).")
    case .initializationNotKept(let error):
      return Explanation(
        "\(describe(error, in: capture)): no copy of this init segment was kept; once the recorder overwrites it, older segments cannot be played",
        error.errno == .fileTooLarge
          ? "An init segment is usually about a kilobyte: check that the layout's init names the right file."
          : knownRemedy(error, nil, again) ?? "Fix the cause, \(again).")
    case .archiveNotRemoved(let error):
      return Explanation(
        "\(describe(error, in: capture)): this archive playlist was not removed",
        knownRemedy(error, nil, again) ?? "Fix the cause, \(again).")
    case .folderNotRemoved(let error):
      return Explanation(
        "\(describe(error, in: capture)): the layout has no use for this folder, but it was not removed",
        knownRemedy(error, nil, again) ?? "Remove it (rmdir), or leave it.")
    case .moreArchivesNotRemoved(let count), .moreFoldersNotRemoved(let count):
      return Explanation("\(name): \(Format.count(count)) more like these")
    case .moreArchivesNotWritten(let count):
      return Explanation("\(name): \(Format.count(count, "more archive playlist")) not written")
    case .playlistTooLarge(let path):
      return Explanation(
        "\(text(path)): larger than \(Format.bytes(UInt64(CaptureReport.livePlaylistBytesMax))), so hotcold cannot tell "
          + "which segments it lists: none is moved or deleted",
        "Have the encoder list fewer (ffmpeg: -hls_list_size), \(again).")
    case .twoLivePlaylists(let way):
      return Explanation(
        "\(below(way.from + way.playlist)): there is also \(below(way.to + way.playlist)); both stay",
        "If ffmpeg still writes the first, switch it to the second. A playlist that is no longer written is kept as "
          + "\(way.playlist).old, at the earliest ten seconds or three of its target durations after it was last written; "
          + "\(again).")
    case .livePlaylistHeld(let companions, let way):
      return held(below(way.from + way.playlist), companions, way, again)
    case .livePlaylistNotMoved(let way):
      return Explanation("\(below(way.from + way.playlist)): could not be moved to \(below(way.to))")
    case .lost(let count, isWatched: false):
      return Explanation(
        "\(name): \(Format.count(count, "file")) gone since the run began",
        "Deletions by other processes could not be watched: raise fs.inotify.max_user_instances. Look for a cleaner that "
          + "is active here.")
    case .lost(let count, isWatched: true):
      return Explanation(
        "\(name): \(Format.count(count, "file")) gone since the run began, and nothing that was seen explains it",
        "Look for another process that moves or deletes files here.")
    case .unbalanced:
      return Explanation(
        "\(name): the counts do not add up", "This is a bug in hotcold: please report it.")
    case .notDeleted(let problem):
      let file = text(capture.reaching(bytes: problem.from))
      guard case .errno(let errno) = problem.reason else { return Explanation("\(file): cannot be deleted") }
      return Explanation("\(file): cannot be deleted: \(errno)")
    case .retentionStopped(let error):
      return Explanation("\(describe(error, in: capture)): nothing more is deleted in this round")
    case .retentionDeclined(let refusal, let confirmation):
      return of(refusal, confirmedBy: "\(confirmation) \(shellWord(capture.bytes))").named(name)
    case .implausibleTimes(let count):
      return Explanation(
        "\(name): kept \(Format.count(count, "file")) from the future or the epoch: the age is not known")
    case .longPlaylist(let listed): return longPlaylist(listed).named(name)
    case .bucketOfNoKind(let bucket, let layout):
      return ofNoKind(capture.reaching(bucket), layout)
    case .segmentsDeletedEarly(let count):
      return Explanation(
        "\(name): \(Format.count(count, "segment")) between the cold and the hot ones \(count == 1 ? "is" : "are") missing: "
          + "something deletes them before they are archived, or the recorder skipped their numbers; the archives have gaps",
        "With -hls_flags delete_segments ffmpeg deletes them: leave it out; hotcold deletes old files itself if you ask it to "
          + "(--retain). With -hls_start_number_source epoch it skips the numbers of a pause.")
    case .littleSpace(let free, let all):
      return Explanation("\(name): only \(Format.bytes(free)) of \(Format.bytes(all)) is free")
    case .fewInodes(let free, let all):
      return Explanation("\(name): only \(free) of \(all) inodes are free")
    case .executionRefused(let error):
      let refusal = of(error, in: capture, command)
      let execution = command == "archive" ? "a real round" : "--execute"
      return Explanation("\(refusal.message); \(execution) would be refused", refusal.remedy)
    case .usage, .capturesUnreadable, .capturesNotText, .capturePathUnusable, .patternUnmatched, .noCaptures,
      .engineUnavailable, .metricsNotWritten, .notMeasured, .failed:
      return of(cause, command)
    }
  }

  /// For causes that concern no capture.
  fileprivate static func of(_ cause: Issue.Cause, _ command: String) -> Explanation {
    switch cause {
    case .usage(let message, let remedy), .notMeasured(let message, let remedy):
      return Explanation(message, remedy)
    case .capturesUnreadable(let error):
      return Explanation(
        unreadable(error), "Check the path given to --captures-from, or to HOTCOLD_CAPTURES_FROM.")
    case .capturesNotText(let file, let line):
      return Explanation(
        "\(text(file)), line \(line): a control character", "Use plain text, one capture per line.")
    case .capturePathUnusable(let error):
      return Explanation(describe(error), "Use paths that begin with '/'.")
    case .patternUnmatched(let pattern, let list):
      return Explanation(
        "\(list.map(text) ?? ""): no folder matches \(printable(pattern))",
        CurrentProcess.isInContainer
          ? "Mount the folder that holds the captures there (-v FOLDER:/captures), unless the recorder has yet to create the first."
          : "")
    case .noCaptures(let list):
      return Explanation("no captures to archive: \(text(list)) names none")
    case .engineUnavailable(let error):
      let isOfRing = error.operation == .ringSetUp
      return Explanation(
        isOfRing ? Engine.refusalReason(error) : "the kernel grants no thread",
        "Use --engine auto or --engine syscalls.")
    case .metricsNotWritten(let error):
      return Explanation(
        "the metrics could not be written: \(describe(error))",
        error.errno == .fileExists
          ? "It holds something other than hotcold's metrics: name another file."
          : knownRemedy(error, command: command) ?? "")
    case .failed(let error, let remedy):
      return Explanation(describe(error), knownRemedy(error) ?? remedy)
    // All other causes concern a capture.
    default: return Explanation(Issue(cause).topic ?? "")
    }
  }

  private func named(_ name: String) -> Explanation { Explanation("\(name): \(message)", remedy) }

  /// Adds the only command that accepts a capture in two layouts.
  private func until(_ rerun: String?, _ capture: FilePath) -> Explanation {
    guard let rerun else { return self }
    return Explanation(
      message,
      "\(remedy) Until then the capture is in two layouts, and only this command accepts it: \(rerun) "
        + shellWord(capture.bytes))
  }

  private static func namesTaken(
    _ count: Int, _ named: [Problem], _ otherName: Issue.OtherName, in capture: FilePath, _ again: String
  ) -> Explanation {
    let examples = named.map {
      "\(text(capture.reaching(bytes: $0.from))) in \(text(capture.reaching($0.to)))"
    }
    let more = count > named.count ? ", …" : ""
    let way =
      switch otherName {
      case .possible:
        "This happens when a recorder restarts its numbers: with --on-conflict rename, the file that comes later gets its time "
          + "in its name. Otherwise compare"
      case .tried: "Their names with the time added are taken too, or would be too long. Compare"
      }
    return Explanation(
      "\(text(capture)): \(Format.count(count, "name")) \(count == 1 ? "is" : "are") taken "
        + "(\(examples.joined(separator: ", "))\(more)); both files stay",
      "\(way) the two files, rename or remove the one you do not need, \(again).")
  }

  /// More segments than a player goes back in a live stream, and than any hot place is meant to hold.
  package static let listedSegmentsMax = 100

  package static func longPlaylist(_ listed: Int) -> Explanation {
    Explanation(
      "the live playlist lists \(Format.count(listed)) segments, and none of them goes cold while it is listed",
      "If a recorder is running, have it list fewer (ffmpeg: -hls_list_size 6): the archives list the rest.")
  }

  /// - Parameter owner: the owner of the capture, if known.
  package static func ownership(of owner: String?) -> String {
    "new folders and playlists belong to \(Users.name(of: CurrentProcess.effectiveUser)), because this user may not give "
      + "them to the owner (\(owner ?? "unknown")) and group of the capture. Nothing else differs; root can chown them."
  }

  private static func reason(_ refusal: FolderRefusal) -> String {
    switch refusal.reason {
    case .isLink: "is a link"
    case .isFile: "is not a folder"
    case .isMount: "is another mount or subvolume"
    case .denied(let error): "cannot be used (\(error.errno))"
    }
  }

  private static func remedy(_ refusal: FolderRefusal, in capture: FilePath, _ command: String) -> String {
    switch refusal.reason {
    case .isFile:
      "Move it away, \(again(command))\(movesFiles(command) ? ": hotcold creates a folder" : "")."
    case .isLink, .isMount:
      "There may be recordings behind it: first move its contents to a place of their own and make an ordinary folder of that name, \(again(command))."
    case .denied(let error) where [.permissionDenied, .notPermitted].contains(error.errno):
      denied(error, refusal.owner.map(Users.name), in: capture, command).remedy
    case .denied(let error): knownRemedy(error, nil, again(command)) ?? "Fix the cause, \(again(command))."
    }
  }

  private static func of(_ problem: Problem, in capture: FilePath) -> Explanation {
    let from = text(capture.reaching(bytes: problem.from))
    let to = text(capture.reaching(problem.to))
    switch problem.reason {
    case .nameTaken: return Explanation("\(from): the name is taken in \(to); both files stay")
    case .undated:
      return Explanation(
        "\(from): stays: its modification time is before the year 1 or after 9999, and no date folder covers that",
        "Correct the time (touch -d).")
    case .copyDiffers:
      return Explanation(
        "\(from): stays: its copy in \(to) differs on the disk from what was written",
        "Check that disk (dmesg, smartctl).")
    case .refused: return Explanation("\(from): stays, because \(to) was refused")
    case .errno(.resourceBusy):
      return Explanation(
        "\(from): stays: it was written to, replaced, or had a name removed at that moment",
        "A later run moves it.")
    case .errno(let errno): return Explanation("\(from): cannot be moved to \(to): \(errno)")
    }
  }

  /// What copies could not be given, as text: "the owner and the group".
  static func losses(_ losses: CopyBatch.Losses) -> String {
    let lost = [
      (CopyBatch.Losses.owner, "the owner"), (.group, "the group"),
      (.permissions, "the permissions"), (.time, "the modification time"),
      (.attributes, "the extended attributes or access control lists"),
    ].filter { losses.contains($0.0) }.map(\.1)
    return lost.count > 1
      ? lost.dropLast().joined(separator: ", ") + " and " + lost[lost.count - 1] : lost.first ?? ""
  }

  private static func held(
    _ playlist: String, _ companions: PlaylistCompanions, _ way: PlaylistWay, _ again: String
  ) -> Explanation {
    var message = "\(playlist): stays where it is, because it lists files that stay"
    if !companions.named.isEmpty {
      let more = companions.count > companions.named.count ? ", …" : ""
      message += " (\(companions.named.map(printable).joined(separator: ", "))\(more))"
    }
    let remedy =
      if companions.areOfOtherNames {
        way.isOfGuide
          ? "Only \(way.patterns) are moved: have the recorder use such names (ffmpeg: -hls_segment_filename with "
            + "segment_%09d.ts, and no -hls_segment_type fmp4), or name the layout that it has (--layout)"
          : "Only \(way.patterns) are segments: correct the patterns (match, init) of the layout"
      } else if companions.areInOtherFolders {
        "They are in other folders: have the recorder write the playlist and its segments to one folder"
      } else {
        "Find out what keeps them there"
      }
    return Explanation(message, "\(remedy), \(again).")
  }

  private static func of(_ refusal: RetentionReport.Refusal, confirmedBy forced: String) -> Explanation {
    switch refusal {
    case .clockStepped(let seconds):
      return Explanation(
        "nothing deleted: the clock was changed by \(seconds) s",
        "Check date and timedatectl. When the clock is right, run it again; the service has to be restarted.")
    case .clockDisturbed:
      return Explanation(
        "deletions stopped: the clock was set during this round; nothing more is deleted until the next one")
    case .everythingWouldGo(let kind):
      return Explanation(
        "no \(kind.name) deleted: all cold ones have expired",
        "If that is right, run (first with --dry-run): \(forced)")
    case .yearsApart(let kind):
      return Explanation(
        "no \(kind.name) deleted: more than a year lies between those that have expired and those that are kept, as after a "
          + "wrong clock", "If that is right, run (first with --dry-run): \(forced)")
    case .tooMany(let expired, let max):
      return Explanation(
        "nothing deleted: \(Format.count(expired)) files have expired, more than --max-delete \(max)",
        "If that is right, raise it, or run (first with --dry-run): \(forced)")
    }
  }

  package static func of(_ failure: SampleCapture.Failure) -> Explanation {
    switch failure {
    case .notEmpty(let path):
      Explanation("\(text(path)): not empty", "Name a folder that does not exist yet, or an empty one.")
    case .kernel(let error):
      Explanation(
        describe(error), knownRemedy(error, nil, "then run again") ?? "Fix the cause, then run again.")
    case .interrupted: Explanation("interrupted; the sample is not complete")
    }
  }
}
