internal import FoundationEssentials
public import KernelIO
public import SystemPackage

/// Saved results to compare with later.
public struct Baseline: Sendable {
  /// Why a baseline cannot be used.
  public enum Failure: Error, Sendable {
    case stopped(KernelError)
    /// It is not JSON, or not a baseline; perhaps it is truncated.
    case unreadable(FilePath)
    /// It has another format, as of another version of hotcold.
    case otherFormat(FilePath, Int)
    /// It was edited: its checksum does not match its figures.
    case changed(FilePath)
  }

  private struct File: Codable {
    let results: BenchResults
    /// FNV-1a of the encoded results.
    let checksum: String
  }

  private struct FormatOnly: Decodable {
    struct Results: Decodable { let format: Int }
    let results: Results
  }

  private static let bytesMax = 16 << 20

  /// Throws unless a file can be made there; called before minutes are spent on measuring. `EEXIST`: the name is taken by
  /// something that is not a regular file.
  public static func checkPlace(_ path: FilePath) throws(KernelError) {
    let folder = try Directory.open(path.removingLastComponent())
    guard let name = path.lastComponent?.string, ![".", ".."].contains(name),
      [nil, .regular].contains(try folder.statusIfThere(name)?.type)
    else { throw KernelError(.create, path, .fileExists) }
    try folder.checkWritable()
  }

  /// Replaces a file of that name atomically, or leaves it as it is.
  public static func save(_ results: BenchResults, to path: FilePath) throws(KernelError) {
    let text = encoded(File(results: results, checksum: checksum(of: results)), isPretty: true)
    let folder = try Directory.open(path.removingLastComponent())
    let name = path.lastComponent?.string ?? ""
    // Short, however long the name; and unique.
    let temporary = ".hotcold-\(String(UInt64.random(in: 0...UInt64.max), radix: 16))"
    let bytes = text + [UInt8(ascii: "\n")]
    try folder.writeFile(temporary) { (write) throws(KernelError) in try write(bytes.span) }
    try folder.renameFile(temporary, replacing: name)
  }

  /// Reads a baseline, and checks its format, its figures and its checksum.
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
    // Encoding these types cannot fail: they contain no infinities.
    return Array((try? encoder.encode(value)) ?? Data())
  }

  private static func checksum(of results: BenchResults) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in encoded(results, isPretty: false) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
