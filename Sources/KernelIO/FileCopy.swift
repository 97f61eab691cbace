internal import CLiburing
internal import SystemPackage

/// The steps of copying one file: check that it is not being written, copy data and attributes, compare.
extension CopyBatch {
  /// Smaller files are not searched for holes.
  private static let sparseBytesMin: UInt64 = 64 << 10

  /// Files of this size or more are written to the disk at once, part by part, instead of only in the sync of the batch.
  private static let largeBytesMin: UInt64 = 256 << 10
  private static let partBytesMax: UInt64 = 8 << 20

  static func status(of file: Int32) throws(CopyFailure) -> FileStatus {
    var raw = hc_stat()
    try check(unsafe hc_statx(file, "", &raw), .stat)
    return FileStatus(raw)
  }

  @discardableResult
  static func check<Result: SignedInteger>(
    _ result: Result, _ operation: KernelError.Operation
  ) throws(CopyFailure) -> Result {
    guard result < 0 else { return result }
    throw CopyFailure(outcome: .failed(operation, Errno(shim: result)))
  }

  /// Whether nobody has the file open for writing: only then is a lease granted (fcntl(2)). For another user's file only root
  /// gets one, and some file systems have none: then it must suffice that the file has not changed for ten seconds.
  static func isClosed(_ file: Int32, _ status: FileStatus) -> Bool {
    let leased = hc_lease_read(file)
    if leased >= 0 {
      hc_lease_end(file)
      return true
    }
    if Errno(shim: leased) == .resourceTemporarilyUnavailable { return false }
    return age(of: status).magnitude > 10_000_000_000
  }

  /// Nanoseconds since the last change; negative if that is in the future.
  private static func age(of status: FileStatus) -> Int64 {
    let (seconds, isOver) = status.changedSeconds.multipliedReportingOverflow(by: 1_000_000_000)
    return isOver ? .max : SystemClock.realtimeNanoseconds &- seconds &- Int64(status.changedNanoseconds)
  }

  /// The status of a file once any later write is sure to alter its change time, whose granularity is a clock tick, or a
  /// second. Waits for that if the file was changed a moment ago: by a killed run, or by the removal of another of its names.
  static func settledStatus(of file: Int32) throws(CopyFailure) -> FileStatus {
    let status = try status(of: file)
    let (grain, age): (Int64, Int64) = (
      status.changedNanoseconds == 0 ? 1_000_000_000 : 20_000_000, age(of: status)
    )
    // A change time far in the future, because the clock was set back, cannot be that of the next change either.
    guard age.magnitude <= grain.magnitude else { return status }
    hc_sleep_us(UInt32((grain - age) / 1000 + 1))
    guard try self.status(of: file).isUnchanged(since: status) else { throw CopyFailure(outcome: .changed) }
    return status
  }

  // MARK: data

  static func copyData(
    from source: Int32, to copy: Int32, bytes: UInt64, _ buffer: CopyBuffer
  ) throws(CopyFailure) {
    let isSparse = bytes >= sparseBytesMin && hc_is_sparse(source)
    var offset: UInt64 = 0
    var begun: UInt64 = 0
    while offset < bytes {
      var wanted = Int(min(UInt64(buffer.byteCount), bytes - offset))
      var count: Int64 = 0
      if isSparse { count = try check(unsafe hc_hole_length(source, offset, bytes, &wanted), .read) }
      if count == 0 {
        count = try check(unsafe hc_read_at(source, buffer.memory, wanted, offset), .read)
        guard count > 0 else { throw CopyFailure(outcome: .changed) }
        try check(unsafe hc_write_at(copy, buffer.memory, Int(count), offset), .write)
      }
      guard StopSignal.pending == nil else { throw CopyFailure(outcome: .notExecuted) }
      offset += UInt64(count)
      if offset - begun >= partBytesMax {
        hc_start_writing(copy)
        begun = offset
      }
      Heartbeat.sign()
    }
    // The file may end with a hole.
    if isSparse { try check(hc_set_size(copy, bytes), .write) }
    if bytes >= largeBytesMin { hc_start_writing(copy) }
  }

  static func equals(
    _ left: Int32, _ right: Int32, bytes: UInt64, _ buffer: CopyBuffer
  ) -> Result<Bool, Errno> {
    var offset: UInt64 = 0
    while offset < bytes {
      let count = unsafe hc_compare_data(left, right, offset, bytes, buffer.memory, buffer.byteCount)
      guard count >= 0 else { return .failure(Errno(shim: count)) }
      guard count > 0 else { return .success(false) }
      offset += UInt64(count)
      Heartbeat.sign()
    }
    return .success(true)
  }

  // MARK: attributes

  /// Owner, permissions, extended attributes and modification time.
  static func copyAttributes(
    from source: Int32, to copy: Int32, _ status: FileStatus
  ) throws(CopyFailure) -> Losses {
    var lost = Losses()
    var mode = status.mode
    let own = try self.status(of: copy)
    if own.owner != status.owner || own.group != status.group {
      lost = try giveAway(copy, to: status)
      // Rights meant for another user or group must not go to this one.
      let setID: UInt32 = 0o6000
      if !lost.isEmpty { mode &= ~setID }
      if lost.contains(.group) { mode &= ~0o070 | (mode & 0o007) << 3 }
    }
    switch hc_copy_xattrs(source, copy) {
    case 0: break
    case -Errno.ioError.rawValue: throw CopyFailure(outcome: .failed(.setAttribute, .ioError))
    // Even ENOSPC, which ext4 returns for an attribute that is too large.
    case _: lost.insert(.attributes)
    }
    // With an access control list the group bits are the list's mask, which must not become the group's own if the list is lost.
    if lost.contains(.attributes), hc_has_access_list(source) { mode &= ~0o070 | (mode & 0o007) << 3 }
    // Last, because chown(2) clears bits, and an access control list, which is one of the attributes, sets them.
    switch hc_fchmod(copy, mode) {
    case 0: break
    // FAT: all files have the permissions that it was mounted with.
    case -Errno.notPermitted.rawValue: lost.insert(.permissions)
    case let result: try check(result, .changeMode)
    }
    var raw = hc_stat()
    raw.mtime_s = status.modifiedSeconds
    raw.mtime_ns = status.modifiedNanoseconds
    try check(unsafe hc_set_times(copy, &raw), .setTime)
    return lost
  }

  private static func giveAway(_ copy: Int32, to status: FileStatus) throws(CopyFailure) -> Losses {
    // chown(2): an owner of -1 is left as it is.
    let asItIs = UInt32.max
    if hc_fchown(copy, status.owner, status.group) == 0 { return [] }
    if hc_fchown(copy, asItIs, status.group) == 0 { return .owner }
    let own = try self.status(of: copy)
    return Losses(
      own.owner == status.owner ? [.group] : own.group == status.group ? [.owner] : [.owner, .group])
  }
}

/// Why a file could not be added to a batch, as its outcome.
struct CopyFailure: Error {
  let outcome: CopyBatch.Outcome
}

/// The buffer that data is copied through.
@safe final class CopyBuffer {
  let memory: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) {
    self.byteCount = byteCount
    unsafe memory = .allocate(byteCount: byteCount, alignment: 4096)
  }

  deinit { unsafe memory.deallocate() }
}
