// Whether each capture is kept in order.
local duration = import '../duration.libsonnet';
local a = import 'alert.libsonnet';

{
  local config = $._config {
    window: duration($._config.windowSeconds),
    forget: duration($._config.forgetSeconds),
    lookBack: duration($._config.capturesLookBackSeconds),
  },
  // In most rounds, however long they take.
  local inRounds(metric, labels, share) = |||
    sum by (%s) (increase(%s[%s]))
    > on (job, instance) group_left () %s * increase(hotcold_rounds_total{%s}[%s])
  ||| % [labels, metric, config.window, share, config.hotcoldSelector, config.window],
  // Retention that declines has an alert of its own.
  local forOneReason(share) = inRounds(
    'hotcold_capture_errors_total{%(hotcoldSelector)s, reason!="nothing deleted"}' % config, 'job, instance, capture, reason', share
  ),
  // With a reason and without one while it is not clear which: a reason in about half of the rounds would come and go.
  local failing = forOneReason('0.5') + 'or\n'
                  + inRounds('hotcold_errors_total{%(hotcoldSelector)s}' % config, 'job, instance, capture', '0.5')
                  + 'unless on (job, instance, capture) (\n' + forOneReason('0.75') + ')\n',
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
