/// The version of the program, for reports and `--version`.
public enum Version {
  public static let number = "0.1.0"
}
