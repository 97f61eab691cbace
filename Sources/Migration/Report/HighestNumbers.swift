/// The largest numbers in the names of a capture. An encoder that starts again from 1 would make names that are taken:
/// it is to go on after these (ffmpeg's `-start_number`).
public struct HighestNumbers: Sendable {
  public private(set) var segment: Int64?
  /// Of captures, thumbnails and metadata, which are numbered alike.
  public private(set) var capture: Int64?

  /// Those to go on with; nil where there are none yet.
  public var nextSegment: Int64? { segment.map { $0 + 1 } }
  public var nextCapture: Int64? { capture.map { $0 + 1 } }

  mutating func add(_ number: Int64, isSegment: Bool) {
    if isSegment { segment = max(segment ?? 0, number) } else { capture = max(capture ?? 0, number) }
  }

  mutating func add(_ other: HighestNumbers) {
    segment = other.segment.map { max(segment ?? 0, $0) } ?? segment
    capture = other.capture.map { max(capture ?? 0, $0) } ?? capture
  }
}
