internal import CaptureLayout
internal import KernelIO

/// What is remembered of one capture from one round of the service to the next. Nothing depends on it but the time that
/// a round takes: the file system is the only state.
public final class CaptureMemory {
  public private(set) var inventory = Inventory()
  public private(set) var manifests = ManifestMemory()
  let listings = ListingMemory()
  /// Of the last round.
  var newestHot: DeletedSegments.Segment?
  private var subject: Subject?

  private struct Subject: Equatable {
    let folder: FolderIdentity
    let layout: LayoutDescription
    let zone: String?
  }

  public init() {}

  /// Forgets everything where another folder has taken the path of the capture, or another layout or zone is asked for.
  func forgetUnlessSame(_ folder: FolderIdentity, _ layout: Layout, _ hours: HourClock) {
    let subject = Subject(folder: folder, layout: layout.description, zone: hours.zone)
    if let old = self.subject, old != subject {
      inventory = Inventory()
      manifests = ManifestMemory()
      listings.removeAll()
      newestHot = nil
    }
    self.subject = subject
  }
}
