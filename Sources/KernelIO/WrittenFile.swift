internal import CLiburing
internal import SystemPackage

/// A file that is being written. Call `close` at the end: NFS and other file systems write the data only then, and report only
/// then that there was no room for it (close(2)). A later sync may not get that error any more.
private struct WrittenFile: ~Copyable {
  let descriptor: Int32

  init(_ name: String, mode: UInt32, in folder: borrowing Directory) throws(KernelError) {
    descriptor = try KernelError.check(
      unsafe hc_create_file(folder.descriptor, name, mode), .create, folder.path.appending(name))
  }

  deinit { hc_close(descriptor) }

  consuming func close(_ path: () -> FilePath) throws(KernelError) {
    let descriptor = descriptor
    discard self
    try KernelError.check(hc_close_written(descriptor), .close, path())
  }
}

extension Directory {
  /// Creates the file `name`, which must not exist, with these contents and this modification time.
  public func createFile(
    _ name: String, contents: Span<UInt8>, mode: UInt32 = 0o644, modifiedSeconds: Int64,
    modifiedNanoseconds: UInt32
  ) throws(KernelError) {
    let filePath = { [place] in place.path.appending(name) }
    let file = try WrittenFile(name, mode: mode, in: self)
    try writeAll(contents, to: file.descriptor, filePath)
    try KernelError.check(
      hc_set_mtime(file.descriptor, modifiedSeconds, modifiedNanoseconds), .setTime, filePath())
    try file.close(filePath)
  }

  /// Writes the file `name`, which must not exist. If that fails, no file is left. It gets the owner and group of this folder, as
  /// far as this process may set them, and is readable and writable for whoever may list or change the folder.
  ///
  /// - Parameters:
  ///   - name: the new file.
  ///   - modified: its modification time; nil for the time of writing.
  ///   - contents: calls `write` for each chunk.
  public func writeFile(
    _ name: String, modified: (seconds: Int64, nanoseconds: UInt32)? = nil,
    contents: (_ write: (Span<UInt8>) throws(KernelError) -> Void) throws(KernelError) -> Void
  ) throws(KernelError) {
    let filePath = { [place] in place.path.appending(name) }
    let own = try status()
    let file = try WrittenFile(name, mode: 0o600, in: self)
    let descriptor = file.descriptor
    do throws(KernelError) {
      try contents { bytes throws(KernelError) in try writeAll(bytes, to: descriptor, filePath) }
      if let modified {
        try KernelError.check(
          hc_set_mtime(descriptor, modified.seconds, modified.nanoseconds), .setTime, filePath())
      }
      if CurrentProcess.effectiveUser != own.owner || !CurrentProcess.isMember(ofGroup: own.group) {
        try Self.giveAway(descriptor, to: own, filePath())
      }
      try KernelError.check(hc_fchmod(descriptor, own.mode & 0o666), .changeMode, filePath())
      try file.close(filePath)
    } catch {
      try? removeFile(name)
      throw error
    }
  }

  /// Publishes a file of this process atomically: writes it under `temporaryName`, then renames it, replacing an earlier one.
  /// Not synced.
  public func publishFile(
    _ name: String, via temporaryName: String, contents: Span<UInt8>, mode: UInt32
  ) throws(KernelError) {
    let filePath = { [place] in place.path.appending(temporaryName) }
    try removeFile(temporaryName)
    let file = try WrittenFile(temporaryName, mode: mode, in: self)
    do throws(KernelError) {
      try writeAll(contents, to: file.descriptor, filePath)
      try file.close(filePath)
      try KernelError.check(
        unsafe hc_rename_replacing(descriptor, temporaryName, name), .rename, path.appending(name))
    } catch {
      try? removeFile(temporaryName)
      throw error
    }
  }
}
