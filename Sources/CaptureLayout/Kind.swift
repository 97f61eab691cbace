/// A class of files in a capture: its position among the kinds of its `Layout`.
@frozen public struct Kind: Hashable, Sendable {
  /// The most kinds that a layout may have.
  public static let countMax = 8

  public let index: UInt8

  @usableFromInline init(_ index: Int) { self.index = UInt8(index) }

  /// The kind with this index in the same layout.
  @inlinable public init(index: UInt8) { self.index = index }
}

/// A folder in which files of some kind are looked for, or which contains buckets: its position among the places of its
/// `Layout`.
public struct Place: Hashable, Sendable {
  /// The capture itself.
  public static let root = Place(0)

  public let index: UInt8

  init(_ index: Int) { self.index = UInt8(index) }
}

/// One value for each kind. Not a dictionary, because it is read for every file. The values of kinds that the layout does not
/// have keep their initial value.
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
    // In place: a setter would copy a value that is an array of counts, updated for every file.
    _modify { yield &values[Int(kind.index)] }
  }

  /// The value of the kind at this index.
  @inlinable public func value(at index: Int) -> Value { values[index] }

  /// Combines the values of all possible kinds, in order.
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
