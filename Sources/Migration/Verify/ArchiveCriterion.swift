internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The criterion for playlists of buckets: each is whole, lists every segment of its folder once and nothing else, with
/// durations, and a target duration that none of them exceeds (RFC 8216 section 4.3.3.1).
///
/// Judges one bucket; those of all buckets are added up.
struct ArchiveCriterion {
  private static let playlistBytesMax = 64 << 20

  /// Segments, by the hash of the URI that a playlist lists them with.
  struct Names {
    fileprivate var hashes: Set<UInt64> = []
    /// Those that may not be listed before the next round.
    fileprivate var young: Set<UInt64> = []

    mutating func insert(_ name: Span<UInt8>, isYoung: Bool) {
      let hash = ArchivePlaylist.uriHash(of: name)
      hashes.insert(hash)
      if isYoung { young.insert(hash) }
    }
  }

  private enum Figure: String, CaseIterable {
    case playlists, listed
    case missing = "not listed"
    case twice = "listed twice"
    case stray = "listed but not there"
    case damaged
    case withoutDurations = "without durations"
    case wrongTargets = "wrong target durations"
    case open = "not ended"
    case young = "not yet settled"
    case withoutMap = "without init segment"
  }

  private var criterion = Criterion(.archives)
  private var counts = [Int](repeating: 0, count: Figure.allCases.count)

  var isMet: Bool { criterion.isMet }

  /// - Parameters:
  ///   - path: the path of the bucket, for examples.
  ///   - mustBeOver: whether the playlists must have ended, since no segment can have come to the bucket for long.
  mutating func judge(
    _ directory: borrowing Directory, _ path: String, _ segments: Names, mustBeOver: Bool, _ tree: CaptureTree
  ) throws(KernelError) {
    var unlisted = segments.hashes
    var seen: Set<UInt64> = []
    for name in try PlaylistNames(in: directory).playlists.sorted() {
      let mustBeOver = mustBeOver && !segments.hashes.isEmpty
      guard
        let playlist = try judge(name, directory, path, &unlisted, &seen, mustBeOver: mustBeOver)
      else { continue }
      for map in playlist.maps where try MapTarget(map, in: path, tree.layout)?.isThere(in: tree) == false {
        fail(.withoutMap, Array((path + name).utf8), String(decoding: map, as: UTF8.self))
      }
    }
    let young = unlisted.intersection(segments.young).count
    self[.young] += young
    self[.missing] += unlisted.count - young
    if unlisted.count > young { criterion.fail(Array((path + FileName.archivePlaylist).utf8)) }
  }

  /// Judges one playlist. Together the playlists of a folder must list every segment once: `unlisted` and `seen` are shared.
  private mutating func judge(
    _ playlist: String, _ directory: borrowing Directory, _ folder: String, _ unlisted: inout Set<UInt64>,
    _ seen: inout Set<UInt64>, mustBeOver: Bool
  ) throws(KernelError) -> PlaylistParser? {
    let path = Array((folder + playlist).utf8)
    var longest: Int64 = 0
    var lacksDuration = false
    var isEmpty = true
    let reading = try Self.parse(playlist, in: directory) { name, entry in
      guard entry.isSegment else { return }
      let duration = entry.microseconds
      isEmpty = false
      self[.listed] += 1
      longest = max(longest, duration ?? 0)
      lacksDuration = lacksDuration || duration == nil
      let hash = hashOfName(name)
      if !seen.insert(hash).inserted {
        self[.twice] += 1
      } else if unlisted.remove(hash) == nil {
        self[.stray] += 1
      } else {
        return
      }
      criterion.fail(path + Array(": ".utf8) + Array(copying: name))
    }
    let playlist: PlaylistParser
    switch reading {
    case .absent: return nil
    case .tooLarge:
      self[.playlists] += 1
      fail(.damaged, path, "larger than \(Self.playlistBytesMax >> 20) MiB")
      return nil
    case .read(let parser):
      self[.playlists] += 1
      playlist = parser
    }
    if let damage = Self.damage(of: playlist) { fail(.damaged, path, damage) }
    // RFC 8216 section 4.3.2.1: every segment has its EXTINF.
    if !isEmpty, lacksDuration || longest == 0 { fail(.withoutDurations, path, "EXTINF") }
    if Int((longest + 500_000) / 1_000_000) > playlist.targetDurationSeconds ?? 0 {
      fail(.wrongTargets, path, "EXT-X-TARGETDURATION")
    }
    if mustBeOver, !playlist.isFinished { fail(.open, path, "no EXT-X-ENDLIST") }
    return playlist
  }

