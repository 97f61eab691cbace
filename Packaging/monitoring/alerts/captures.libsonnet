// Whether each capture is kept in order.
local duration = import '../duration.libsonnet';
local a = import 'alert.libsonnet';

{
  local config = $._config {
    window: duration($._config.windowSeconds),
    forget: duration($._config.forgetSeconds),
    lookBack: duration($._config.capturesLookBackSeconds),
  },
  // In most rounds, however long they take. Retention that declines has an alert of its own. In which rounds something else was
  // wrong too, no metric tells: the other reasons are added up, so several in the same round count for several rounds.
  local failing = |||
    sum by (job, instance, capture, reason) (
      increase(hotcold_capture_errors_total{%(hotcoldSelector)s, reason!="nothing deleted"}[%(window)s])
    ) > on (job, instance) group_left () 0.5 * increase(hotcold_rounds_total{%(hotcoldSelector)s}[%(window)s])
    or
    sum by (job, instance, capture) (
      increase(hotcold_errors_total{%(hotcoldSelector)s}[%(window)s])
    ) > on (job, instance) group_left () 0.5 * increase(hotcold_rounds_total{%(hotcoldSelector)s}[%(window)s])
    and on (job, instance, capture)
    sum by (job, instance, capture) (
      increase(hotcold_capture_errors_total{%(hotcoldSelector)s, reason!="nothing deleted"}[%(window)s])
    ) > on (job, instance) group_left () 0.5 * increase(hotcold_rounds_total{%(hotcoldSelector)s}[%(window)s])
    unless on (job, instance, capture) (
      increase(hotcold_capture_errors_total{%(hotcoldSelector)s, reason!="nothing deleted"}[%(window)s])
      > on (job, instance) group_left () 0.75 * increase(hotcold_rounds_total{%(hotcoldSelector)s}[%(window)s])
    )
  ||| % config,
  local what = '{{ $labels.capture }} on {{ $labels.instance }}: {{ with $labels.reason }}{{ . }}{{ else }}one thing or another{{ end }}',

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'hotcold.captures',
        rules: [
          // A pattern in the list that matches nothing is no error: the disk of all captures may be gone.
          a.alert(
            config,
            'HotcoldNoCaptures',
            'warning',
            config.failingCriticalSeconds,
            a.whileUp(config, 'hotcold_captures{%(hotcoldSelector)s} == 0' % config),
            'There are no captures.',
            'On {{ $labels.instance }} the list of captures is empty, or its patterns match no folder.'
          ),
          a.alert(
            config,
            'HotcoldNoCaptures',
            'critical',
            config.windowSeconds,
            // A sample an hour will do, as for HotcoldAbsent.
            a.whileUp(config, |||
              hotcold_captures{%(hotcoldSelector)s} == 0
              and max_over_time(hotcold_captures{%(hotcoldSelector)s}[%(forget)s:1h]) > 0
            ||| % config),
            'All captures are gone.',
            'On {{ $labels.instance }} there are no captures any more: their disk is not mounted, or the list was changed.'
          ),
          a.alert(
            config,
            'HotcoldFewerCaptures',
            'warning',
            config.windowSeconds,
            a.whileUp(config, |||
              hotcold_captures{%(hotcoldSelector)s} > 0
              and hotcold_captures < max_over_time(hotcold_captures{%(hotcoldSelector)s}[%(lookBack)s])
            ||| % config),
            'A capture is gone.',
            'On {{ $labels.instance }} the captures are {{ $value }}, fewer than within the last %(lookBack)s.' % config
            + ' A folder or its disk is gone, or the list was changed.'
          ),
          a.alert(
            config,
            'HotcoldCaptureFailing',
            'warning',
            config.windowSeconds,
            failing,
            'A capture is failing.',
            '%s, in most rounds of the last %s.' % [what, config.window]
          ),
          a.alert(
            config,
            'HotcoldCaptureFailing',
            'critical',
            config.failingCriticalSeconds,
            failing,
            'A capture has been failing for long.',
            '%s, for %s.' % [what, duration(config.failingCriticalSeconds)]
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
            'What is due of {{ $labels.capture }} on {{ $labels.instance }} looks like a mistake.'
            + ' Nothing is deleted there until somebody confirms it.'
          ),
          a.alert(
            config,
            'HotcoldImplausibleTimes',
            'info',
            config.failingCriticalSeconds,
            'hotcold_implausible_files{%(hotcoldSelector)s} > 0' % config,
            'Files are from the future or the epoch.',
            '{{ $value }} cold files of {{ $labels.capture }} on {{ $labels.instance }} have an impossible time, and never expire.'
          ),
        ],
      },
    ],
  },
}
