internal import CLibYAML

/// One item of a YAML file. All calls of libyaml, and all unsafe code of this module, are here.
struct YAMLEvent {
  enum Content {
    case text(String, isPlain: Bool)
    case list
    case map
    /// The end of the innermost open list or map.
    case end
  }

  let content: Content
  let position: FilePosition

  /// The events of the only document in a file; none for an empty file. Everything in YAML beyond text, lists and maps is
  /// refused where it stands, so nothing is ever expanded.
  static func all(_ bytes: [UInt8]) throws(Flaw) -> [YAMLEvent] {
    guard !bytes.isEmpty else { return [] }
    // At a fixed address, because it contains pointers to itself.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { unsafe parser.deallocate() }
    guard unsafe yaml_parser_initialize(parser) == 1 else { throw Flaw(.start, "out of memory") }
    defer { unsafe yaml_parser_delete(parser) }
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    return try unsafe bytes.withUnsafeBufferPointer { (buffer) throws(Flaw) in
      unsafe yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
      return try unsafe read(parser, bytes)
    }
  }

  /// The layout, its kinds, a kind, a list of patterns.
  private static let depthMax = 4

  private static func read(
    _ parser: UnsafeMutablePointer<yaml_parser_t>, _ bytes: [UInt8]
  ) throws(Flaw) -> [YAMLEvent] {
    var events: [YAMLEvent] = []
    var documents = 0
    var depth = 0
    while true {
      var raw = unsafe yaml_event_t()
      guard unsafe yaml_parser_parse(parser, &raw) == 1 else { throw unsafe flaw(parser, bytes) }
      defer { unsafe yaml_event_delete(&raw) }
      if unsafe raw.type == YAML_STREAM_END_EVENT { return events }
      let position = unsafe FilePosition(raw.start_mark)
      guard let content = try unsafe content(of: raw, position) else {
        documents += unsafe raw.type == YAML_DOCUMENT_START_EVENT ? 1 : 0
        if documents > 1 { throw Flaw(position, "a second document; a file holds one layout") }
        continue
      }
      events.append(YAMLEvent(content: content, position: position))
      switch content {
      case .list, .map: depth += 1
      case .end: depth -= 1
      case .text: break
      }
      if depth > depthMax { throw Flaw(position, "nested too deeply for a layout") }
    }
  }

  /// Nil for an event without content, such as the beginning or end of a document.
  private static func content(of raw: yaml_event_t, _ position: FilePosition) throws(Flaw) -> Content? {
    switch unsafe raw.type {
    case YAML_DOCUMENT_START_EVENT:
      let start = unsafe raw.data.document_start
      guard unsafe start.version_directive == nil,
        unsafe start.tag_directives.start == start.tag_directives.end
      else { throw Flaw(position, "YAML directives are not allowed; remove this line") }
      return nil
    case YAML_ALIAS_EVENT:
      throw Flaw(position, aliasRefusal)
    case YAML_SCALAR_EVENT:
      let scalar = unsafe raw.data.scalar
      try unsafe refuse(scalar.anchor, scalar.tag, position)
      let value = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return unsafe .text(
        String(decoding: value, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    case YAML_SEQUENCE_START_EVENT:
      try unsafe refuse(raw.data.sequence_start.anchor, raw.data.sequence_start.tag, position)
      return .list
    case YAML_MAPPING_START_EVENT:
      try unsafe refuse(raw.data.mapping_start.anchor, raw.data.mapping_start.tag, position)
      return .map
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
      return .end
    default:
      return nil
    }
  }

  private static let aliasRefusal = "aliases are not allowed; put text that begins with '*' in quotes"

  private static func refuse(
    _ anchor: UnsafeMutablePointer<yaml_char_t>?, _ tag: UnsafeMutablePointer<yaml_char_t>?,
    _ position: FilePosition
  ) throws(Flaw) {
    if unsafe anchor != nil {
      throw Flaw(position, "anchors are not allowed; put text that begins with '&' in quotes")
    }
    if unsafe tag != nil {
      throw Flaw(position, "tags are not allowed; put text that begins with '!' in quotes")
    }
  }

  /// Why libyaml stopped. The most common mistakes get clearer messages than libyaml's.
  private static func flaw(_ parser: UnsafeMutablePointer<yaml_parser_t>, _ bytes: [UInt8]) -> Flaw {
    let context = unsafe text(parser.pointee.context)
    let problem = unsafe text(parser.pointee.problem)
    switch unsafe parser.pointee.error {
    case YAML_SCANNER_ERROR where context == "while scanning an alias":
      return unsafe Flaw(FilePosition(parser.pointee.context_mark), aliasRefusal)
    case YAML_SCANNER_ERROR
    where context == "while scanning a quoted scalar" && problem.hasSuffix("end of stream"):
      return unsafe Flaw(FilePosition(parser.pointee.context_mark), "an unclosed quote")
    case YAML_SCANNER_ERROR where problem == "found character that cannot start any token":
      let mark = unsafe parser.pointee.problem_mark
      let isTab = mark.index < bytes.count && character(at: mark, bytes) == "\t"
      return Flaw(
        FilePosition(mark), isTab ? "a tab; indent with spaces" : "text that begins like this needs quotes")
    case YAML_SCANNER_ERROR, YAML_PARSER_ERROR:
      return unsafe Flaw(FilePosition(parser.pointee.problem_mark), "not valid YAML: \(problem)")
    default:
      return unsafe Flaw(FilePosition(parser.pointee.mark), "not readable: \(problem)")
    }
  }

  /// The character at a mark, whose index counts characters.
  private static func character(at mark: yaml_mark_t, _ bytes: [UInt8]) -> Unicode.Scalar? {
    String(decoding: bytes, as: UTF8.self).unicodeScalars.dropFirst(mark.index).first
  }

  private static func text(_ pointer: UnsafePointer<CChar>?) -> String {
    unsafe pointer.map { unsafe String(cString: $0) } ?? "no reason given"
  }
}

extension FilePosition {
  fileprivate init(_ mark: yaml_mark_t) {
    self.init(line: mark.line + 1, column: mark.column + 1)
  }
}
