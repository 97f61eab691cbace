public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// Whether a path leads into a capture.
public enum CapturePath {
  /// Whether the folder, or one that it is in, is a capture of the layout. What cannot be opened is none.
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
