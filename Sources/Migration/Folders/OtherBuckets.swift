internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Files in buckets that the layout does not know: another layout was used here. With this one they would be passed over, and
/// new files would go where nobody looks for them.
///
/// Three signs of it are looked for, and none costs an ordinary capture more than some stats:
/// - buckets by the other rule in the layout's own folders;
/// - any buckets in those of its folders that are for hot or flat files alone;
/// - files of a kind that has no bucket at all by this layout, in folders that are named like buckets, at most five folders
///   below the capture. Once a kind has buckets, such a folder is taken for a copy of the user's own.
enum OtherBuckets {
  /// The first of them, below the capture.
  static func first(in capture: borrowing Directory, _ tree: CaptureTree) throws(KernelError) -> String? {
    if let path = try firstByOtherRule(in: capture, tree) { return path }
    if let path = try firstInPlaces(tree) { return path }
    let kinds = tree.layout.kinds.filter { kind in
      tree.layout.trees.indices.allSatisfy { tree.buckets(of: kind, tree: $0).isEmpty }
    }
    if kinds.isEmpty { return nil }
    var search = ElsewhereSearch(tree.layout, kinds)
    return try search.firstBucket(below: capture)
  }

  /// In the layout's own folders that buckets do not belong in: those of an interrupted `--from`, for example.
  private static func firstInPlaces(_ tree: CaptureTree) throws(KernelError) -> String? {
    let layout = tree.layout
    var search = ElsewhereSearch(layout, layout.kinds)
    for place in layout.places where place != .root && !layout.holdsBuckets(place) {
      var first: String?
      try tree.withPlace(place) { (directory) throws(KernelError) in
        guard try directory.mayHaveFolders(besides: layout.folders(in: place)) else { return }
        let name = try search.firstBucket(among: directory.folders(), in: directory, isOwn: false)
        first = name.map { layout.prefix(of: place) + $0 }
      }
      if let first { return first }
    }
    return nil
  }

  private static func firstByOtherRule(
    in capture: borrowing Directory, _ tree: CaptureTree
  ) throws(KernelError) -> String? {
    let layout = tree.layout
    // Those that files are fetched from are known.
    guard Set(layout.trees.map(\.rule)).count == 1, try mayHoldOthers(tree) else { return nil }
    let others = try CaptureTree(of: capture, layout.withOtherBuckets)
    // What cannot be looked into may be full.
    for refusal in others.bucketRefusals {
      if case .denied(let error) = refusal.reason, [.permissionDenied, .notPermitted].contains(error.errno) {
        throw error
      }
    }
    for (kind, bucket) in others.buckets() {
      var isFound = false
      try others.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
        isFound = try directory.holdsFile(of: [kind], layout)
      }
      if isFound { return others.layout.path(of: bucket, kind) }
    }
    return nil
  }

  /// By the number of sub-folders that each place has, without listing it: it may hold a million files.
  private static func mayHoldOthers(_ tree: CaptureTree) throws(KernelError) -> Bool {
    let layout = tree.layout
    for kind in layout.kinds {
      let own = layout.coldPlace(of: kind)
      var mayHold = false
      try tree.withPlace(own) { (place) throws(KernelError) in
        let buckets = layout.buckets.hasDates ? 0 : tree.buckets(of: kind).count
        mayHold = try place.mayHaveFolders(besides: layout.folders(in: own), and: buckets)
      }
      if mayHold { return true }
    }
    return false
  }
}

/// Looks for files of some kinds in folders that are named like buckets, in a capture's folders and in those below.
private struct ElsewhereSearch {
  private static let depthMax = 4

  private let layout: Layout
  private let kinds: [Kind]
  /// Folders that may still be opened: a capture may hold any number of others.
  private var foldersLeft = 1000

  init(_ layout: Layout, _ kinds: [Kind]) {
    self.layout = layout
    self.kinds = kinds
  }

  mutating func firstBucket(below capture: borrowing Directory) throws(KernelError) -> String? {
    try first(in: capture, path: "", depth: 0)
  }

  private mutating func first(
    in directory: borrowing Directory, path: String, depth: Int
  ) throws(KernelError) -> String? {
    let place = layout.place(at: path)
    let known = place.map { layout.folders(in: $0) } ?? []
    // Not listed for its files: they may be a million.
    guard try directory.mayHaveFolders(besides: known) else {
      return try first(among: known, in: directory, path, depth)
    }
    let names = try directory.folders()
    if let name = try firstBucket(among: names, in: directory, isOwn: place.map(layout.holdsBuckets) ?? false)
    {
      return Self.path(path, name)
    }
    return try first(among: names, in: directory, path, depth)
  }

