public import CaptureLayout

extension LayoutFile {
  /// The text of a layout file. Parsing it gives the same layout, except for its name, which is that of the file.
  public static func render(_ layout: LayoutDescription) -> String {
    var writer = LayoutWriter()
    writer.write(layout)
    return writer.lines.joined(separator: "\n") + "\n"
  }
}

private struct LayoutWriter {
  var lines: [String] = []
  /// Keys that already have a comment: only the first occurrence gets one.
  private var explained: Set<KindKey> = []

  mutating func write(_ layout: LayoutDescription) {
    lines.append("# A hotcold layout: the kinds of files in a capture, and where each is kept.")
    lines.append("")
    lines.append("# How the folders of older files are named: hour (0 to 23) or date-hour (2026-11-24/13).")
    lines.append("buckets: \(layout.buckets.rawValue)")
    if let zone = layout.timeZone { lines.append("time-zone: \(YAMLText.quoted(zone))") }
    if !layout.mounts.isEmpty {
      lines.append(
        "# Folders with another file system mounted on them, and its type. Files are moved by copying there.")
      lines.append("mounts:")
      for mount in layout.mounts {
        lines.append("  \(YAMLText.quoted(mount.path)): \(value(mount))")
      }
    }
    if let root = layout.coldRoot { write(root) }
    lines.append("kinds:")
    for kind in layout.kinds { write(kind) }
  }

  private func value(_ mount: LayoutDescription.Mount) -> String {
    let type = YAMLText.quoted(mount.type ?? "any")
    return mount.uuid.map { "{type: \(type), uuid: \(YAMLText.quoted($0))}" } ?? type
  }

  private mutating func write(_ root: LayoutDescription.Mount) {
    lines.append(
      "# Where the buckets are: below this folder instead of the capture. {capture} is the capture's name.")
    lines.append("cold:")
    lines.append("  root: \(YAMLText.quoted(root.path))")
    for (key, value) in [("mount", root.point), ("type", root.type), ("uuid", root.uuid)] {
      if let value { lines.append("  \(key): \(YAMLText.quoted(value))") }
    }
  }

  private mutating func write(_ kind: LayoutDescription.Kind) {
    lines.append("  \(YAMLText.quoted(kind.name)):")
    write(.match, list(kind.match))
    if !kind.except.isEmpty { write(.except, list(kind.except)) }
    write(.flat, folder(kind.flat))
    write(.hot, folder(kind.hot))
    if let cold = kind.cold { write(.cold, folder(cold)) }
    write(.limit, "\(kind.limit)")
    if let seconds = kind.retentionSeconds { write(.retain, Age.text(seconds)) }
    if let playlist = kind.playlist { write(.playlist, YAMLText.quoted(playlist)) }
    if !kind.initialization.isEmpty { write(.initialization, list(kind.initialization)) }
  }

  private mutating func write(_ key: KindKey, _ value: String) {
    let comment = explained.insert(key).inserted ? "  # \(key.comment)" : ""
    lines.append("    \(key.rawValue): \(value)\(comment)")
  }

  private func list(_ texts: [String]) -> String {
    texts.count == 1 ? YAMLText.quoted(texts[0]) : "[\(texts.map(YAMLText.quoted).joined(separator: ", "))]"
  }

  private func folder(_ path: String) -> String { path.isEmpty ? "." : YAMLText.quoted(path) }
}
