internal import SystemPackage

/// The path of an open folder, assembled only when a message needs it: appending to a `FilePath` takes longer than opening a
/// folder.
indirect enum FolderPath: Sendable {
  case named(FilePath)
  case below(FolderPath, String)

  var path: FilePath {
    switch self {
    case .named(let path): path
    case .below(let folder, let name): folder.path.appending(name)
    }
  }
}
