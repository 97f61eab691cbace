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

  /// What became of it.
  struct Kept {
    fileprivate(set) var files: [InitializationFile] = []
    fileprivate(set) var counts = InitSegmentCounts()
    fileprivate(set) var failures: [KernelError] = []
    /// For the next time.
    fileprivate(set) var known: InitializationCopies.Known = [:]
  }

  private let tree: CaptureTree
  private let stream: Layout.Stream
  private let isDryRun: Bool
  private var copies: [KeptInitialization] = []
  /// Copies that were made now, or would be.
  private var stored: [(file: InitializationFile, contents: [UInt8])] = []
  /// What is used and has no copy: one that is not whole, or could not be copied.
  private var others: [InitializationFile] = []
  private var counts = InitSegmentCounts()
  private var failures: [KernelError] = []

  /// What the segments of a stream were made with; nothing where the layout names no init segment. What cannot be kept is among
  /// the failures; thrown is what leaves it unknown which copies there are.
  static func refresh(
    _ tree: CaptureTree, known: InitializationCopies.Known, isDryRun: Bool
  ) throws(KernelError) -> Kept {
    guard let stream = tree.layout.stream, !stream.initialization.isEmpty else { return Kept() }
    var keeper = InitializationKeeper(tree: tree, stream: stream, isDryRun: isDryRun)
    try keeper.refresh(known)
    return Kept(
      files: keeper.files, counts: keeper.counts, failures: keeper.failures,
      known: InitializationCopies.known(keeper.copies, in: tree))
  }

  private init(tree: CaptureTree, stream: Layout.Stream, isDryRun: Bool) {
    self.tree = tree
    self.stream = stream
    self.isDryRun = isDryRun
  }

  private var files: [InitializationFile] {
    let copies = copies.map { InitializationFile(name: $0.name, place: $0.place, since: $0.since) }
    return (copies + stored.map(\.file) + others).sorted { ($0.since, $0.name) < ($1.since, $1.name) }
  }

  private var cold: Place { tree.layout.coldPlace(of: stream.kind) }

  private mutating func refresh(_ known: InitializationCopies.Known) throws(KernelError) {
    copies = try InitializationCopies.find(
      in: tree, known: known, removesLeftovers: !isDryRun, &failures)
    bringHome()
    // The oldest first: what a recorder has written last is what its segments are made with, whatever it is called.
    for (name, place) in try InitializationCopies.live(stream.initialization, in: tree) {
      keep(name, in: place)
    }
  }

  // MARK: the live file

  /// A reversion leaves copies in the flat place.
  private mutating func bringHome() {
    let away = copies.indices.filter { copies[$0].place != cold }
    guard !away.isEmpty else { return }
    if isDryRun {
      // Those of other layouts are counted where they leave (`InitializationCopies.leave`).
      if !tree.layout.hasSources { counts.copiesMoved += away.count }
      return
    }
    for index in away {
      do throws(KernelError) {
        try copies[index].move(to: cold, in: tree)
        counts.copiesMoved += 1
      } catch { failures.append(error) }
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
        isKept = try hasCopy(of: contents, at: modified)
        if !isKept { isKept = try store(contents, of: name, since: modified) }
      }
      if isKept { return }
    } catch { failures.append(error) }
    others.append(InitializationFile(name: name, place: place, since: since))
  }

  /// Whether the newest copy that is no younger holds the same. There may be several of one moment, of several streams.
  private func hasCopy(of contents: [UInt8], at modified: ModificationTime) throws(KernelError) -> Bool {
    let newest = (copies.map(\.since) + stored.map(\.file.since)).filter { $0 <= modified }.max()
    if stored.contains(where: { $0.file.since == newest && $0.contents == contents }) { return true }
    for copy in copies where copy.since == newest {
      if try copy.contents(in: tree) == contents { return true }
    }
    return false
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
    let isDryRun = isDryRun
    // The folder that an execution would make.
    var copy = isDryRun && tree.isAbsent(cold) ? InitializationCopies.names(of: name, since).first : nil
    try tree.withPlace(cold) { (directory) throws(KernelError) in
      copy =
        isDryRun
        ? try Self.freeName(of: name, since, in: directory)
        : try Self.write(contents, of: name, since, in: directory)
    }
    guard let copy else { return false }
    stored.append((InitializationFile(name: copy, place: cold, since: since), contents))
    counts.copiesWritten += 1
    return true
  }

  private static func freeName(
    of name: String, _ since: ModificationTime, in directory: borrowing Directory
  ) throws(KernelError) -> String? {
    for copy in InitializationCopies.names(of: name, since) where try directory.statusIfThere(copy) == nil {
      return copy
    }
    return nil
  }

  /// Durable, name and contents, before a playlist names it.
  private static func write(
    _ contents: [UInt8], of name: String, _ since: ModificationTime, in directory: borrowing Directory
  ) throws(KernelError) -> String? {
    let names = InitializationCopies.names(of: name, since)
    guard let first = names.first else { return nil }
    let temporary = TemporaryName.ofWritten(first)
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
