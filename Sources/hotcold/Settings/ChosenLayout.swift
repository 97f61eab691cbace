import Archiver
import CaptureLayout
import KernelIO
import LayoutFiles
import Migration
import Reporting
import SystemPackage

/// The layout of a command: a built-in one, or one from a file.
struct ChosenLayout {
  let layout: Layout
  /// Whether files go to the flat form of the layout instead of its tiers.
  var isFlat = false
}

extension Grammar where Value == ChosenLayout {
  /// "guide", "guide-ram", "flat", or the path of a file: with a slash, or ending in .yaml or .yml.
  static var layout: Self {
    Grammar(expected: "Use guide, guide-ram, or the path of a layout file (see hotcold layout)") {
      text throws(WrongText) in
      switch text {
      case "guide": return ChosenLayout(layout: .guide)
      case "guide-ram": return ChosenLayout(layout: .guideRAM)
      case "flat": return ChosenLayout(layout: .guide, isFlat: true)
      default:
        guard text.contains("/") || text.hasSuffix(".yaml") || text.hasSuffix(".yml") else {
          throw WrongText()
        }
        return ChosenLayout(layout: try ChosenLayout.read(text))
      }
    }
  }

  /// For a command that accepts the flat layout.
  var offeringFlat: Self {
    Grammar(expected: "Use guide, guide-ram, flat, or the path of a layout file (see hotcold layout)") {
      text throws(WrongText) in try parse(text)
    }
  }
}

extension Grammar where Value == ChosenLayout? {
  /// Like `layout`; nil for the empty text of a default.
  static var layoutIfAny: Self {
    let grammar = Grammar<ChosenLayout>.layout
    return Grammar(expected: grammar.expected) { text throws(WrongText) in
      text.isEmpty ? nil : try grammar.parse(text)
    }
  }
}

extension ChosenLayout {
  fileprivate static func read(_ text: String) throws(WrongText) -> Layout {
    let contents: [UInt8]
    do throws(KernelError) {
      contents = try readFile(at: FilePath(text).absolute(), limit: LayoutFile.bytesMax + 1)
    } catch {
      throw WrongText(
        whole: SettingsMistake(
          message: Explanation.unreadable(error), remedy: "Check the path of the layout file."))
    }
    do throws(LayoutFileMistake) { return try layout(contents, text) } catch {
      throw WrongText(whole: SettingsMistake(message: "\(error)"))
    }
  }

  private static func layout(_ contents: [UInt8], _ path: String) throws(LayoutFileMistake) -> Layout {
    let file = try LayoutFile.parse(contents, name: printable(path.utf8)) {
      nearest(to: $0, among: $1, differencesMax: 2)
    }
    if let zone = file.layout.timeZone, !LocalZone.isKnown(zone) {
      throw file.mistake(
        at: "time-zone", "unknown time zone; use a name from /usr/share/zoneinfo, such as Europe/Zurich")
    }
    do throws(LayoutMistake) { return try Layout(file.layout) } catch { throw file.located(error) }
  }
}

/// Which layout, in which time zone, with which hot limits: the same for every command.
struct Placement {
  let chosen: ChosenLayout
  let rule: SettleRule
  let hours: HourClock
  /// The time zone of the buckets; nil for that of the machine.
  let timeZone: String?

  var layout: Layout { chosen.layout }
}

extension GivenSettings {
  /// The placement of a capture whose line in a list names its layout. An error names the line and the layout.
  func placement(of listed: ListedLayout, beside placement: Placement) throws(SettingsMistake) -> Placement {
    do throws(SettingsMistake) { return try self.placement(ofLayout: listed.name, beside: placement) } catch {
      let list = listed.list.map(Explanation.text) ?? ""
      throw SettingsMistake(
        message: "\(list), line \(listed.line), layout '\(printable(listed.name.utf8))': \(error.message)",
        remedy: error.remedy)
    }
  }

  /// A process has only one time zone: a layout with another one is an error.
  private func placement(
    ofLayout text: String, beside placement: Placement
  ) throws(SettingsMistake) -> Placement {
    let chosen: ChosenLayout
    do throws(WrongText) { chosen = try Grammar<ChosenLayout>.layout.parse(text) } catch {
      throw error.mistake("layout", expected: Grammar<ChosenLayout>.layout.expected)
    }
    let layout = chosen.layout
    guard !chosen.isFlat else { throw Self.flatHasNoTiers }
    return Placement(
      chosen: chosen, rule: try value(of: Settings.hot, by: .hotLimits(of: layout)),
      hours: try hours(in: try value(of: Settings.timeZone) ?? layout.timeZoneOfBuckets, beside: placement),
      timeZone: placement.timeZone)
  }

  /// The hours of a zone in a process that has the zone of another layout.
  ///
  /// - Parameter zone: nil for that of the machine.
  private func hours(in zone: String?, beside placement: Placement) throws(SettingsMistake) -> HourClock {
    let (wanted, used) = (zone ?? Self.machineZone, placement.timeZone ?? Self.machineZone)
    if zone == placement.timeZone || wanted == used { return .local }
    if LocalZone.isUniversal(wanted) { return LocalZone.isUniversal(used) ? .local : .universal }
    throw SettingsMistake(
      message: "it has the time zone \(printable(wanted.utf8)), but another one is in use",
      remedy: "Name its captures on the command line, with --layout, or name one zone for all: --time-zone.")
  }

  /// Makes the named time zone, if any, that of the process, unless `keepsZone`. Call before anything asks for the time.
  func placement(keepsZone: Bool = false) throws(SettingsMistake) -> Placement {
    let chosen = try value(of: Settings.layout)
    let layout = chosen.layout
    if chosen.isFlat, source(of: Settings.layout) != .flag {
      throw SettingsMistake(
        message: "HOTCOLD_LAYOUT=flat would undo every migration",
        remedy: "Name a layout with tiers there; hotcold revert moves captures back.")
    }
    let zone = try keepsZone ? timeZone(of: layout) : useTimeZone(of: layout)
    return Placement(
      chosen: chosen, rule: try value(of: Settings.hot, by: .hotLimits(of: layout)), hours: .local,
      timeZone: zone)
  }

  /// For a command that needs a layout with tiers.
  func tieredPlacement(keepsZone: Bool = false) throws(SettingsMistake) -> Placement {
    let placement = try placement(keepsZone: keepsZone)
    guard !placement.chosen.isFlat else { throw Self.flatHasNoTiers }
    return placement
  }

  static let flatHasNoTiers = SettingsMistake(
    message: "the flat layout has no tiers",
    remedy: "Move a capture back to it with: hotcold revert CAPTURE --execute")

  /// The placements of the captures whose line in the list names a layout; a mistake in the line of a capture that was not chosen
  /// is none of this command.
  func placements(
    of named: NamedCaptures, beside placement: Placement
  ) throws(SettingsMistake) -> [FilePath: Placement] {
    var placements: [FilePath: Placement] = [:]
    // In the order of the lines, so that the error is that of the first wrong one.
    for (path, listed) in named.layouts.sorted(by: { $0.value.line < $1.value.line }) {
      placements[path] = try self.placement(of: listed, beside: placement)
    }
    for (path, listed) in named.layoutsOfNeighbours where placements[path] == nil {
      placements[path] = try? self.placement(of: listed, beside: placement)
    }
    return placements
  }
}

extension MigrationOptions {
  /// Takes over the placement of a capture with a layout of its own.
  mutating func take(_ placement: Placement) {
    layout = placement.layout
    rule = placement.rule
    hours = placement.hours
  }
}
