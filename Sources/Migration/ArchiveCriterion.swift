internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Whether the playlist of each hour folder lists every segment of its folder once and nothing else, with a target
/// duration that all of them keep to (RFC 8216 section 4.3.3.1).
struct ArchiveCriterion {
  private static let playlistBytesMax = 64 << 20

  /// Segments by the hash of the URI that a playlist gives them.
  struct Names {
    fileprivate var hashes: Set<UInt64> = []

    mutating func insert(_ name: Span<UInt8>) {
      hashes.insert(hashOfName(ArchivePlaylist.uri(of: name).span))
    }
  }

  private var criterion = Criterion(.archives)
  private var playlists = 0
  private var listed = 0
  private var missing = 0
  private var twice = 0
  private var stray = 0
  private var wrongTargets = 0

  mutating func judge(_ directory: borrowing Directory, _ hour: Int, _ segments: Names) throws(KernelError) {
    var unlisted = segments.hashes
    var seen: Set<UInt64> = []
    var longest: Int64 = 0
    let parsed = try Self.parse(directory) { name, duration in
      listed += 1
      longest = max(longest, duration ?? 0)
      let hash = hashOfName(name)
      if !seen.insert(hash).inserted {
        twice += 1
      } else if unlisted.remove(hash) == nil {
        stray += 1
      } else {
        return
      }
      criterion.fail(Self.path(hour) + Array(": ".utf8) + Array(copying: name))
    }
    guard let playlist = parsed else {
      missing += segments.hashes.count
      if !segments.hashes.isEmpty { criterion.fail(Self.path(hour)) }
      return
    }
    playlists += 1
    missing += unlisted.count
    let isRight = Int((longest + 500_000) / 1_000_000) <= playlist.targetDurationSeconds ?? 0
    if !isRight { wrongTargets += 1 }
    if !isRight || !unlisted.isEmpty { criterion.fail(Self.path(hour)) }
  }

  func judged() -> Criterion {
    var criterion = criterion
    let figures = [
      ("playlists", playlists), ("listed", listed), ("not listed", missing), ("listed twice", twice),
      ("listed but not there", stray), ("wrong target durations", wrongTargets),
    ]
    for (name, value) in figures { criterion.figure(name, value) }
    return criterion
  }

  private static func path(_ hour: Int) -> [UInt8] {
    Array("segments/\(hour)/\(FileName.archivePlaylist)".utf8)
  }

  /// Nil where there is none, or nothing that could be one.
  private static func parse(
    _ directory: borrowing Directory, _ body: (Span<UInt8>, Int64?) -> Void
  ) throws(KernelError) -> PlaylistParser? {
    var parser = PlaylistParser()
    do throws(KernelError) {
      try directory.readFile(FileName.archivePlaylist, limit: playlistBytesMax) { parser.parse($0, body) }
      parser.finish(body)
      return parser
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory, .tooManySymbolicLinkLevels, .invalidArgument, .isDirectory,
        .noSuchAddressOrDevice, .fileTooLarge:
        return nil
      default: throw error
      }
    }
  }
}
