import SystemPackage
import TestKit
import Testing

@testable import KernelIO

/// What TZ may be. glibc is the judge: `date` shows what it makes of a value.
@Suite struct ZoneTests {
  @Test(arguments: [
    ("CET-1CEST,M3.5.0,M10.5.0/3", "+0100 +0200"), ("UTC0", "+0000 +0000"), ("<+03>-3", "+0300 +0300"),
    ("EST5EDT,M3.2.0,M11.1.0", "-0500 -0400"), ("IST-5:30", "+0530 +0530"), ("ABC+4:15:30", "-0415 -0415"),
    ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "-0200 -0100"), ("IST-2IDT,M3.4.4/26,M10.5.0", "+0200 +0300"),
    ("XXX24", "-2400 -2400"), ("AEST-10AEDT,J274,J91", "+1100 +1000"), ("AAA1BBB,60,300", "-0100 +0000"),
    ("AAA1BBB2,60/2:30,J300/3:00:01", "-0100 -0200"),
  ])
  func wellFormedRulesMeanToGlibcWhatTheySay(value: String, offsets: String) {
    #expect(PosixZone.isWellFormed(value))
    let shown = ["1704067200", "1719835200"].map {
      Shell.run(["date", "-d", "@\($0)", "+%z"], environment: ["TZ": value]).output.trimmed
    }
    #expect(shown.joined(separator: " ") == offsets)
  }

  @Test(arguments: [
    "Zurick", "Europe/Zurick", "UTC", "CET-1CEST,garbage", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "AB1", "<AB>1", "<+03-3", "UTC0x", "UTC25",
    "UTC1:60", "UTC+", "UTC-", "UTC0 ", " UTC0", "CET-1CEST,J0,J365", "CET-1CEST,M3.5.0/168,M10.5.0", "UTC0,",
    "UTC99999999999999999999", "Z\u{e9}z1", "", "<+0\u{ff}3>-3", "CET-1CEST,M3.5.0,M10.5.0,",
  ])
  func whatGlibcTakesForUTCOrGuessesAtIsNotWellFormed(value: String) {
    #expect(!PosixZone.isWellFormed(value))
  }

  @Test func aZoneIsKnownByItsFile() throws {
    let folder = try Folder()
    try folder.makeFile("zone", contents: Array("TZif2".utf8))
    try folder.makeFile("text", contents: Array("Europe/Zurich".utf8))
    try folder.makeFIFO("pipe")
    #expect(LocalZone.isKnown("Europe/Zurich") && LocalZone.isKnown(folder.path + "/zone"))
    for name in [
      "", "Europe", "Europe/Zurick", "../../etc/passwd", folder.path + "/text", folder.path + "/pipe",
    ] {
      #expect(!LocalZone.isKnown(name), "\(name)")
    }
  }
}

@Suite struct MountTableTests {
  static let table = Array(
    """
    36 35 98:0 /srv /srv/capture ro,noatime shared:1 master:2 - ext4 /dev/sda1 rw,errors=continue
    37 35 98:0 / /srv/other ro,relatime - ext4 /dev/sdb1 ro
    38 35 98:0 / /srv/third rw,relatime - ext4 /dev/sda1 rw
    39 35 short
    """.utf8)

  @Test(arguments: [("36", true), ("37", false), ("38", false), ("39", false), ("40", false), ("3", false)])
  func aReadOnlyMountOfAWritableFileSystemIsToldFromAReadOnlyFileSystem(mount: String, isBind: Bool) {
    #expect(MountTable.isReadOnlyBind(mount: Array(mount.utf8), in: Self.table) == isBind)
  }

  @Test func aFolderThatIsNotThereIsJudgedByItsParents() {
    #expect(!MountTable.isReadOnlyBind("/dev/shm/no/such/folder"))
    #expect(!MountTable.isReadOnlyBind("no-such-folder"))
  }
}

@Suite struct InputFileTests {
  @Test(arguments: [false, true]) func onlyARegularFileIsReadUnlessAStreamWillDo(orStream: Bool) throws {
    let folder = try Folder()
    try folder.makeFile("file", contents: Array("text".utf8))
    try folder.makeFIFO("pipe")
    #expect(
      try readFile(at: FilePath(folder.path + "/file"), limit: 10, orStream: orStream) == Array("text".utf8))
    #expect(throws: KernelError(.open, FilePath(folder.path), .isDirectory)) {
      try readFile(at: FilePath(folder.path), limit: 10, orStream: orStream)
    }
    for path in [folder.path + "/pipe", "/dev/null"] {
      if orStream {
        #expect(try readFile(at: FilePath(path), limit: 10, orStream: true) == [])
      } else {
        #expect(throws: KernelError(.open, FilePath(path), .invalidArgument)) {
          try readFile(at: FilePath(path), limit: 10)
        }
      }
    }
  }
}
