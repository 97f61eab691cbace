internal import CLiburing
public import SystemPackage

extension FilePath {
  /// The bytes of the path, as the kernel sees it.
  public var bytes: [UInt8] {
    unsafe withPlatformString { start in
      var bytes: [UInt8] = []
      var next = unsafe start
      while unsafe next.pointee != 0 {
        // Not `bitPattern`: C's char is signed on x86_64 and unsigned on arm64.
        unsafe bytes.append(UInt8(truncatingIfNeeded: next.pointee))
        unsafe next += 1
      }
      return bytes
    }
  }

  /// This path with a relative path, as bytes, appended.
  public func appending(bytes name: [UInt8]) -> FilePath {
    appending(FilePath(bytes: name).components)
  }

  /// The path that `name` leads to from this folder: `name` itself if it is absolute.
  public func reaching(_ name: String) -> FilePath {
    name.utf8.first == UInt8(ascii: "/") ? FilePath(name) : appending(name)
  }

  /// As `reaching(_:)`, for a name that need not be text.
  public func reaching(bytes name: [UInt8]) -> FilePath {
    name.first == UInt8(ascii: "/") ? FilePath(bytes: name) : appending(bytes: name)
  }

  /// The path with these bytes, up to the first NUL.
  public init(bytes: [UInt8]) {
    let terminated = bytes.prefix { $0 != 0 }.map { CChar(truncatingIfNeeded: $0) } + [0]
    self.init(platformString: terminated)
  }

  /// The absolute path. "." is removed, and ".." before the first name is resolved; after a name it stays, because the name may
  /// be a link.
  public func absolute() throws(KernelError) -> FilePath {
    var path: FilePath = isAbsolute ? "/" : try CurrentProcess.workingFolder()
    var hasName = false
    for component in components {
      switch component.kind {
      case .currentDirectory: break
      case .parentDirectory where !hasName: path.removeLastComponent()
      default:
        path.append(component)
        hasName = true
      }
    }
    return path
  }

  /// The path without links (realpath(3)), by which one folder with two names is known; this path if it leads nowhere.
  public var resolved: FilePath {
    var buffer = [CChar](repeating: 0, count: 4096)  // PATH_MAX
    let result = unsafe withPlatformString { path in unsafe hc_resolve(path, &buffer) }
    return result < 0 ? self : FilePath(platformString: buffer)
  }

  /// The paths that a pattern (glob(7)) matches, sorted by bytes. A relative pattern starts at the working folder.
  public static func matching(pattern: [UInt8]) throws(KernelError) -> [FilePath] {
    var bytes = pattern
    if pattern.first != UInt8(ascii: "/") {
      let special = Array("\\*?[".utf8)
      let folder = try CurrentProcess.workingFolder().bytes
      bytes =
        folder.flatMap { special.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] } + [UInt8(ascii: "/")]
        + pattern
    }
    var paths: [FilePath] = []
    let result = unsafe FilePath.withTerminated(bytes) { pattern in
      unsafe withUnsafeMutablePointer(to: &paths) { paths in
        unsafe hc_glob(
          pattern,
          { path, context in
            guard let path = unsafe path, let context = unsafe context else { return }
            unsafe context.assumingMemoryBound(to: [FilePath].self).pointee.append(
              FilePath(platformString: path))
          }, paths)
      }
    }
    try KernelError.check(result, .glob, "")
    return paths
  }

  private static func withTerminated<Result>(
    _ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result
  ) -> Result {
    let terminated = bytes.prefix { $0 != 0 }.map { CChar(truncatingIfNeeded: $0) } + [0]
    return unsafe terminated.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
  }
}
