// Whether there is room: of the capture's own file system, and of each tier that is mounted.
local duration = import '../duration.libsonnet';
local a = import 'alert.libsonnet';

{
  local config = $._config {
    lookBack: duration($._config.fillingLookBackSeconds),
    within: duration($._config.fillingWithinSeconds),
  },
  local place = '{{ $labels.capture }}{{ with $labels.mount }} ({{ . }}){{ end }} on {{ $labels.instance }}',

  local alerts(name, ratio, what) = [
    a.alert(
      config,
      name,
      'warning',
      config.freeWarningAfterSeconds,
      |||
        %(ratio)s < %(freeWarningRatio)g
        and predict_linear(%(ratio)s[%(lookBack)s], %(fillingWithinSeconds)d) < 0
      ||| % (config { ratio: ratio }),
      'The %s of a capture run out.' % what,
      '{{ $value | humanizePercentage }} of the %s of %s are free, and none in %s if it goes on like this.' % [what, place, config.within]
    ),
    a.alert(
      config,
      name,
      'critical',
      config.freeCriticalAfterSeconds,
      '%s < %g' % [ratio, config.freeCriticalRatio],
      'The %s of a capture are almost used up.' % what,
      '{{ $value | humanizePercentage }} of the %s of %s are free.' % [what, place]
    ),
  ],

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'hotcold.disk',
        rules:
          alerts('HotcoldDiskFilling', 'capture:hotcold_free_bytes:ratio', 'bytes')
          + alerts('HotcoldInodesFilling', 'capture:hotcold_free_inodes:ratio', 'inodes'),
      },
    ],
  },
}
