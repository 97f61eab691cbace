internal import KernelIO
public import SystemPackage

/// Groups captures by file system. The kernel renames one file at a time within a file system (`s_vfs_rename_mutex`), so captures
/// on different ones are migrated in parallel, and those on the same one in sequence.
public enum CaptureGroups {
  /// Descriptors that a capture may have open: the buckets in use, its places (twice while they are opened again), and some for
  /// directory streams, lock, watch and ring.
  private static let descriptorsPerCapture = 220
  private static let descriptorsOfProcess = 16

  /// How many groups to work on in parallel, at least one: if there are too few descriptors even for one capture, its run will
  /// say so.
  public static func concurrentMax(_ groups: Int, descriptorLimit: Int) -> Int {
    max(1, min(groups, (descriptorLimit - descriptorsOfProcess) / descriptorsPerCapture))
  }

  /// How many descriptors each of these threads may use.
  public static func share(of threads: Int, descriptorLimit: Int) -> Int {
    max(0, descriptorLimit - descriptorsOfProcess) / max(1, threads)
  }

  /// The positions of the paths, grouped by the device that they are on, in the order given. A path that cannot be opened goes
  /// into the first group: its migration will say why.
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
