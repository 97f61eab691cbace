internal import SystemPackage

extension Directory {
  /// Removes a file if `mayGo` is true for it. Returns whether it is gone.
  ///
  /// Another program may replace a file after it was looked at. So the file is first renamed to `aside`, a name that no other
  /// program knows, and looked at there. Then it is removed or renamed back. If its name has been taken meanwhile, it stays
  /// under `aside`, and the error is thrown. A run that is killed meanwhile leaves it under `aside`, too.
  ///
  /// If the file system has no RENAME_NOREPLACE, it is looked at under its own name (`Name.moveByLink` describes the risk).
  ///
  /// - Parameters:
  ///   - name: the file.
  ///   - aside: a name in this folder that no other program knows.
  ///   - mayGo: called with the name that the file has at that moment.
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

  /// Renames a file in this folder. The new name must be free.
  public func renameFile(_ name: String, as newName: String) throws(KernelError) {
    let outcome = Name.rename(
      Array(name.utf8).span, from: descriptor, to: descriptor, as: Array(newName.utf8).span)
    if case .failed(let errno) = outcome { throw KernelError(.rename, path.appending(name), errno) }
  }
}
