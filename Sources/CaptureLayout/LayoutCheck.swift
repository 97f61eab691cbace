/// What makes a description valid (docs/LAYOUTS.md).
extension LayoutDescription {
  private static let patternsMax = 8
  /// From other pattern languages, lists and quotes: mistakes that would silently match nothing.
  private static let marks = Set("?[]{}%,;\"'`„“”‚‘’«»‹›".unicodeScalars)
  /// hotcold's own playlists while they are being written.
  private static let temporaryPlaylists = ".archive*.hotcold"
  private static let pathBytesMax = 1024
  /// Automaton steps for all pattern comparisons together: about two seconds.
  private static let stepsMax = 2_000_000
  /// The names of hot files are kept in memory, 255 bytes each.
  public static let hotLimitMax = 100_000

  func check() throws(LayoutMistake) {
    let countMax = CaptureLayout.Kind.countMax
    guard (1...countMax).contains(kinds.count) else {
      throw LayoutMistake(
        "\(kinds.count) kinds; a layout has one to \(countMax)", kind: kinds.isEmpty ? nil : countMax)
    }
    var globs: [(matches: [Glob], exceptions: [Glob])] = []
    for (index, kind) in kinds.enumerated() {
      try checkName(kind.name, index)
      globs.append(
        (try patterns(kind.match, index, "match"), try patterns(kind.except, index, "except")))
      for (key, path) in [("flat", kind.flat), ("hot", kind.hot), ("cold", kind.cold ?? kind.hot)] {
        try checkPath(path, index, key)
      }
      guard (0...Self.hotLimitMax).contains(kind.limit) else {
        throw LayoutMistake("a limit must be from 0 to \(Self.hotLimitMax)", kind: index, key: "limit")
      }
    }
    var budget = Self.stepsMax
    try checkOverlaps(globs, &budget)
    try checkColdRoot()
    try checkFolders()
    try checkMounts()
    try checkPlaylists(globs, &budget)
  }

  private func checkName(_ name: String, _ index: Int) throws(LayoutMistake) {
    let isPlain = name.utf8.allSatisfy {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
    }
    guard isPlain, (1...32).contains(name.utf8.count) else {
      throw LayoutMistake(
        "a kind's name must be 1 to 32 letters a-z, digits, '-' or '_'", kind: index, key: "name")
    }
    // hotcold verify counts them alongside the kinds.
    guard !["conflicts", "misplaced"].contains(name) else {
      throw LayoutMistake(
        "the name '\(name)' is reserved for reports; choose another one", kind: index, key: "name")
    }
    guard !kinds[..<index].contains(where: { $0.name == name }) else {
      throw LayoutMistake("there is already a kind '\(name)'", kind: index, key: "name")
    }
  }

  private func patterns(
    _ texts: [String], _ index: Int, _ key: String
  ) throws(LayoutMistake) -> [Glob] {
    guard key != "match" || !texts.isEmpty else {
      throw LayoutMistake("a kind needs at least one pattern for its file names", kind: index, key: key)
    }
    guard texts.count <= Self.patternsMax else {
      throw LayoutMistake(
        "\(texts.count) patterns; at most \(Self.patternsMax) are allowed", kind: index, key: key)
    }
    var globs: [Glob] = []
    for text in texts {
      guard let glob = Glob(text) else {
        throw LayoutMistake(
          "'\(text)' matches no file name; write 1 to \(FileName.longest) bytes without a slash", kind: index,
          key: key)
      }
      if let mark = text.unicodeScalars.first(where: { Self.marks.contains($0) })
        ?? (text.utf8.first == 0x20 || text.utf8.last == 0x20 ? " " : nil)
      {
        throw LayoutMistake(
          "'\(text)' has '\(mark)' where a pattern may not; only * is special, and it can stand for that character too",
          kind: index,
          key: key)
      }
      globs.append(glob)
    }
    return globs
  }

  private func checkPath(_ path: String, _ index: Int, _ key: String) throws(LayoutMistake) {
    if path.isEmpty {
      guard key != "cold" else {
        throw LayoutMistake("the buckets need a folder of their own below the capture", kind: index, key: key)
      }
      return
    }
    guard Self.isPlainPath(path) else { throw LayoutMistake(Self.notBelow(path), kind: index, key: key) }
  }

