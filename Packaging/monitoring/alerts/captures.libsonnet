// Whether each capture is dealt with as it should be.
local duration = import '../duration.libsonnet';
local a = import 'alert.libsonnet';

{
  local config = $._config {
    window: duration($._config.windowSeconds),
    roundsFailing: $._config.windowSeconds / $._config.roundIntervalSeconds / 2,
  },
  // Of retention that declined there is an alert of its own.
  local failing = 'increase(hotcold_capture_errors_total{%(hotcoldSelector)s, reason!="nothing deleted"}[%(window)s]) > %(roundsFailing)g' % config,

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'hotcold.captures',
        rules: [
          a.alert(
            config,
            'HotcoldCaptureFailing',
            'warning',
            config.windowSeconds,
            failing,
            'A capture cannot be dealt with.',
            '{{ $labels.capture }} on {{ $labels.instance }}: {{ $labels.reason }}, in most rounds of the last %(window)s.' % config
          ),
          a.alert(
            config,
            'HotcoldCaptureFailing',
            'critical',
            config.failingCriticalSeconds,
            failing,
            'A capture has not been dealt with for long.',
            '{{ $labels.capture }} on {{ $labels.instance }}: {{ $labels.reason }}, for %s.' % duration(config.failingCriticalSeconds)
          ),
          a.alert(
            config,
            'HotcoldFilesFailed',
            'warning',
            config.windowSeconds,
            'hotcold_files_failed{%(hotcoldSelector)s} > 0' % config,
            'Files cannot be moved.',
            '{{ $value }} {{ $labels.kind }} of {{ $labels.capture }} on {{ $labels.instance }} stay where they are.'
          ),
          a.alert(
            config,
            'HotcoldRetentionDeclined',
            'warning',
            config.windowSeconds,
            'hotcold_retention_declined{%(hotcoldSelector)s} == 1' % config,
            'Retention has declined to delete anything.',
            'What is due of {{ $labels.capture }} on {{ $labels.instance }} looks like a mistake. Nothing is deleted there until somebody has looked.'
          ),
          a.alert(
            config,
            'HotcoldImplausibleTimes',
            'info',
            config.failingCriticalSeconds,
            'hotcold_implausible_files{%(hotcoldSelector)s} > 0' % config,
            'Files are from the future or the epoch.',
            '{{ $value }} cold files of {{ $labels.capture }} on {{ $labels.instance }} have no age that can be, and never expire.'
          ),
        ],
      },
    ],
  },
}
