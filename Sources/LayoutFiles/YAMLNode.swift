/// A text, list or map in a YAML file, with its position.
struct YAMLNode {
  struct Entry {
    let key: String
    let position: FilePosition
    let value: YAMLNode
  }

  enum Content {
    case text(String, isPlain: Bool)
    case list([YAMLNode])
    /// Each key once, in the order of the file.
    case map([Entry])
  }

  let content: Content
  let position: FilePosition

  /// Nil for an empty file.
  init?(_ events: [YAMLEvent]) throws(Flaw) {
    guard !events.isEmpty else { return nil }
    var rest = events[...]
    try self.init(&rest)
  }

  /// Recursive, but only as deep as `YAMLEvent.all` allows.
  private init(_ events: inout ArraySlice<YAMLEvent>) throws(Flaw) {
    let event = events.removeFirst()
    position = event.position
    switch event.content {
    case .text(let text, let isPlain): content = .text(text, isPlain: isPlain)
    case .list:
      var items: [YAMLNode] = []
      while !Self.isEnd(&events) { items.append(try YAMLNode(&events)) }
      content = .list(items)
    case .map:
      var entries: [Entry] = []
      while !Self.isEnd(&events) { entries.append(try Self.entry(&events, after: entries)) }
      content = .map(entries)
    case .end:
      throw Flaw(position, "not valid YAML")
    }
  }

  private static func isEnd(_ events: inout ArraySlice<YAMLEvent>) -> Bool {
    guard let next = events.first else { return true }
    guard case .end = next.content else { return false }
    events.removeFirst()
    return true
  }

  private static func entry(
    _ events: inout ArraySlice<YAMLEvent>, after others: [Entry]
  ) throws(Flaw) -> Entry {
    let node = try YAMLNode(&events)
    guard case .text(let key, _) = node.content else { throw Flaw(node.position, "a key is one word") }
    if key == "<<" { throw Flaw(node.position, "merge keys are not allowed") }
    let shown = try node.plainText("a key is one word")
    if let other = others.first(where: { $0.key == key }) {
      throw Flaw(
        node.position, "'\(YAMLText.short(shown))' is given twice, first on line \(other.position.line)")
    }
    return Entry(key: key, position: node.position, value: try YAMLNode(&events))
  }

  /// The text of a name or a path.
  ///
  /// - Parameter expected: the message for anything else, an empty text included.
  func plainText(_ expected: String) throws(Flaw) -> String {
    guard case .text(let text, let isPlain) = content, !text.isEmpty else { throw Flaw(position, expected) }
    if let invisible = firstInvisible(text) { throw Flaw(position, "\(invisible) is not allowed in a name") }
    if isPlain, YAMLText.isAmbiguous(text) {
      throw Flaw(position, "YAML may not read '\(YAMLText.short(text))' as text; put it in quotes")
    }
    return text
  }
}

/// How text is written in YAML.
enum YAMLText {
  /// Whether, without quotes, a YAML parser could read this as a number, a time, a boolean or null.
  static func isAmbiguous(_ text: String) -> Bool {
    let words = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    if words.contains(text.lowercased()) { return true }
    let isNumber =
      text.utf8.contains { isDigit($0) }
      && text.utf8.allSatisfy { isDigit($0) || "+-._:eEoxX".utf8.contains($0) }
    let isHexadecimal = text.lowercased().hasPrefix("0x")
    return isNumber || isHexadecimal || [".inf", ".nan"].contains(text.lowercased())
  }

  /// The text, with quotes if it needs them.
  static func quoted(_ text: String) -> String {
    let isSafe = text.utf8.allSatisfy {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
        || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
        || isDigit($0) || "_./-".utf8.contains($0)
    }
    if isSafe, !isAmbiguous(text), !text.hasPrefix("-"), !text.hasPrefix("...") { return text }
    let escaped = text.map { $0 == "\\" || $0 == "\"" ? "\\\($0)" : String($0) }.joined()
    return "\"\(escaped)\""
  }

  /// The text, shortened for a message.
  static func short(_ text: String) -> String {
    let charactersMax = 60
    return text.count > charactersMax ? text.prefix(charactersMax) + "…" : text
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
