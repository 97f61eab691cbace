internal import CLiburing

/// Bare loops of system calls: the time that the kernel alone needs, which a migration is measured against.
public enum BareLoops {
  /// Reads a folder and stats each of its files (getdents64(2), statx(2)), on one thread. Returns their number.
  public static func look(at directory: borrowing Directory) throws(KernelError) -> Int {
    let folder = try directory.reopened()
    return Int(try KernelError.check(hc_bare_looks(folder.descriptor), .stat, folder.path))
  }
}

/// Renames prepared in advance, so that the loop does nothing else.
public struct BareRenames: ~Copyable {
  private var renames: [hc_bare_rename] = []
  private var names: [CChar] = []

  public init() {}

  /// Adds a rename. Both folders must stay open until `run`.
  public mutating func append(_ name: Span<UInt8>, from: Int32, to: Int32) {
    renames.append(hc_bare_rename(from: from, to: to, name: names.count))
    for index in name.indices { names.append(CChar(truncatingIfNeeded: name[index])) }
    names.append(0)
  }

  /// Renames one after the other (renameat2(2), RENAME_NOREPLACE), on one thread. `root` is named in errors.
  public func run(below root: borrowing Directory) throws(KernelError) {
    try KernelError.check(unsafe hc_bare_renames(renames, renames.count, names), .rename, root.path)
  }
}
