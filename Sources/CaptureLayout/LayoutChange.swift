/// Layouts derived from others: one that takes files from another layout, and one for a particular capture.
extension Layout {
  /// This layout, extended to take files from another one: from its buckets, and from those of its places that are not places
  /// of this layout.
  ///
  /// - Throws: a mistake if the two layouts contradict each other.
  public func coming(from other: Layout) throws(LayoutMistake) -> Layout {
    if let path = other.folderInBucket(of: self) ?? folderInBucket(of: other) {
      throw LayoutMistake(
        "'\(path)' is a folder of one layout, and a bucket of the other or inside one; revert with the old layout, then migrate with the new one"
      )
    }
    var paths = paths
    var sources = contents.sources
    var cold = PerKind<Place?>(repeating: nil)
    for otherKind in other.kinds {
      guard let kind = kind(named: other.name(of: otherKind)) else {
        throw LayoutMistake(
          "the layout '\(name)' has no kind '\(other.name(of: otherKind))', which '\(other.name)' has")
      }
      for place in [other[otherKind].flat, other[otherKind].hot].map({
        Self.place(other.path(of: $0), in: &paths)
      })
      where !holds(place, kind) && !sources[kind].contains(place) {
        sources[kind].append(place)
      }
      if let root = other.description.coldRoot { _ = Self.place(root.path, in: &paths) }
      let place = Self.place(other.path(of: other.coldPlace(of: otherKind)), in: &paths)
      if other.buckets != buckets || place != coldPlace(of: kind) { cold[kind] = place }
    }
    var mounts = mounts
    for mount in other.mounts where !mounts.contains(where: { $0.path.utf8.elementsEqual(mount.path.utf8) }) {
      if let own = mounts.first(where: mount.overlaps) {
        throw LayoutMistake(
          "'\(own.path)' and '\(mount.path)' are mounts or cold roots of the two layouts, and one is inside the other"
        )
      }
      mounts.append(mount)
    }
    let isSame = kinds.allSatisfy { cold[$0] == nil }
    return Layout(
      contents: Contents(
        description, rules, paths, isSame ? trees : trees + [Tree(rule: other.buckets, places: cold)],
        sources, mounts, contents.matcher))
  }

  /// A folder of this layout that may be, or be inside, a bucket of another one: a file there would be both hot and cold.
  private func folderInBucket(of other: Layout) -> String? {
    paths.first { path in
      other.kinds.contains {
        LayoutDescription.isInBucket(path, below: other.path(of: other.coldPlace(of: $0)))
      }
    }
  }

  /// Whether any kind has its buckets in the same folders in both layouts.
  public func sharesBuckets(with other: Layout) -> Bool {
    buckets == other.buckets
      && other.kinds.contains { otherKind in
        guard let kind = kind(named: other.name(of: otherKind)) else { return false }
        return other.path(of: other.coldPlace(of: otherKind)).utf8.elementsEqual(
          path(of: coldPlace(of: kind)).utf8)
      }
  }

  /// This layout for one capture, whose name replaces `{capture}` in cold roots.
  public func placed(name: String) -> Layout {
    let mark = LayoutDescription.captureMark
    guard mounts.contains(where: { $0.isColdRoot && $0.path.contains(mark) }) else { return self }
    func placed(_ root: LayoutDescription.Mount) -> LayoutDescription.Mount {
      var root = root
      root.path = root.path.replacing(mark, with: name)
      root.point = root.point?.replacing(mark, with: name)
      return root
    }
    // Only in the root of a path: a folder below it may have any name, even "{capture}".
    let paths = paths.map { path in
      let (mount, below) = split(path)
      guard let mount, mounts[mount].isColdRoot else { return path }
      return placed(mounts[mount]).path + (below.isEmpty ? "" : "/\(below)")
    }
    var description = description
    description.coldRoot = description.coldRoot.map(placed)
    return Layout(
      contents: Contents(
        description, rules, paths, trees, contents.sources, mounts.map { $0.isColdRoot ? placed($0) : $0 },
        contents.matcher))
  }
}
