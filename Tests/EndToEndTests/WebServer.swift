import Foundation
import TestKit
import Testing

/// nginx that serves a folder, at a port of its own.
final class WebServer {
  /// The locations that the migration guide tells its readers to add.
  static var guideLocations: String {
    get throws { try #require(GuideTests.blocks("nginx").first) }
  }

  /// Without a slash at its end.
  let base: String
  private let port: ReservedPort
  private let nginx: Running

  /// `reloads`: with a master process; without one nginx does not serve after a reload. The others have none, for a worker
  /// that outlives its master keeps the port.
  init(_ folder: Folder, locations: String, reloads: Bool = false) throws {
    port = try ReservedPort()
    base = "http://127.0.0.1:\(port.number)"
    let processes = reloads ? "worker_processes 1;" : "master_process off;"
    let configuration = folder.path + "/nginx.conf"
    try Folder.writeFile(
      configuration,
      """
      daemon off; \(processes) pid \(folder.path)/nginx.pid; error_log \(folder.path)/error.log; user root;
      events {}
      http {
        include /etc/nginx/mime.types; access_log \(folder.path)/access.log;
        server { listen 127.0.0.1:\(port.number); root \(folder.path);
      \(locations)
        }
      }
      """)
    let nginx = try Running(["nginx", "-c", configuration, "-p", folder.path])
    self.nginx = nginx
    let base = base
    try #require(
      ArchiverTests.waitUntil(seconds: 30) {
        !nginx.isRunning || Shell.run(["curl", "-s", "-o", "/dev/null", base]).status == 0
      })
    try #require(nginx.isRunning, "nginx ended: \(nginx.wait().error)")
  }

  /// At the end of a test, not where Swift sees the last use of this.
  func stop() {
    nginx.signal(SIGTERM)
    _ = nginx.wait()
  }
}
