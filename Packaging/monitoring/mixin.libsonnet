// Alerts, recording rules and dashboards for hotcold (docs/MONITORING.md).
(import 'config.libsonnet')
+ (import 'rules/rules.libsonnet')
+ (import 'alerts/service.libsonnet')
+ (import 'alerts/captures.libsonnet')
+ (import 'alerts/recording.libsonnet')
+ (import 'alerts/disk.libsonnet')
+ (import 'dashboards/fleet.libsonnet')
+ (import 'dashboards/capture.libsonnet')
