/// A file name or a path as bytes: names need not be text.
public struct Bytes: Hashable, Comparable, ExpressibleByStringLiteral, CustomStringConvertible, Sendable {
  public var bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }
  public init(_ text: String) { bytes = Array(text.utf8) }
  public init(stringLiteral value: String) { self.init(value) }

  public static func < (left: Bytes, right: Bytes) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }

  public static func + (left: Bytes, right: Bytes) -> Bytes { Bytes(left.bytes + right.bytes) }

  /// Everything after the last slash.
  public var name: Bytes {
    Bytes(Array(bytes.suffix(from: bytes.lastIndex(of: 0x2f).map { $0 + 1 } ?? 0)))
  }
  /// Everything before the last slash; empty if there is none.
  public var folder: Bytes { Bytes(Array(bytes.prefix(upTo: bytes.lastIndex(of: 0x2f) ?? 0))) }

  public func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
    let terminated = bytes.map { CChar(truncatingIfNeeded: $0) } + [0]
    return try terminated.withUnsafeBufferPointer { try body($0.baseAddress!) }
  }

  public var description: String { String(decoding: bytes, as: UTF8.self) }
}
