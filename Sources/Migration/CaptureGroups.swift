internal import KernelIO
public import SystemPackage

/// Captures by file system: the kernel renames one file at a time within one (`s_vfs_rename_mutex`), so those on
/// different ones are migrated at the same time, and those on the same one after another.
public enum CaptureGroups {
  /// Descriptors that a capture may have open: its buckets as far as they are in use, its places twice while they are looked at again, and some for
  /// streams, lock, watch and ring.
  private static let descriptorsPerCapture = 220
  private static let descriptorsOfProcess = 16

  /// How many groups to work on at the same time, at least one: whoever has too few descriptors for one capture is told by
  /// its run.
  public static func concurrentMax(_ groups: Int, descriptorLimit: Int) -> Int {
    max(1, min(groups, (descriptorLimit - descriptorsOfProcess) / descriptorsPerCapture))
  }

  /// Each one's share of the descriptors.
  public static func share(of threads: Int, descriptorLimit: Int) -> Int {
    max(0, descriptorLimit - descriptorsOfProcess) / max(1, threads)
  }

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
