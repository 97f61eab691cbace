internal import SystemPackage

/// The path of an open folder, put together only when a message needs it: to append to a `FilePath` takes longer than to open a folder.
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
