internal import CaptureLayout
internal import KernelIO

/// Decides which cold files have expired. A name that the live playlist lists is spared.
struct Expiry: Sendable {
  let tree: CaptureTree
  let rule: RetentionRule
  let pinned: ListedNames

  func hasExpired(
    _ name: Span<UInt8>, _ kind: Kind, _ modified: ModificationTime, nowSeconds: Int64
  ) -> Bool {
    rule.verdict(of: kind, modified, nowSeconds: nowSeconds) == .expired
      && (!tree.layout.isSegment(kind) || !isPinned(name))
  }

  /// Whether the live playlist means this file. If a segment of that name is hot, the playlist means that one: a cold segment of
  /// the same name belongs to another recording.
  private func isPinned(_ name: Span<UInt8>) -> Bool {
    pinned.contains(name) && (pinned.mayBeAny || !tree.isHotSegment(name))
  }
}
