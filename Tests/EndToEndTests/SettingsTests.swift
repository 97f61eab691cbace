import Foundation
import TestKit
import Testing

@testable import hotcold

/// Every setting, whichever way it is given. The cases come from the list of settings: a new one is covered.
@Suite struct SettingsTests {
  /// Wrong for every grammar: for a path too, where the working folder is gone.
  private static let wrong = "?"

  private static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Shell.Result {
    let folder = try Folder()
    return Shell.run(
      ["sh", "-c", "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"", "sh", HotColdBinary.path]
        + arguments,
      environment: environment.merging(["TZ": "UTC"]) { $1 }, in: folder.path)
  }

  /// What the program says after the name of the setting; fails where it does not refuse `text`.
  private static func remedy(
    _ result: Shell.Result, for name: String, _ text: String = wrong,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    #expect(result.status == 64, "\(result)", sourceLocation: sourceLocation)
    let parts = result.error.components(separatedBy: "ERROR invalid value '\(text)' for \(name)")
    try #require(parts.count == 2, "\(name): \(result.error)", sourceLocation: sourceLocation)
    return parts[1]
  }

  /// The service's: the file is there always, and what it says is what all others say.
  private static func remedyInTheFile(_ setting: any AnySetting) throws -> String {
    let folder = try Folder()
    try folder.makeFile("conf", contents: Array("\(setting.variable)=\(wrong)\n".utf8))
    let result = try run(["archive", "--print-config", "--config", folder.path + "/conf"])
    return try remedy(result, for: "\(setting.variable) (file)")
  }

  private static let names = Settings.all.map(\.name)

  @Test(arguments: names) func aWrongValueHasOneRemedyByFlagByEnvironmentAndByFile(name: String) throws {
    let setting = try #require(Settings.all.first { $0.name == name })
    let remedy = try Self.remedyInTheFile(setting)
    let flag = "--\(setting.flagName)"
    let byVariable = try Self.run(["archive", "--print-config"], environment: [setting.variable: Self.wrong])
    #expect(try Self.remedy(byVariable, for: "\(setting.variable) (environment)") == remedy)
    if let value = setting.flagText {
      let printed = try Self.run(
        ["archive", "--print-config", flag], environment: [setting.variable: Self.wrong])
      #expect(printed.output.contains("# flag\n\(setting.variable)=\(value)\n"), "\(printed)")
      return
    }
    let byFlag = try Self.run(["archive", "--print-config", flag, Self.wrong])
    #expect(try Self.remedy(byFlag, for: flag) == remedy)
    // A shell variable that was not set.
    let empty = try Self.remedy(Self.run(["archive", "--print-config", flag, ""]), for: flag, "")
    #expect(empty.hasPrefix(". ") && remedy.hasSuffix(empty))
  }

  /// It is a variable that was not set: no default is taken for it in silence.
  @Test(arguments: names) func anEmptyValueIsRefusedWhereverItIs(name: String) throws {
    let setting = try #require(Settings.all.first { $0.name == name })
    let command = ["archive", "--print-config"]
    let environment = try Self.run(command, environment: [setting.variable: ""])
    _ = try Self.remedy(environment, for: "\(setting.variable) (environment)", "")
    let folder = try Folder()
    try folder.makeFile("conf", contents: Array("\(setting.variable)=\n".utf8))
    let file = try Self.run(command + ["--config", folder.path + "/conf"])
    _ = try Self.remedy(file, for: "\(setting.variable) (file)", "")
  }

  @Test(arguments: ["migrate", "verify", "revert", "archive --once", "layout", "next-numbers", "sample"])
  func aMisspeltVariableIsSaidByEveryCommand(command: String) throws {
    let trial = try Trial()
    let arguments =
      command.split(separator: " ").map(String.init)
      + (command == "sample" ? [trial.folder.path + "/new", "--files", "1"] : [trial.folder.path])
    let result = HotColdBinary.run(arguments, environment: ["TZ": "UTC", "HOTCOLD_LAYUOT": "guide"])
    #expect(
      result.error.contains(
        "unknown setting 'HOTCOLD_LAYUOT' in the environment, ignored. Did you mean HOTCOLD_LAYOUT?"),
      "\(result)")
    #expect(result.error.components(separatedBy: "HOTCOLD_LAYUOT").count == 2, "once")
  }

  /// By the flags that they have, and by the variables that are of every command.
  @Test(arguments: ["migrate", "verify", "revert"]) func theOtherCommandsSayTheSame(command: String) throws {
    let help = HotColdBinary.run([command, "--help"]).output
    let settings = Settings.all.filter { $0.flagText == nil && help.contains("\n  --\($0.flagName) ") }
    #expect(settings.count >= 2)
    for setting in settings {
      let remedy = try Self.remedyInTheFile(setting)
      let flag = "--\(setting.flagName)"
      #expect(try Self.remedy(Self.run([command, flag, Self.wrong]), for: flag) == remedy)
      let byVariable = try Self.run(
        [command, "/no/such/capture"], environment: [setting.variable: Self.wrong])
      if setting.isOfEveryCommand {
        #expect(try Self.remedy(byVariable, for: "\(setting.variable) (environment)") == remedy)
      } else {
        #expect(byVariable.status == 66, "\(setting.variable) is the service's alone: \(byVariable)")
      }
    }
  }

  /// Two commands that place the files of one capture in different zones would undo each other's work.
  @Test func whereFilesBelongIsTheSameForEveryCommandInOneEnvironment() throws {
    stayWithinTheHour()
    let trial = try Trial()
    let environment = ["TZ": "UTC", "HOTCOLD_TIME_ZONE": "Asia/Tokyo", "HOTCOLD_HOT": "segments=20"]
    let archive = HotColdBinary.run(["archive", "--once", trial.folder.path], environment: environment)
    #expect(archive.status == 0, "\(archive)")
    let migrate = HotColdBinary.run(
      ["migrate", trial.folder.path, "--format", "json"], environment: environment)
    let report = try JSON(parsing: migrate.output)
    #expect(report["captures", 0, "wouldChange"].bool == false, "\(migrate)")
    #expect(report["timeZone", "name"].string == "Asia/Tokyo")
    #expect(HotColdBinary.run(["verify", trial.folder.path], environment: environment).status == 0)
    #expect(HotColdBinary.run(["verify", trial.folder.path]).status == 1, "in UTC they belong elsewhere")
    let flags = ["--time-zone", "UTC", "--hot", "segments=10"]
    #expect(HotColdBinary.run(["verify", trial.folder.path] + flags, environment: environment).status == 1)
  }
}
