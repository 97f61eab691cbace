/// The version of the program, in its reports and its `--version`.
public enum Version {
  public static let number = "0.1.0"
}
