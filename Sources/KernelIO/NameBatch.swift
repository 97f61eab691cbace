internal import CLiburing
public import SystemPackage

/// A few names of one folder, to be dealt with in one submission.
public struct NameBatch: ~Copyable {
  public let capacity: Int
  /// Each name with a NUL after it.
  private var bytes: [UInt8] = []
  private var starts: [Int] = []

  public init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  public var count: Int { starts.count }
  public var isFull: Bool { starts.count == capacity }

  public mutating func append(_ name: Span<UInt8>) {
    precondition(!isFull)
    starts.append(bytes.count)
    for index in name.indices { bytes.append(name[index]) }
    bytes.append(0)
  }

  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
  }

  @_lifetime(borrow self)
  public func name(at index: Int) -> Span<UInt8> {
    let end = index + 1 < starts.count ? starts[index + 1] : bytes.count
    return bytes.span.extracting(starts[index]..<end - 1)
  }

  /// Unlinks all of them with plain system calls; nil, or why not, for each.
  public func remove(from directory: borrowing Directory) -> [Errno?] {
    starts.indices.map { index in
      let result = unsafe withPointer(at: index) { unsafe hc_unlink(directory.descriptor, $0) }
      Liveness.sign()
      return result < 0 ? Errno(shim: result) : nil
    }
  }

  func withPointer<Result>(at index: Int, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    let start = starts[index]
    return unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe (bytes.baseAddress! + start).withMemoryRebound(
        to: CChar.self, capacity: bytes.count - start, body)
    }
  }
}