  private mutating func first(
    among names: [String], in directory: borrowing Directory, _ path: String, _ depth: Int
  ) throws(KernelError) -> String? {
    guard depth < Self.depthMax else { return nil }
    for name in names {
      guard let folder = try open(name, in: directory) else { continue }
      if let found = try first(in: folder.directory, path: Self.path(path, name), depth: depth + 1) {
        return found
      }
    }
    return nil
  }

  /// `isOwn`: buckets of the layout's own rule belong here.
  mutating func firstBucket(
    among names: [String], in directory: borrowing Directory, isOwn: Bool
  ) throws(KernelError) -> String? {
    for rule in BucketRule.allCases where !isOwn || rule != layout.buckets {
      // All of a day's hours are made at once. A few numbers are something else, such as the variants of a stream.
      guard rule.fixedBuckets().allSatisfy({ names.contains(rule.text(of: $0)) }) else { continue }
      for name in names {
        for bucket in try buckets(name, rule, in: directory) {
          guard let folder = try open(bucket, in: directory) else { continue }
          if try folder.directory.holdsFile(of: kinds, layout) { return bucket }
        }
      }
    }
    return nil
  }

  /// The paths of the buckets that a folder is, or holds.
  private mutating func buckets(_ name: String, _ rule: BucketRule, in directory: borrowing Directory)
    throws(KernelError) -> [String]
  {
    let bytes = Array(name.utf8)
    guard rule.isFolder(named: bytes.span) else { return [] }
    guard rule.hasDates else { return [name] }
    guard let day = Day(parsing: bytes.span), let folder = try open(name, in: directory) else { return [] }
    return try folder.directory.folders().filter {
      rule.bucket(named: Array($0.utf8).span, of: day, tree: 0) != nil
    }.map { "\(name)/\($0)" }
  }

  /// Nil for a link, another mount, or what may not be read, such as lost+found: nothing of this capture was moved there.
  private mutating func open(
    _ path: String, in directory: borrowing Directory
  ) throws(KernelError) -> OpenFolder? {
    guard foldersLeft > 0 else { return nil }
    foldersLeft -= 1
    do throws(KernelError) { return OpenFolder(try directory.openFolder(path)) } catch {
      // These say nothing of the folder.
      let isTransient: [Errno] = [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .ioError]
      if isTransient.contains(error.errno) { throw error }
      return nil
    }
  }

  private static func path(_ folder: String, _ name: String) -> String {
    folder.isEmpty ? name : "\(folder)/\(name)"
  }
}

extension OpenCapture {
  /// What is there of a layout. A capture with files in buckets of another one is refused.
  func tree(of layout: Layout) throws(MigrationError) -> CaptureTree {
    try unlessOtherBuckets { () throws(KernelError) in try CaptureTree(of: directory, layout) }
  }

  func unlessOtherBuckets(_ look: () throws(KernelError) -> CaptureTree) throws(MigrationError) -> CaptureTree
  {
    let tree: CaptureTree
    let other: String?
    do throws(KernelError) {
      tree = try look()
      other = try OtherBuckets.first(in: directory, tree)
    } catch { throw stopped(error) }
    if let other { throw .otherBuckets(directory.path.appending(other), layout: tree.layout.name) }
    return tree
  }
}

extension Directory {
  func hasFolder(_ name: String) -> Bool {
    (try? status(of: name))?.type == .directory
  }

  /// Whether there may be folders besides those of these names and `others` more.
  fileprivate func mayHaveFolders(besides names: [String], and others: Int = 0) throws(KernelError) -> Bool {
    try mayHaveSubfolders(besides: names.count { hasFolder($0) } + others)
  }

  /// Names of the folders in it that are text.
  fileprivate func folders() throws(KernelError) -> [String] {
    var folders: [String] = []
    try forEachEntry { entry in
      guard entry.type == .directory else { return }
      if let name = String(validating: Array(copying: entry.name), as: UTF8.self) { folders.append(name) }
    }
    return folders.sorted()
  }

  fileprivate func holdsFile(of kinds: [Kind], _ layout: Layout) throws(KernelError) -> Bool {
    var holdsFile = false
    try Walk(layout, look: .name).run(
      self, wants: kinds.contains, goesOn: { !holdsFile },
      visit: { (_, found, _) throws(KernelError) in
        if case .file = found { holdsFile = true }
      })
    return holdsFile
  }
}
