import Glibc

/// Counts for the summary of a long run, one per line in the file that HOTCOLD_FIGURES names. `make test-faults` adds
/// them up at the end.
public enum Figures {
  public static func add(_ name: String, _ count: Int = 1) {
    guard let path = getenv("HOTCOLD_FIGURES") else { return }
    // One write per line: lines stay whole even if other processes append.
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    let line = Array("\(count) \(name)\n".utf8)
    precondition(
      file >= 0 && write(file, line, line.count) == line.count, "cannot write \(String(cString: path))")
    close(file)
  }
}
