public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// Recognises paths that lead into a capture.
public enum CapturePath {
  /// Whether the folder, or one of its parents, is a capture of the layout. A folder that cannot be opened does not count as one.
  public static func isInCapture(_ path: FilePath, _ layout: Layout) -> Bool {
    var path = (try? Directory.open(path).resolvedPath()) ?? path
    while !path.components.isEmpty {
      if let folder = try? Directory.open(path), (try? CaptureSigns(of: folder, layout).isCapture) == true {
        return true
      }
      path.removeLastComponent()
    }
    return false
  }
}
