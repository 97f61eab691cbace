internal import CLiburing

/// The bare loops of system calls that a migration is measured against: what the kernel needs, and nothing else.
public enum BareLoops {
  /// Reads a folder and looks at each of its files (getdents64(2), statx(2)), by one thread. Returns how many.
  public static func look(at directory: borrowing Directory) throws(KernelError) -> Int {
    let folder = try directory.reopened()
    return Int(try KernelError.check(hc_bare_looks(folder.descriptor), .stat, folder.path))
  }
}

/// Renames that are prepared, so that nothing else is in the loop that does them.
public struct BareRenames: ~Copyable {
  private var renames: [hc_bare_rename] = []
  private var names: [CChar] = []

  public init() {}

  /// Both folders must stay open until `run`.
  public mutating func append(_ name: Span<UInt8>, from: Int32, to: Int32) {
    renames.append(hc_bare_rename(from: from, to: to, name: names.count))
    for index in name.indices { names.append(CChar(truncatingIfNeeded: name[index])) }
    names.append(0)
  }

  /// One after the other (renameat2(2), RENAME_NOREPLACE), by one thread. `root` is for the error.
  public func run(below root: borrowing Directory) throws(KernelError) {
    try KernelError.check(unsafe hc_bare_renames(renames, renames.count, names), .rename, root.path)
  }
}
