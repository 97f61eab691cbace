// Whether the service runs, and keeps up.
local duration = import '../duration.libsonnet';
local a = import 'alert.libsonnet';

{
  local config = $._config {
    window: duration($._config.windowSeconds),
    forget: duration($._config.forgetSeconds),
    roundsExpected: $._config.windowSeconds / $._config.roundIntervalSeconds,
    roundsLeast: self.roundsExpected / 2,
  },

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'hotcold.service',
        rules: [
          a.alert(
            config,
            'HotcoldDown',
            'critical',
            config.roundIntervalSeconds,
            'instance:hotcold_metrics_age_seconds:max > %(downSeconds)d' % config,
            'hotcold does not run.',
            'On {{ $labels.instance }} no round has ended for {{ $value | humanizeDuration }}.'
            + ' Nothing goes cold, nothing expires, disks fill.'
          ),
          a.alert(
            config,
            'HotcoldAbsent',
            'critical',
            config.downSeconds,
            // A sample an hour will do: a week of all of them is much to read every minute.
            |||
              group by (job, instance) (last_over_time(hotcold_build_info{%(hotcoldSelector)s}[%(forget)s:1h]))
              unless on (job, instance) hotcold_build_info
              and on (job, instance) up == 1
              or group by (job, instance) (
                hotcold_build_info{%(hotcoldSelector)s} unless on (job, instance) instance:hotcold_metrics_age_seconds:max
              )
              or absent(hotcold_build_info{%(hotcoldSelector)s})
            ||| % config,
            'There are no metrics of hotcold, or of unknown age.',
            '{{ with $labels.instance }}{{ . }} does not serve{{ else }}No host serves{{ end }} metrics of hotcold and their age:'
            + ' the file is not there, cannot be read, or has another name than the rules ask for.'
          ),
          a.alert(
            config,
            'HotcoldRoundsStalled',
            'warning',
            config.windowSeconds,
            a.whileUp(config, 'increase(hotcold_rounds_total{%(hotcoldSelector)s}[%(window)s]) < %(roundsLeast)g' % config),
            'hotcold makes too few rounds.',
            'On {{ $labels.instance }} the service has made {{ $value | humanize }} rounds in %(window)s, not %(roundsExpected)d:' % config
            + ' they take too long, or it is started again and again.'
          ),
          a.alert(
            config,
            'HotcoldUnfinished',
            'warning',
            config.failingCriticalSeconds,
            'hotcold_captures_unfinished{%(hotcoldSelector)s} > 0' % config,
            'hotcold falls behind.',
            'On {{ $labels.instance }} {{ $value }} captures have had more to settle than a round allows for %s.'
            % duration(config.failingCriticalSeconds)
          ),
          a.alert(
            config,
            'HotcoldCapturesListUnreadable',
            'warning',
            config.windowSeconds,
            'increase(hotcold_captures_list_errors_total{%(hotcoldSelector)s}[%(window)s]) > 1' % config,
            'The list of captures cannot be read.',
            'On {{ $labels.instance }} hotcold goes on with the captures that it knows; those added since are not looked after.'
          ),
          a.alert(
            config,
            'HotcoldMetricsNotWritten',
            'warning',
            0,
            'increase(hotcold_metrics_write_errors_total{%(hotcoldSelector)s}[1h]) > 0' % config,
            'The metrics of hotcold could not be written.',
            'On {{ $labels.instance }} what was served within the last hour was at times older than it looked.'
          ),
        ],
      },
    ],
  },
}
