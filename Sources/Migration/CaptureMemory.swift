internal import CaptureLayout
internal import KernelIO

/// What the service remembers of one capture from round to round. Only the time that a round takes depends on it: the file
/// system is the only state.
public final class CaptureMemory {
  public private(set) var inventory = Inventory()
  public private(set) var manifests = ManifestMemory()
  let listings = ListingMemory()
  /// The newest hot segment of the last round.
  var newestHot: DeletedSegments.Segment?
  private var subject: Subject?

  private struct Subject: Equatable {
    let folder: FolderIdentity
    let layout: LayoutDescription
    let zone: String?
  }

  public init() {}

  /// Forgets everything if the path now leads to another folder, or the layout or time zone has changed.
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
