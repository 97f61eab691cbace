import CFaults
import Foundation
import KernelIO
import SystemPackage
import TestKit
import Testing

/// NFS says that there was no room when a file is closed, and never again.
@Suite struct CloseTests {
  private static func expectFailure(_ body: () throws(KernelError) -> Void) {
    var faults = hc_faults()
    faults.operation = Int32(HC_OP_CLOSE.rawValue)
    faults.first = 1
    faults.error = EDQUOT
    let error = FaultTrial.withFaults(&faults) { () -> KernelError? in
      do throws(KernelError) { try body() } catch { return error }
      return nil
    }
    #expect(error?.operation == .close && error?.errno == .diskQuotaExceeded)
    #expect(faults.fired == 1)
  }

  @Test func whatFoundNoRoomReplacesNothing() throws {
    let folder = try Folder()
    try folder.makeFile("hotcold.prom", contents: Array("good".utf8))
    let directory = try Directory.open(FilePath(folder.path))
    let contents = Array("new".utf8)
    Self.expectFailure { () throws(KernelError) in
      try directory.publishFile("hotcold.prom", via: ".new", contents: contents.span, mode: 0o644)
    }
    #expect(try Data(contentsOf: URL(filePath: folder.path + "/hotcold.prom")) == Data("good".utf8))
    Self.expectFailure { () throws(KernelError) in
      try directory.writeFile("archive.m3u8") { write throws(KernelError) in try write(contents.span) }
    }
    Self.expectFailure { () throws(KernelError) in
      try directory.createFile(
        "segment_1.ts", contents: contents.span, modifiedSeconds: 1, modifiedNanoseconds: 0)
    }
    #expect(try Snapshot(folder.path).paths.isSubset(of: ["hotcold.prom", "segment_1.ts"]))
  }

  /// A report that is redirected to a file.
  @Test func aReportThatFoundNoRoomIsAnError() throws {
    Self.expectFailure { () throws(KernelError) in try StandardStream.output.flush() }
    try StandardStream.output.flush()
  }
}
