internal import CaptureLayout

/// Turns the tree of a file into the description of a layout: checks keys and types.
struct LayoutReader {
  let suggest: (_ word: String, _ known: [String]) -> String?

  func read(_ root: YAMLNode, name: String) throws(Flaw) -> (LayoutDescription, LayoutFile.Positions) {
    let whole = try fields(WholeKey.self, of: root, "a layout has keys and values, such as 'kinds:'")
    let buckets = try required(.buckets, whole, of: "the layout", at: root.position)
    guard let rule = BucketRule(rawValue: try buckets.plainText(hint(.buckets))) else {
      throw Flaw(buckets.position, hint(.buckets))
    }
    var layout = LayoutDescription(name: name, kinds: [], buckets: rule)
    layout.timeZone = try whole[.timeZone]?.plainText(hint(.timeZone))
    if let node = whole[.mounts] { layout.mounts = try mounts(node) }
    if let node = whole[.cold] { layout.coldRoot = try coldRoot(node) }

    let kinds = try required(.kinds, whole, of: "the layout", at: root.position)
    guard case .map(let entries) = kinds.content else { throw Flaw(kinds.position, hint(.kinds)) }
    var positions = LayoutFile.Positions(kinds: kinds.position, ofWhole: places(whole))
    for entry in entries {
      let (kind, places) = try self.kind(entry)
      layout.kinds.append(kind)
      positions.ofKinds.append(places)
    }
    return (layout, positions)
  }

  private func mounts(_ node: YAMLNode) throws(Flaw) -> [LayoutDescription.Mount] {
    guard case .map(let entries) = node.content else { throw Flaw(node.position, hint(.mounts)) }
    var mounts: [LayoutDescription.Mount] = []
    for entry in entries {
      mounts.append(try mount(entry))
    }
    return mounts
  }

  /// A folder with a type, or with a map of `MountKey`s.
  private func mount(_ entry: YAMLNode.Entry) throws(Flaw) -> LayoutDescription.Mount {
    var mount = LayoutDescription.Mount(path: entry.key)
    guard case .map = entry.value.content else {
      mount.type = try type(entry.value, hint(.mounts))
      return mount
    }
    let fields = try fields(MountKey.self, of: entry.value, hint(.mounts))
    if let node = fields[.type] { mount.type = try type(node, hint(MountKey.type)) }
    mount.uuid = try fields[.uuid]?.plainText(hint(MountKey.uuid))
    return mount
  }

  private func coldRoot(_ node: YAMLNode) throws(Flaw) -> LayoutDescription.Mount {
    let fields = try fields(ColdKey.self, of: node, hint(WholeKey.cold))
    let root = try required(.root, fields, of: "'cold'", at: node.position).plainText(hint(ColdKey.root))
    var mount = LayoutDescription.Mount(path: root)
    mount.point = try fields[.mount]?.plainText(hint(ColdKey.mount))
    if let node = fields[.type] { mount.type = try type(node, hint(ColdKey.type)) }
    mount.uuid = try fields[.uuid]?.plainText(hint(ColdKey.uuid))
    return mount
  }

  private func type(_ node: YAMLNode, _ hint: String) throws(Flaw) -> String? {
    let type = try node.plainText(hint)
    let known = LayoutDescription.Mount.types
    guard type != "any" else { return nil }
    guard known.contains(type) else {
      let advice =
        suggest(type, known).map { "did you mean '\($0)'?" }
        ?? "expected any or one of \(known.joined(separator: ", "))"
      throw Flaw(node.position, "unknown file system type '\(YAMLText.short(type))'; \(advice)")
    }
    return type
  }

  private func kind(
    _ entry: YAMLNode.Entry
  ) throws(Flaw) -> (LayoutDescription.Kind, [String: FilePosition]) {
    let keys = KindKey.allCases.map(\.rawValue).joined(separator: ", ")
    let fields = try fields(KindKey.self, of: entry.value, "expected the keys of this kind: \(keys)")
    func required(_ key: KindKey) throws(Flaw) -> YAMLNode {
      try self.required(key, fields, of: "'\(YAMLText.short(entry.key))'", at: entry.position)
    }
    var kind = LayoutDescription.Kind(
      name: entry.key, match: try texts(required(.match), .match), flat: try folder(required(.flat), .flat),
      hot: try folder(required(.hot), .hot), limit: try number(required(.limit), .limit))
    if let node = fields[.except] { kind.except = try texts(node, .except) }
    if let node = fields[.cold] { kind.cold = try folder(node, .cold) }
    if let node = fields[.retain] { kind.retentionSeconds = try seconds(node, .retain) }
    kind.playlist = try fields[.playlist]?.plainText(hint(.playlist))
    if let node = fields[.initialization] {
      guard kind.playlist != nil else { throw Flaw(node.position, "'init' requires 'playlist'") }
      kind.initialization = try texts(node, .initialization)
    }
    return (kind, places(fields).merging(["name": entry.position]) { $1 })
  }