  private static func isPlainPath(_ path: String) -> Bool {
    let components = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return path.utf8.count <= pathBytesMax
      && components.allSatisfy {
        (1...FileName.longest).contains($0.count) && !$0.contains(0) && !$0.elementsEqual("..".utf8)
          && !$0.elementsEqual(".".utf8)
      }
  }

  private static func notBelow(_ path: String) -> String {
    "'\(path)' is not a folder below the capture; write names with '/' between them, without '.' and '..'"
  }

  /// A name may match only one kind.
  private func checkOverlaps(
    _ globs: [(matches: [Glob], exceptions: [Glob])], _ budget: inout Int
  ) throws(LayoutMistake) {
    for right in globs.indices {
      for left in 0..<right {
        let exceptions = globs[left].exceptions + globs[right].exceptions
        for pattern in globs[right].matches {
          guard
            let other = try overlapping(globs[left].matches, pattern, besides: exceptions, right, &budget)
          else { continue }
          throw LayoutMistake(
            "'\(pattern.text)' matches names that '\(other.text)' of \(kinds[left].name) matches too; exclude them from one of the two with except",
            kind: right, key: "match")
        }
      }
    }
  }

  /// The first of a kind's patterns that matches a name that `other` matches too.
  private func overlapping(
    _ patterns: [Glob], _ other: Glob, besides exceptions: [Glob], _ index: Int, _ budget: inout Int
  ) throws(LayoutMistake) -> Glob? {
    for pattern in patterns {
      switch Glob.overlap(pattern, other, besides: exceptions, budget: &budget) {
      case true?: return pattern
      case false?: break
      case nil:
        throw LayoutMistake(
          "too many patterns with too many stars to check whether two match the same name; use fewer",
          kind: index, key: "match")
      }
    }
    return nil
  }

  private func checkFolders() throws(LayoutMistake) {
    for (index, kind) in kinds.enumerated() {
      let cold = coldPath(of: kind)
      if let other = kinds[..<index].first(where: { coldPath(of: $0).utf8.elementsEqual(cold.utf8) }) {
        throw LayoutMistake(
          "\(other.name) has its buckets in '\(cold)' too; each kind needs a folder of its own", kind: index,
          key: kind.cold == nil ? "hot" : "cold")
      }
      for (key, path) in [("flat", kind.flat), ("hot", kind.hot), ("cold", cold)] {
        if kinds.contains(where: { Self.isInBucket(path, below: coldPath(of: $0)) }) {
          throw LayoutMistake("'\(path)' would be a bucket, or in one", kind: index, key: key)
        }
      }
    }
  }

  private func checkMounts() throws(LayoutMistake) {
    for (index, mount) in mounts.enumerated() {
      guard Self.isPlainPath(mount.path) else {
        throw LayoutMistake(Self.notBelow(mount.path), key: "mounts")
      }
      if let other = mounts[..<index].first(where: mount.overlaps) {
        throw LayoutMistake(
          "'\(mount.path)' and '\(other.path)' are the same folder, or one is inside the other",
          key: "mounts")
      }
      guard
        kinds.contains(where: { kind in
          [kind.flat, kind.hot, coldPath(of: kind)].contains { Self.isBelow($0, mount.path) }
        })
      else {
        throw LayoutMistake("no kind has a folder in '\(mount.path)'", key: "mounts")
      }
      if kinds.contains(where: { Self.isInBucket(mount.path, below: coldPath(of: $0)) }) {
        throw LayoutMistake("'\(mount.path)' would be a bucket, or in one", key: "mounts")
      }
      try checkUUID(of: mount, "mounts")
    }
  }

  private func checkColdRoot() throws(LayoutMistake) {
    guard let root = coldRoot else { return }
    for path in [root.path, root.point].compactMap(\.self) {
      let below = String(path.dropFirst())
      guard path.utf8.first == UInt8(ascii: "/"), Self.isPlainPath(below) else {
        throw LayoutMistake(
          "'\(path)' is not an absolute path of a folder; write names with '/' before each and none at the end, without '.' and '..'",
          key: "cold")
      }
      // A misspelt placeholder would be one folder shared by all captures.
      guard !path.replacing(Self.captureMark, with: "").contains(where: { "{}".contains($0) }) else {
        throw LayoutMistake("'\(path)' has braces, but only \(Self.captureMark) is replaced", key: "cold")
      }
    }
    if let point = root.point {
      guard Self.isBelow(root.path, point) else {
        throw LayoutMistake("the root '\(root.path)' is not in the mount '\(point)'", key: "cold")
      }
    } else if root.type != nil || root.uuid != nil {
      throw LayoutMistake("'type' and 'uuid' require 'mount'", key: "cold")
    }
    try checkUUID(of: root, "cold")
  }

