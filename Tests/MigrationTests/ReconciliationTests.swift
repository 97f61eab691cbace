import CaptureLayout
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// What the report says about files that come and go while a migration runs.
@Suite struct ReconciliationTests {
  static func capture() throws -> Folder {
    let folder = try Folder()
    for number in 0..<200 {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: 1_700_000_000 + number * 60)
    }
    for number in 0..<20 {
      try folder.makeFile(Bytes("metadata/3/capture_\(number).json"), seconds: 1_700_000_000)
    }
    return folder
  }

  static func run(_ folder: Folder, meddling action: @escaping () -> Void) -> CaptureReport {
    CaptureMigration.run(
      FilePath(folder.path), options: options(LayoutModel()), mover: MeddlingMover(action),
      observer: SilentObserver())
  }

  @Test func aFileThatVanishesIsCounted() throws {
    let folder = try Self.capture()
    let report = Self.run(folder) { unlink(folder.path + "/segment_0.ts") }
    #expect(report.total.vanished == 1)
    #expect(report.isClean && report.comparison?.lost == 0)
    #expect(report.kinds[Layout.guide.stream!.kind].tally.isBalanced)
  }

  @Test func aCleanersDeletionIsSeenAndExplained() throws {
    let folder = try Self.capture()
    let report = Self.run(folder) { unlink(folder.path + "/metadata/3/capture_7.json") }
    #expect(report.comparison?.deletedByOthers == 1)
    #expect(report.comparison?.lost == 0)
    #expect(report.isClean)
  }

  @Test func aFileTakenOutOfTheCaptureIsAnError() throws {
    let folder = try Self.capture()
    let elsewhere = try Folder()
    let report = Self.run(folder) {
      rename(folder.path + "/metadata/3/capture_7.json", elsewhere.path + "/taken")
    }
    #expect(report.comparison?.lost == 1)
    #expect(!report.isClean)
  }

  @Test func aFileReplacedUnderItsNameIsNotLost() throws {
    let folder = try Self.capture()
    try folder.makeFile("replacement")
    let report = Self.run(folder) {
      rename(folder.path + "/replacement", folder.path + "/metadata/3/capture_7.json")
    }
    #expect(report.comparison?.replacedByOthers == 1)
    #expect(report.isClean)
  }

  @Test func newFilesAreArrivalsAndAreSettledToo() throws {
    let folder = try Self.capture()
    let report = Self.run(folder) {
      for number in 300..<350 {
        try? folder.makeFile(Bytes("segment_\(number).ts"), seconds: 1_700_100_000 + number)
      }
    }
    #expect(report.comparison?.lost == 0)
    #expect(report.isClean && report.hasSettled)
    let after = try Snapshot(folder.path)
    #expect(after.count(in: "segments") == 10)
    #expect(after.count(in: "") == 0)
    let figures = report.kinds[Layout.guide.stream!.kind]
    #expect(figures.tally.found == 250 && figures.tally.isBalanced)
  }

  @Test func aFolderRemovedUnderTheRunIsMadeAgain() throws {
    let folder = try Self.capture()
    // The guide's cleaner removes whole hour folders. Make them first, so that one can go in the middle.
    #expect(try migrate(folder).isClean)
    for number in 400..<500 {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: 1_600_000_000 + number * 60)
    }
    let hour = LayoutModel().hour(1_600_000_000 + 400 * 60)
    let report = Self.run(folder) { Shell.run(["rm", "-r", folder.path + "/segments/\(hour)"]) }
    #expect(report.comparison?.lost == 0)
    #expect(report.total.vanished == 0)
    #expect(report.hasSettled)
    #expect(folder.exists(Bytes("segments/\(hour)/segment_400.ts")))
  }
}
