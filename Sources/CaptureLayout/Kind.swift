/// A class of files in a capture: its position among the kinds of its `Layout`.
@frozen public struct Kind: Hashable, Sendable {
  /// How many a layout may have.
  public static let countMax = 8

  public let index: UInt8

  @usableFromInline init(_ index: Int) { self.index = UInt8(index) }

  /// The kind with this index in the same layout.
  @inlinable public init(index: UInt8) { self.index = index }
}

/// A folder of a capture in which files of some kind are looked for, or below which buckets are: its position among the
/// places of its `Layout`.
public struct Place: Hashable, Sendable {
  /// The capture itself.
  public static let root = Place(0)

  public let index: UInt8

  init(_ index: Int) { self.index = UInt8(index) }
}

/// One value for each kind, without a dictionary: it is read for every file. Those of kinds that the layout does not have
/// stay as they were made.
@frozen public struct PerKind<Value> {
  @usableFromInline var values: InlineArray<8, Value>

  @inlinable public init(_ make: (Kind) -> Value) {
    values = InlineArray { make(Kind($0)) }
  }

  @inlinable public init(repeating value: Value) {
    values = InlineArray(repeating: value)
  }

  @inlinable public subscript(kind: Kind) -> Value {
    get { values[Int(kind.index)] }
    // In place: a setter would copy an array that is counted in for every file.
    _modify { yield &values[Int(kind.index)] }
  }

  /// For each possible kind, in order.
  @inlinable public func value(at index: Int) -> Value { values[index] }

  /// All values added up.
  @inlinable public func reduce<Sum>(_ initial: Sum, _ add: (Sum, Value) -> Sum) -> Sum {
    var sum = initial
    for index in values.indices { sum = add(sum, values[index]) }
    return sum
  }
}

extension PerKind<Int> {
  @inlinable public var sum: Int { reduce(0, +) }
}

extension PerKind: Sendable where Value: Sendable {}