  private func checkUUID(of mount: Mount, _ key: String) throws(LayoutMistake) {
    guard let uuid = mount.uuid else { return }
    // ext4, xfs and btrfs: 8-4-4-4-12 hexadecimal digits; vfat and exfat: 4-4; ntfs: 16.
    let isPlain = uuid.utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains($0) || $0 == UInt8(ascii: "-")
    }
    guard isPlain, (9...36).contains(uuid.utf8.count) else {
      throw LayoutMistake(
        "'\(uuid)' is not the UUID of a file system; write it as blkid or lsblk -f prints it", key: key)
    }
    guard mount.type != "tmpfs" else {
      throw LayoutMistake("a tmpfs has a different UUID each time; remove 'uuid'", key: key)
    }
  }

  /// Whether a path equals another or is below it. Compared by bytes: two spellings of one letter are two folders.
  static func isBelow(_ path: String, _ other: String) -> Bool {
    path.utf8.elementsEqual(other.utf8) || Layout.entry(of: path, after: "\(other)/") != nil
  }

  /// Whether a path would be inside a bucket of either rule: a layout may be changed to the other rule later.
  static func isInBucket(_ path: String, below cold: String) -> Bool {
    guard let entry = Layout.entry(of: path, after: "\(cold)/") else { return false }
    let name = Array(entry.utf8)
    return BucketRule.allCases.contains { $0.isFolder(named: name.span) }
  }

  private func checkPlaylists(
    _ globs: [(matches: [Glob], exceptions: [Glob])], _ budget: inout Int
  ) throws(LayoutMistake) {
    let streams = kinds.indices.filter { kinds[$0].playlist != nil }
    if streams.count > 1 {
      throw LayoutMistake(
        "\(kinds[streams[0]].name) has a playlist too; only one kind may have one", kind: streams[1],
        key: "playlist")
    }
    if let index = streams.first {
      guard isPlainName(kinds[index].playlist!) else {
        throw LayoutMistake(
          "'\(kinds[index].playlist!)' cannot be the name of a live playlist; write one file name, without *",
          kind: index,
          key: "playlist")
      }
    }
    for (index, kind) in kinds.enumerated() {
      for name in kind.initialization where !isPlainName(name) || name == kind.playlist {
        throw LayoutMistake(
          "'\(name)' cannot be the name of an init segment; write one file name, without *", kind: index,
          key: "init")
      }
      for name in kind.initialization where InitializationCopy.name(of: name, seconds: 0) == nil {
        throw LayoutMistake(
          "'\(name)' is too long; its copies have longer names, of at most \(FileName.longest) bytes",
          kind: index, key: "init")
      }
    }
    let playlists = streams.compactMap { kinds[$0].playlist }
    let initialization = kinds.flatMap(\.initialization)
    let own =
      ["archive.m3u8", "archive-*.m3u8", Self.temporaryPlaylists]
      + playlists.flatMap { [$0, "\($0).old", "\($0).*.old"] }
      + initialization.flatMap { [$0, TemporaryName.ofAside($0)] }
      // hotcold's own copies of them, whatever time is in their names.
      + initialization.compactMap { InitializationCopy.pattern(of: $0)?.text }.flatMap {
        [$0, TemporaryName.ofWritten($0), TemporaryName.ofAside($0)]
      }
    for (index, kind) in globs.enumerated() {
      for name in own {
        guard let glob = Glob(name),
          let pattern = try overlapping(kind.matches, glob, besides: kind.exceptions, index, &budget)
        else { continue }
        throw LayoutMistake(
          "'\(pattern.text)' also matches '\(name)', which belongs to no kind; exclude it with except",
          kind: index,
          key: "match")
      }
    }
  }

  /// Whether it names one file, and not one of hotcold's own.
  private func isPlainName(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    return !bytes.contains(UInt8(ascii: "*")) && FileName.canExist(bytes.span)
      && !FileName.isArchivePlaylist(bytes.span)
      && Glob(Self.temporaryPlaylists)?.matches(bytes.span) != true && ![".", ".."].contains(name)
  }
}
