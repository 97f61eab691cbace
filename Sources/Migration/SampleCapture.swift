internal import CaptureLayout
public import KernelIO
public import SystemPackage

/// Makes a flat capture to try things on: one third of the files are segments beside a live playlist, two thirds are captures,
/// thumbnails and metadata in `captures/`; modification times are spread over a span.
public struct SampleCapture: Sendable {
  /// Why a sample could not be made.
  public enum Failure: Error, Equatable {
    case notEmpty(FilePath)
    case kernel(KernelError)
    /// Stopped by this signal.
    case interrupted(Int32)
  }

  /// How many files of the four kinds to make; the playlist is extra.
  public var files: Int
  /// The time from the first file to the last, in seconds.
  public var spanSeconds: Int64
  /// The same seed and end give the same tree.
  public var seed: UInt64
  /// The newest modification time, in seconds since the epoch.
  public var endSeconds: Int64
  /// The size of each file in bytes.
  public var fileBytes: Int

  private static let playlistSegments = 6
  private static let tellEvery = 1024

  /// Ends a minute ago, so that no writer seems active.
  public init(files: Int, spanSeconds: Int64 = 86_400, seed: UInt64 = 1, fileBytes: Int = 0) {
    self.files = files
    self.spanSeconds = spanSeconds
    self.seed = seed
    self.fileBytes = fileBytes
    endSeconds = SystemClock.realtimeNanoseconds / 1_000_000_000 - 60
  }

  /// Makes the capture. Makes the folder if it is missing; throws `notEmpty` if it holds anything.
  ///
  /// - Parameters:
  ///   - path: the capture.
  ///   - progressed: called once in a while.
  public func make(at path: FilePath, progressed: (MigrationProgress) -> Void = { _ in }) throws(Failure) {
    let startNanoseconds = SystemClock.monotonicNanoseconds
    do throws(KernelError) {
      let root = try Directory.openOrMake(path)
      guard try root.entryCount(upTo: 0) == 0 else { throw KernelError(.create, path, .directoryNotEmpty) }
      try root.makeFolder("captures", mode: 0o755)
      try fill(root, try root.openFolder("captures")) { made in
        progressed(
          MigrationProgress(
            capture: path, entries: made, entriesExpected: files,
            elapsedNanoseconds: SystemClock.monotonicNanoseconds - startNanoseconds))
      }
    } catch {
      if error.errno == .directoryNotEmpty { throw .notEmpty(path) }
      if let signal = StopSignal.pending { throw .interrupted(signal) }
      throw .kernel(error)
    }
  }

  private func fill(
    _ root: borrowing Directory, _ captures: borrowing Directory, _ made: (Int) -> Void
  ) throws(KernelError) {
    var random = SplitMix64(state: seed)
    let contents = [UInt8](repeating: 0x47, count: fileBytes)  // the sync byte of MPEG-TS
    let segmentCount = files / 3
    for number in 0..<segmentCount {
      try create("segment_\(padded(number + 1)).ts", number, of: segmentCount, in: root, contents, &random)
      if number % Self.tellEvery == 0 { made(number + 1) }
    }
    let pictureFiles = files - segmentCount
    for number in 0..<pictureFiles {
      let name = "capture_\(padded(number / 3 + 1))\(["", "_thumbnail", ""][number % 3])"
      let suffix = [".jpg", ".jpg", ".json"][number % 3]
      try create(name + suffix, number, of: pictureFiles, in: captures, contents, &random)
      if number % Self.tellEvery == 0 { made(segmentCount + number + 1) }
    }
    if segmentCount > 0 { try writePlaylist(segmentCount, in: root) }
  }

  private func create(
    _ name: String, _ number: Int, of count: Int, in directory: borrowing Directory,
    _ contents: [UInt8], _ random: inout SplitMix64
  ) throws(KernelError) {
    if StopSignal.pending != nil { throw KernelError(.create, directory.path, .interrupted) }
    // Times ascend with the numbers: the n-th of `count` equal steps, at a random point within its second.
    let seconds = endSeconds - spanSeconds + Int64(number + 1) * spanSeconds / Int64(count)
    try directory.createFile(
      name, contents: contents.span, modifiedSeconds: seconds,
      modifiedNanoseconds: UInt32(random.next() % 1_000_000_000))
  }

  private func writePlaylist(_ segmentCount: Int, in root: borrowing Directory) throws(KernelError) {
    let listed = max(1, segmentCount - Self.playlistSegments + 1)...segmentCount
    var text = """
      #EXTM3U
      #EXT-X-VERSION:3
      #EXT-X-TARGETDURATION:1
      #EXT-X-MEDIA-SEQUENCE:\(listed.lowerBound)

      """
    for number in listed { text += "#EXTINF:1.000000,\nsegment_\(padded(number)).ts\n" }
    try root.createFile(
      Layout.guide.stream!.playlist, contents: Array(text.utf8).span, modifiedSeconds: endSeconds,
      modifiedNanoseconds: 0)
  }

  /// Nine digits, as in the guide's names.
  private func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 9 - digits.count)) + digits
  }
}

/// SplitMix64: a seeded generator that gives the same numbers on every machine.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    defer { state &+= 0x9e37_79b9_7f4a_7c15 }
    return mixed(state)
  }
}
