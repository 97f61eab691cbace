internal import SystemPackage

extension Directory {
  /// Removes a file if it `mayGo`, and says whether it has gone.
  ///
  /// What a name stood for when it was looked at, another program may have replaced since. So the file is renamed to `aside`
  /// first, which no other program knows, and looked at there; then it is removed, or put back unless its name is taken by
  /// now: it stays where it is and that is thrown. A run that is killed meanwhile leaves it under `aside`, too.
  ///
  /// Where the file system has no RENAME_NOREPLACE, it is looked at under its own name (`Name.moveByLink` says what the risk is).
  ///
  /// `mayGo` is given the name under which it is.
  public func removeFile(
    _ name: String, aside: String, if mayGo: (_ name: String) throws(KernelError) -> Bool
  ) throws(KernelError) -> Bool {
    do throws(KernelError) { try renameFile(name, as: aside) } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: return true
      case .invalidArgument:
        guard try mayGo(name) else { return false }
        try removeFile(name)
        return true
      default: throw error
      }
    }
    do throws(KernelError) {
      if try mayGo(aside) {
        try removeFile(aside)
        return true
      }
    } catch {
      try? renameFile(aside, as: name)
      throw error
    }
    try renameFile(aside, as: name)
    return false
  }

  /// Gives a file another name in this folder, which must be free.
  public func renameFile(_ name: String, as newName: String) throws(KernelError) {
    let outcome = Name.rename(
      Array(name.utf8).span, from: descriptor, to: descriptor, as: Array(newName.utf8).span)
    if case .failed(let errno) = outcome { throw KernelError(.rename, path.appending(name), errno) }
  }
}