  private mutating func fail(_ figure: Figure, _ path: [UInt8], _ reason: String) {
    self[figure] += 1
    criterion.fail(path + Array(" (\(reason))".utf8))
  }

  private static func damage(of playlist: PlaylistParser) -> String? {
    if !playlist.hasHeader { return "no #EXTM3U" }
    if playlist.lacksURI { return "EXTINF without URI" }
    return playlist.isWhole ? nil : "cut before its end"
  }

  private enum Reading {
    /// No such file, or one that cannot be a playlist: a link, a folder, a fifo.
    case absent
    /// What was read of it may have looked right.
    case tooLarge
    case read(PlaylistParser)
  }

  private static func parse(
    _ playlist: String, in directory: borrowing Directory, _ body: (Span<UInt8>, PlaylistEntry) -> Void
  ) throws(KernelError) -> Reading {
    var parser = PlaylistParser()
    do throws(KernelError) {
      try directory.readFile(playlist, limit: playlistBytesMax) { parser.parse($0, body) }
      parser.finish(body)
      return .read(parser)
    } catch {
      switch error.errno {
      case .fileTooLarge: return .tooLarge
      case .noSuchFileOrDirectory, .tooManySymbolicLinkLevels, .invalidArgument, .isDirectory,
        .noSuchAddressOrDevice:
        return .absent
      default: throw error
      }
    }
  }

  // MARK: adding up

  private subscript(figure: Figure) -> Int {
    get { counts[Self.index(figure)] }
    set { counts[Self.index(figure)] = newValue }
  }

  private static func index(_ figure: Figure) -> Int { Figure.allCases.firstIndex(of: figure)! }

  mutating func add(_ other: ArchiveCriterion) {
    for index in counts.indices { counts[index] += other.counts[index] }
    criterion.isMet = criterion.isMet && other.criterion.isMet
    for example in other.criterion.examples { criterion.fail(example) }
  }

  func judged(_ layout: Layout) -> Criterion {
    var criterion = criterion
    let hasMaps = layout.stream?.initialization.isEmpty == false
    for figure in Figure.allCases where figure != .withoutMap || hasMaps {
      criterion.figure(figure.rawValue, self[figure])
    }
    return criterion
  }
}

/// The file that a playlist names in EXT-X-MAP.
private struct MapTarget {
  /// Path components below the capture, or below the cold root of the playlist: players see both under one URL (`Layout.uri`).
  private let folder: [[UInt8]]
  private let name: [UInt8]
  private let coldRoot: String?

  /// Nil for a URI that leads out of the capture: that is not judged.
  init?(_ uri: [UInt8], in folder: String, _ layout: Layout) {
    guard uri.first != UInt8(ascii: "/"), !uri.contains(UInt8(ascii: ":")) else { return nil }
    let (mount, below) = layout.split(folder)
    coldRoot = mount.map { layout.mounts[$0] }.flatMap { $0.isColdRoot ? $0.path : nil }
    var path = (coldRoot == nil ? folder : below).utf8.split(separator: UInt8(ascii: "/")).map(Array.init)
    for part in uri.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      if part.elementsEqual("..".utf8) {
        guard path.popLast() != nil else { return nil }
      } else {
        let component = SegmentURI.decoded(part.span) ?? Array(part)
        guard FileName.canExist(component.span), component != [0x2e], component != [0x2e, 0x2e] else {
          return nil
        }
        path.append(component)
      }
    }
    guard let name = path.popLast() else { return nil }
    self.name = name
    self.folder = path
  }

  func isThere(in tree: CaptureTree) throws(KernelError) -> Bool {
    // Folders of the layout are valid UTF-8, and hotcold's own playlists name only those.
    let names = folder.compactMap { String(validating: $0, as: UTF8.self) }
    guard names.count == folder.count else { return false }
    let path = names.joined(separator: "/")
    if let coldRoot, try isThere(names.isEmpty ? coldRoot : "\(coldRoot)/\(path)", in: tree) { return true }
    return try isThere(path, in: tree)
  }

  private func isThere(_ path: String, in tree: CaptureTree) throws(KernelError) -> Bool {
    var isThere = false
    do throws(KernelError) {
      isThere = try tree.withRoot(ofPath: path) { (root, path) throws(KernelError) in
        if path.isEmpty { return Name.isThere(name.span, in: root.descriptor) }
        let parent = try root.openFolder(path)
        return Name.isThere(name.span, in: parent.descriptor)
      }
    } catch {
      let isNoFolder: [Errno] = [
        .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels, .improperLink, .fileNameTooLong,
      ]
      guard isNoFolder.contains(error.errno) else {
        throw error
      }
    }
    return isThere
  }
}