  // MARK: keys

  private func fields<Key: LayoutKey>(
    _: Key.Type, of node: YAMLNode, _ expected: String
  ) throws(Flaw) -> [Key: YAMLNode] {
    guard case .map(let entries) = node.content else { throw Flaw(node.position, expected) }
    var fields: [Key: YAMLNode] = [:]
    for entry in entries {
      guard let key = Key(rawValue: entry.key) else {
        let known = Key.allCases.map(\.rawValue)
        let advice =
          suggest(entry.key, known).map { "did you mean '\($0)'?" }
          ?? "the keys are \(known.joined(separator: ", "))"
        throw Flaw(entry.position, "unknown key '\(YAMLText.short(entry.key))'; \(advice)")
      }
      fields[key] = entry.value
    }
    return fields
  }

  private func required<Key: LayoutKey>(
    _ key: Key, _ fields: [Key: YAMLNode], of owner: String, at position: FilePosition
  ) throws(Flaw) -> YAMLNode {
    guard let node = fields[key] else { throw Flaw(position, "\(owner) has no '\(key.rawValue)'") }
    return node
  }

  private func places<Key: LayoutKey>(_ fields: [Key: YAMLNode]) -> [String: FilePosition] {
    Dictionary(uniqueKeysWithValues: fields.map { ($0.key.rawValue, $0.value.position) })
  }

  // MARK: values

  private func hint(_ key: WholeKey) -> String { "\(key.rawValue): \(key.expected)" }
  private func hint(_ key: KindKey) -> String { "\(key.rawValue): \(key.expected)" }
  private func hint(_ key: ColdKey) -> String { "\(key.rawValue): \(key.expected)" }
  private func hint(_ key: MountKey) -> String { "\(key.rawValue): \(key.expected)" }

  private func texts(_ node: YAMLNode, _ key: KindKey) throws(Flaw) -> [String] {
    guard case .list(let items) = node.content else { return [try node.plainText(hint(key))] }
    var texts: [String] = []
    for item in items { texts.append(try item.plainText(hint(key))) }
    return texts
  }

  /// "." is the capture itself.
  private func folder(_ node: YAMLNode, _ key: KindKey) throws(Flaw) -> String {
    let path = try node.plainText(hint(key))
    return path == "." ? "" : path
  }

  private func number(_ node: YAMLNode, _ key: KindKey) throws(Flaw) -> Int {
    // Only in canonical form: some programs take 010 for eight.
    guard case .text(let text, isPlain: true) = node.content, let number = Int(text),
      number.description == text
    else { throw Flaw(node.position, hint(key)) }
    return number
  }

  private func seconds(_ node: YAMLNode, _ key: KindKey) throws(Flaw) -> Int64 {
    guard case .text(let text, isPlain: _) = node.content, let seconds = Age.seconds(text) else {
      throw Flaw(node.position, hint(key))
    }
    return seconds
  }
}

/// A retention time: "90s", "5m", "24h", "14d".
enum Age {
  private static let units: [(letter: Character, seconds: Int64)] = [
    ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
  ]
  /// A minute to ten years, as in the service's own setting.
  private static let range: ClosedRange<Int64> = 60...315_360_000

  static func seconds(_ text: String) -> Int64? {
    let digits = text.dropLast()
    guard let unit = units.first(where: { $0.letter == text.last }), let number = Int64(digits),
      number.description == digits, (1...range.upperBound).contains(number),
      range.contains(number * unit.seconds)
    else { return nil }
    return number * unit.seconds
  }

  /// In the largest unit that fits; one day is written as 24h.
  static func text(_ seconds: Int64) -> String {
    let unit =
      units.first { seconds % $0.seconds == 0 && ($0.letter != "d" || seconds > $0.seconds) } ?? ("s", 1)
    return "\(seconds / unit.seconds)\(unit.letter)"
  }
}
