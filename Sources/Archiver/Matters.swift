internal import KernelIO
internal import Migration

/// What is wrong with a capture, in a few words each: the kinds of messages of `ServiceLog`, which hold no numbers.
extension CaptureReport {
  var matters: [String] {
    var names: Set<String> = []
    if let error { names.insert(error.matter) }
    for refusal in refusals { names.insert("\(refusal.folder) is refused") }
    for problem in problems.named {
      switch problem.reason {
      case .nameTaken: names.insert("names that are taken")
      case .refused: break
      case .errno(let errno): names.insert("files that cannot be moved (\(errno))")
      }
    }
    if total.conflicts > 0 { names.insert("names that are taken") }
    if [.conflict, .failed].contains(livePlaylist) { names.insert("the live playlist is not moved") }
    if !isBalanced { names.insert("counts that do not add up") }
    return names.isEmpty ? ["errors"] : names.sorted()
  }
}

extension MigrationError {
  var matter: String {
    switch self {
    case .missing: "no such folder"
    case .permissionDenied: "permission denied"
    case .busy: "another run holds the capture"
    case .stopped(let error, _): "\(error.errno) (\(error.operation.rawValue))"
    default: "not a capture"
    }
  }
}
