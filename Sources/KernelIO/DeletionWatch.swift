internal import CLiburing

/// Notices what other processes delete from watched folders (inotify(7)), so that a file that was deleted during
/// a run can be told from one that was lost.
///
/// Only deletions are watched: renames cause no events, so hotcold's own work costs nothing here.
public struct DeletionWatch: ~Copyable {
  private let descriptor: Int32
  private var buffer = [UInt8](repeating: 0, count: 16 << 10)
  /// Whether more was deleted than the kernel's queue can hold (`/proc/sys/fs/inotify/max_queued_events`).
  public private(set) var overflowed = false

  /// If the kernel grants no inotify instance, nothing is noticed (`isActive`).
  public init() { descriptor = hc_inotify_open() }

  deinit { if isActive { hc_close(descriptor) } }

  public var isActive: Bool { descriptor >= 0 }

  /// Watches a folder; repeating it is harmless. False if the kernel refuses.
  @discardableResult
  public func add(_ directory: borrowing Directory) -> Bool {
    isActive && hc_inotify_watch_deletions(descriptor, directory.descriptor) >= 0
  }

  /// Passes the name of each file deleted since the last call to `body`. Does not block.
  public mutating func drain(_ body: (Span<UInt8>) -> Void) {
    while isActive {
      let count = unsafe hc_read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return }
      var event = hc_inotify_event()
      var offset: UInt32 = 0
      while unsafe hc_inotify_parse(buffer, Int(count), offset, &event) {
        overflowed = overflowed || event.overflow
        let start = Int(event.name_offset)
        if event.name_length > 0 {
          body(buffer.span.extracting(start..<start + Int(event.name_length)))
        }
        offset = event.next_offset
      }
    }
  }
}
