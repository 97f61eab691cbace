internal import FoundationEssentials
public import KernelIO
public import SystemPackage

/// Results in a file, to compare with later.
public struct Baseline: Sendable {
  public enum Failure: Error, Sendable {
    case stopped(KernelError)
    /// It is not JSON, or not that of a baseline: cut off, perhaps.
    case unreadable(FilePath)
    /// Of a later version of hotcold.
    case otherFormat(FilePath, Int)
    /// It was edited: its checksum is not that of its figures.
    case changed(FilePath)
  }

  private struct File: Codable {
    let results: BenchResults
    /// FNV-1a of the results as they are written.
    let checksum: String
  }

  private struct FormatOnly: Decodable {
    struct Results: Decodable { let format: Int }
    let results: Results
  }

  private static let bytesMax = 16 << 20

  /// Whether a file can be made there: before minutes are spent on its figures. `EEXIST`: what has that name is no file.
  public static func checkPlace(_ path: FilePath) throws(KernelError) {
    let folder = try Directory.open(path.removingLastComponent())
    guard let name = path.lastComponent?.string, ![".", ".."].contains(name),
      [nil, .regular].contains(try folder.statusIfThere(name)?.type)
    else { throw KernelError(.create, path, .fileExists) }
    try folder.checkWritable()
  }

  /// Takes the place of a file of that name at once, or leaves it.
  public static func save(_ results: BenchResults, to path: FilePath) throws(KernelError) {
    let text = encoded(File(results: results, checksum: checksum(of: results)), isPretty: true)
    let folder = try Directory.open(path.removingLastComponent())
    let name = path.lastComponent?.string ?? ""
    // As short for every name; nobody else's.
    let temporary = ".hotcold-\(String(UInt64.random(in: 0...UInt64.max), radix: 16))"
    let bytes = text + [UInt8(ascii: "\n")]
    try folder.writeFile(temporary) { (write) throws(KernelError) in try write(bytes.span) }
    try folder.renameFile(temporary, replacing: name)
  }

  public static func load(_ path: FilePath) throws(Failure) -> BenchResults {
    let contents: [UInt8]
    do throws(KernelError) { contents = try readFile(at: path, limit: bytesMax) } catch {
      throw .stopped(error)
    }
    let decoder = JSONDecoder()
    if let format = try? decoder.decode(FormatOnly.self, from: Data(contents)).results.format,
      format != BenchResults.currentFormat
    {
      throw .otherFormat(path, format)
    }
    guard let file = try? decoder.decode(File.self, from: Data(contents)), file.results.isPlausible else {
      throw .unreadable(path)
    }
    guard file.checksum == checksum(of: file.results) else { throw .changed(path) }
    return file.results
  }

  private static func encoded(_ value: some Encodable, isPretty: Bool) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
    // Nothing in these types can fail to encode: they hold no infinity.
    return Array((try? encoder.encode(value)) ?? Data())
  }

  private static func checksum(of results: BenchResults) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in encoded(results, isPretty: false) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
