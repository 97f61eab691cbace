internal import KernelIO
public import SystemPackage

/// Captures by file system: the kernel renames one file at a time within one (`s_vfs_rename_mutex`), so those on
/// different ones are migrated at the same time, and those on the same one after another.
public enum CaptureGroups {
  /// The positions of the paths, grouped by the device that they are on, in the order given. What cannot be opened
  /// goes with the first group: its migration will say why.
  public static func byFileSystem(_ paths: [FilePath]) -> [[Int]] {
    var groups: [[Int]] = []
    var groupOfDevice: [UInt64: Int] = [:]
    for (position, path) in paths.enumerated() {
      guard let device = try? Directory.open(path).status().device else {
        if groups.isEmpty { groups.append([]) }
        groups[0].append(position)
        continue
      }
      if let group = groupOfDevice[device] {
        groups[group].append(position)
      } else if groupOfDevice.isEmpty, !groups.isEmpty {
        groupOfDevice[device] = 0
        groups[0].append(position)
      } else {
        groupOfDevice[device] = groups.count
        groups.append([position])
      }
    }
    return groups
  }
}
