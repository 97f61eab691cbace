internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Keeps what each init segment (fMP4) has held, so that segments can be played with what they were made with.
///
///     init.mp4, as the recorder has it ─▶ whole, left alone ─▶ not as the newest copy? ─▶ init.20261124T130501Z.mp4, durable
///
/// A recorder that starts again writes over it; with the same contents, as most do, there is nothing to keep. Copies are beside
/// the buckets, not in the hot place, so that the cold tier can be played by itself. They are about a kilobyte each, and stay.
struct InitializationKeeper {
  private static let patienceNanoseconds: Int64 = 1_000_000_000
  private static let quietNanoseconds: Int64 = 100_000_000

  private let tree: CaptureTree
  private let stream: Layout.Stream
  private let isDryRun: Bool
  private var copies: [KeptInitialization] = []
  /// What is used and has no copy: one that is not whole, or could not be copied.
  private var others: [InitializationFile] = []
  private(set) var failures: [KernelError] = []

  /// What the segments of a stream were made with; nothing where the layout names no init segment. What cannot be kept
  /// is among the failures; thrown is what leaves it unknown which copies there are.
  static func refresh(
    _ tree: CaptureTree, isDryRun: Bool
  ) throws(KernelError) -> (files: [InitializationFile], failures: [KernelError]) {
    guard let stream = tree.layout.stream, !stream.initialization.isEmpty else { return ([], []) }
    var keeper = InitializationKeeper(tree: tree, stream: stream, isDryRun: isDryRun)
    try keeper.refresh()
    return (keeper.files, keeper.failures)
  }

  private init(tree: CaptureTree, stream: Layout.Stream, isDryRun: Bool) {
    self.tree = tree
    self.stream = stream
    self.isDryRun = isDryRun
  }

  private var files: [InitializationFile] {
    (copies.map { InitializationFile(name: $0.name, place: $0.place, since: $0.since) } + others).sorted {
      $0.since < $1.since
    }
  }

  private var cold: Place { tree.layout.coldPlace(of: stream.kind) }

  private mutating func refresh() throws(KernelError) {
    let all = try InitializationCopies.find(in: tree, removesLeftovers: !isDryRun)
    // Of several names that the layout gives, players are given the first that is there.
    for name in stream.initialization {
      let live = try InitializationCopies.livePlaces(of: name, in: tree)
      copies = all.filter { $0.original == name }
      guard !live.isEmpty || !copies.isEmpty else { continue }
      if !isDryRun { bringHome() }
      for place in live { keep(name, in: place) }
      return
    }
  }

  // MARK: the live file

  /// A reversion leaves copies in the flat place.
  private mutating func bringHome() {
    guard copies.contains(where: { $0.place != cold }) else { return }
    for index in copies.indices where copies[index].place != cold {
      do throws(KernelError) { try copies[index].move(to: cold, in: tree) } catch { failures.append(error) }
    }
    // Before a playlist names them there.
    do throws(KernelError) {
      try tree.withPlace(cold) { (directory) throws(KernelError) in try directory.syncNames() }
    } catch { failures.append(error) }
  }

  private mutating func keep(_ name: String, in place: Place) {
    var since = ModificationTime(seconds: .max, nanoseconds: 0)
    do throws(KernelError) {
      var isKept = false
      try tree.withPlace(place) { (directory) throws(KernelError) in
        if let modified = try directory.statusIfThere(name)?.modified { since = modified }
        guard let (contents, modified) = try Self.read(name, in: directory) else { return }
        since = modified
        let current = copies.filter { $0.since <= modified }.max { $0.since < $1.since }
        isKept = current?.contents == contents
        if !isKept { isKept = try store(contents, of: name, since: modified) }
      }
      if isKept { return }
    } catch { failures.append(error) }
    others.append(InitializationFile(name: name, place: place, since: since))
  }

  /// Nil for one that is being written, and for what is no init segment.
  static func read(
    _ name: String, in directory: borrowing Directory
  ) throws(KernelError) -> (contents: [UInt8], modified: ModificationTime)? {
    let end = SystemClock.monotonicNanoseconds + patienceNanoseconds
    while let version = try directory.version(ofLivePlaylist: name) {
      let contents = try directory.readFile(name, limit: InitializationCopies.bytesMax)
      let age = version.age ?? 0
      if InitializationSection.isWhole(contents.span) {
        if age < quietNanoseconds { pause(microseconds: UInt32((quietNanoseconds - age) / 1000)) }
        if try directory.version(ofLivePlaylist: name) == version { return (contents, version.modified) }
      } else {
        guard age < patienceNanoseconds else { return nil }
        pause(microseconds: UInt32(quietNanoseconds / 1000))
      }
      guard SystemClock.monotonicNanoseconds < end, StopSignal.pending == nil else { return nil }
    }
    return nil
  }

  // MARK: writing

  /// False where there is no place for copies, or no name that a file may have.
  private mutating func store(
    _ contents: [UInt8], of name: String, since: ModificationTime
  ) throws(KernelError) -> Bool {
    var stored: String?
    let isDryRun = isDryRun
    try tree.withPlace(cold) { (directory) throws(KernelError) in
      stored =
        isDryRun
        ? try Self.freeName(of: name, since, in: directory)
        : try Self.write(contents, of: name, since, in: directory)
    }
    guard let stored else { return false }
    copies.append(
      KeptInitialization(name: stored, original: name, place: cold, since: since, contents: contents))
    return true
  }

  /// An earlier second where the name is taken: a later one would leave out the first segment, which is finished right after.
  private static func names(of name: String, _ since: ModificationTime) -> [String] {
    (0..<InitializationCopies.namesMax).compactMap {
      InitializationCopy.name(of: name, seconds: since.seconds.subtractingSaturating($0))
    }
  }

  private static func freeName(
    of name: String, _ since: ModificationTime, in directory: borrowing Directory
  ) throws(KernelError) -> String? {
    for copy in names(of: name, since) where try directory.statusIfThere(copy) == nil { return copy }
    return nil
  }

  /// Durable, name and contents, before a playlist names it.
  private static func write(
    _ contents: [UInt8], of name: String, _ since: ModificationTime, in directory: borrowing Directory
  ) throws(KernelError) -> String? {
    let names = names(of: name, since)
    guard let first = names.first else { return nil }
    let temporary = InitializationCopy.temporaryName(of: first)
    try directory.writeFile(temporary, modified: (since.seconds, since.nanoseconds)) {
      write throws(KernelError) in try write(contents.span)
    }
    do throws(KernelError) {
      try directory.syncFile(temporary)
      for copy in names {
        switch InitializationCopies.move(
          temporary, from: directory.descriptor, to: directory.descriptor, as: copy)
        {
        case .done:
          try directory.syncNames()
          return copy
        case .failed(.fileExists): continue
        case .failed(let errno): throw KernelError(.rename, directory.path.appending(copy), errno)
        case .notExecuted: return nil
        }
      }
      throw KernelError(.rename, directory.path.appending(first), .fileExists)
    } catch {
      try? directory.removeFile(temporary)
      throw error
    }
  }
}
