internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The segments that one live playlist lists, and which of them are not beside it as files.
struct LiveListing {
  private(set) var hashes: [UInt64] = []
  /// Includes names that no file can have: too long, or with a NUL.
  private(set) var missing: Set<UInt64> = []
  /// Folders, links and whatever else is not a regular file: no player can load it.
  private(set) var notFiles: Set<UInt64> = []
  private(set) var examples: [[UInt8]] = []
  /// Modification time of the oldest listed file that exists.
  private(set) var oldest: ModificationTime?
  private(set) var error: KernelError?

  /// Judges one listed segment.
  ///
  /// - Parameters:
  ///   - uri: the last path component of its URI.
  ///   - known: names already judged, which are skipped.
  mutating func judge(_ uri: Span<UInt8>, in directory: borrowing Directory, unlike known: ListedNames) {
    if let decoded = SegmentURI.decoded(uri), !FileName.canExist(uri) || !directory.has(uri) {
      judge(name: decoded.span, in: directory, unlike: known)
    } else {
      judge(name: uri, in: directory, unlike: known)
    }
  }

  /// Notes that a segment is listed, wherever it is.
  mutating func note(_ uri: Span<UInt8>) { hashes.append(namesIn: uri) }

  private mutating func judge(name: Span<UInt8>, in directory: borrowing Directory, unlike known: ListedNames)
  {
    guard error == nil, !known.contains(name) else { return }
    let hash = hashOfName(name)
    hashes.append(hash)
    do throws(KernelError) {
      let status = FileName.canExist(name) ? try directory.modificationIfThere(name) : nil
      guard let status, status.type == .regular else {
        let isNew = status == nil ? missing.insert(hash).inserted : notFiles.insert(hash).inserted
        if isNew, examples.count < Criterion.examplesMax { examples.append(Array(copying: name)) }
        return
      }
      oldest = min(oldest ?? status.modified, status.modified)
    } catch { self.error = error }
  }
}

extension Directory {
  fileprivate func has(_ name: Span<UInt8>) -> Bool { ((try? modificationIfThere(name)) ?? nil) != nil }
}
