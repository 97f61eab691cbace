public import KernelIO
internal import SystemPackage

/// Why a folder of the layout may not be used. It is left alone, and so are the files that belong in it.
public struct FolderRefusal: Equatable, Sendable {
  /// What is in the place of the folder, or why it cannot be opened.
  public enum Reason: Equatable, Sendable {
    case isLink, isFile, isMount
    case denied(KernelError)
  }
  /// The path as in the layout, such as "segments/7".
  public let folder: String
  public let reason: Reason
  /// The user ID of the owner of a folder that this user may not open, if it can be seen.
  public let owner: UInt32?

  init(folder: String, _ error: KernelError) {
    self.folder = folder
    owner = error.errno == .permissionDenied ? Directory.ownerIfVisible(error.path) : nil
    // openat2(2): what RESOLVE_NO_SYMLINKS, O_DIRECTORY and RESOLVE_NO_XDEV answer.
    reason =
      switch error.errno {
      case .tooManySymbolicLinkLevels: .isLink
      case .notDirectory: .isFile
      case .improperLink: .isMount
      default: .denied(error)
      }
  }

  private init(folder: String, like other: FolderRefusal) {
    self.folder = folder
    reason = other.reason
    owner = other.owner
  }

  func named(_ folder: String) -> FolderRefusal { FolderRefusal(folder: folder, like: self) }

  /// The refusal as an error, for a command that needs every folder.
  func error(in capture: FilePath) -> KernelError {
    let errno: Errno =
      switch reason {
      case .isLink: .tooManySymbolicLinkLevels
      case .isFile: .notDirectory
      case .isMount: .improperLink
      case .denied(let error): error.errno
      }
    return KernelError(.open, capture.reaching(folder), errno)
  }
}
