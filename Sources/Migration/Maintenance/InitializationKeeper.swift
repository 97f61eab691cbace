internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Keeps a copy of every init segment (fMP4) that a recorder has used, so that segments stay playable with the one that they
/// were made with.
///
///     the recorder's init.mp4 ─▶ whole and quiet? ─▶ differs from the newest copy? ─▶ init.20261124T130501Z.mp4, durable
///
/// A recorder that restarts overwrites its init segment; if the contents are the same, as usual, there is nothing to keep. Copies
/// lie beside the buckets, not in the hot place, so that the cold tier can be played by itself. They are about a kilobyte each,
/// and retention does not delete them.
struct InitializationKeeper {
  /// How long to wait for an init segment that is being written.
  private static let patienceNanoseconds: Int64 = 1_000_000_000
  /// An init segment unchanged for this long counts as written.
  private static let quietNanoseconds: Int64 = 100_000_000

  struct Kept {
    fileprivate(set) var files: [InitializationFile] = []
    fileprivate(set) var counts = InitSegmentCounts()
    fileprivate(set) var failures: [KernelError] = []
    /// To pass to the next call.
    fileprivate(set) var known: InitializationCopies.Known = [:]
  }

  private let tree: CaptureTree
  private let stream: Layout.Stream
  private let isDryRun: Bool
  private var copies: [KeptInitialization] = []
  /// Copies that this call made, or would make.
  private var stored: [(file: InitializationFile, contents: [UInt8])] = []
  /// Init segments in use that have no copy: they are not whole yet, or could not be copied.
  private var others: [InitializationFile] = []
  private var counts = InitSegmentCounts()
  private var failures: [KernelError] = []

  /// Copies what is new, and returns all init segments of the stream; nothing if the layout names no init segment.
  ///
  /// - Parameter known: of the last call, so that copies need not be read again.
  /// - Throws: if it cannot be found out which copies there are. Other errors are in `Kept.failures`.
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
    // The oldest first: segments are made with what a recorder has written last, whatever its name.
    for (name, place) in try InitializationCopies.live(stream.initialization, in: tree) {
      keep(name, in: place)
    }
  }

  // MARK: the live file

  /// Moves copies beside the buckets, from where a reversion has left them or another layout has them.
  private mutating func bringHome() {
    let away = copies.indices.filter { copies[$0].place != cold }
    guard !away.isEmpty else { return }
    if isDryRun {
      // Copies that leave another layout are counted in `InitializationCopies.leave`.
      if !tree.layout.hasSources { counts.copiesMoved += away.count }
      return
    }
    for index in away {
      do throws(KernelError) {
        try copies[index].move(to: cold, in: tree)
        counts.copiesMoved += 1
      } catch { failures.append(error) }
    }
    // Durable before a playlist names them there.
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

  /// Whether the newest copy that is not younger than `modified` has these contents. Several copies may have the same time, of
  /// several streams.
  private func hasCopy(of contents: [UInt8], at modified: ModificationTime) throws(KernelError) -> Bool {
    let newest = (copies.map(\.since) + stored.map(\.file.since)).filter { $0 <= modified }.max()
    if stored.contains(where: { $0.file.since == newest && $0.contents == contents }) { return true }
    for copy in copies where copy.since == newest {
      if try copy.contents(in: tree) == contents { return true }
    }
    return false
  }

  /// Reads an init segment; waits up to about a second for one that is being written. Nil if it still is, or is not one.
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

  /// False if there is no folder for copies, or no valid name for the copy.
  private mutating func store(
    _ contents: [UInt8], of name: String, since: ModificationTime
  ) throws(KernelError) -> Bool {
    let isDryRun = isDryRun
    // In a dry run, the folder that an execution would make may be missing.
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

  /// Writes a copy; contents and name are durable on return, before a playlist names it.
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
