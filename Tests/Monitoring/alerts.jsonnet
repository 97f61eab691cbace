// Unit tests of the alerts, for `promtool test rules`: each comes in its case, none in a healthy one.
// One sample a minute. A case names the series that are unlike those of a healthy host, and what fires at which time; all
// other alerts must not.
local mixin = import '../../Packaging/monitoring/mixin.libsonnet';

local rules = std.flattenArrays([group.rules for group in mixin.prometheusAlerts.groups]);
local names = std.set([rule.alert for rule in rules]);
local annotations(name, severity) = [
  rule.annotations
  for rule in rules
  if rule.alert == name && rule.labels.severity == severity
][0];

local host = 'job="node",instance="camera1:9100"';
local front = host + ',capture="/srv/front"';
local back = host + ',capture="/srv/back"';
local disk = front + ',mount="/srv/front/hot"';
local file = host + ',file="/var/lib/prometheus/node-exporter/hotcold.prom"';

// The service is started again after ten hours: for four minutes nothing is written, and counters begin anew.
local clock = '0+60x600 36000x3 36300+60x1000';
local counter = '0+1x600 600x3 0+1x1000';
local zero = '0x1605';
// One more each so many minutes.
local every(minutes, times) = std.join(' ', ['%dx%d' % [count, minutes - 1] for count in std.range(1, times)]);
// One more in the first two minutes of every three.
local twoOfThree(times) = std.join(' ', ['%d %dx1' % [2 * count - 1, 2 * count] for count in std.range(1, times)]);

local healthy = {
  ['up{%s}' % host]: '1x1605',
  ['node_textfile_mtime_seconds{%s}' % file]: clock,
  ['hotcold_build_info{%s,version="0.1.0"}' % host]: '1x600 _x4 _x1001',
  ['hotcold_build_info{%s,version="0.2.0"}' % host]: '_x601 _x4 1x1000',
  ['hotcold_rounds_total{%s}' % host]: counter,
  // One is away for some rounds, and one is added.
  ['hotcold_captures{%s}' % host]: '2x100 1x9 2x500 3x993',
  ['hotcold_captures_unfinished{%s}' % host]: '0x300 1x30 0x1274',
  ['hotcold_captures_list_errors_total{%s}' % host]: '0x300 1x1304',
  ['hotcold_metrics_write_errors_total{%s}' % host]: zero,
  // Wrong for three rounds.
  ['hotcold_errors_total{%s}' % front]: zero,
  ['hotcold_errors_total{%s}' % back]: '0x100 1+1x2 3x1501',
  ['hotcold_capture_errors_total{%s,reason="another run holds the capture"}' % back]: '_x100 1+1x2 3x1501',
  ['hotcold_files_failed{%s,kind="segments"}' % front]: '0x100 5x2 0x1501',
  ['hotcold_retention_declined{%s}' % front]: zero,
  ['hotcold_implausible_files{%s}' % front]: zero,
  ['hotcold_newest_file_timestamp_seconds{%s,kind="segments"}' % front]: clock,
  // Not every kind is written without a pause.
  ['hotcold_newest_file_timestamp_seconds{%s,kind="metadata"}' % front]: zero,
  ['hotcold_recording_gap_seconds{%s}' % front]: '0x100 20x1504',
  ['hotcold_recording_gaps{%s}' % front]: '0x100 1x1504',
  ['hotcold_filesystem_size_bytes{%s}' % front]: '1000000000000x1605',
  ['hotcold_filesystem_free_bytes{%s}' % front]: '300000000000x1605',
  ['hotcold_filesystem_inodes{%s}' % front]: '1000x1605',
  ['hotcold_filesystem_free_inodes{%s}' % front]: '900x1605',
  // Little, but not less and less.
  ['hotcold_mount_size_bytes{%s}' % disk]: '1000x1605',
  ['hotcold_mount_free_bytes{%s}' % disk]: '120x1605',
  ['hotcold_mount_inodes{%s}' % disk]: '1000x1605',
  ['hotcold_mount_free_inodes{%s}' % disk]: '500x1605',
};

// `labels`: beyond severity. Of `description` the test has its own text.
local fires(name, severity, labels, description) = { name: name, severity: severity, labels: labels, description: description };
local on(labels={}) = { job: 'node', instance: 'camera1:9100' } + labels;
local onFront(labels={}) = on({ capture: '/srv/front' } + labels);

local at(time, firing=[]) = [
  {
    eval_time: time,
    alertname: name,
    exp_alerts: [
      {
        exp_labels: { severity: alert.severity } + alert.labels,
        exp_annotations: annotations(name, alert.severity) + { description: alert.description },
      }
      for alert in firing
      if alert.name == name
    ],
  }
  for name in names
];

local case(name, series, checks, samples=[]) = {
  name: name,
  interval: '1m',
  input_series: [{ series: key, values: series[key] } for key in std.objectFields(series) if series[key] != null],
  alert_rule_test: std.flattenArrays(checks),
  promql_expr_test: samples,
};

local camera2 = {
  'hotcold_build_info{job="node",instance="camera2:9100",version="0.1.0"}': '1x1605',
  'node_textfile_mtime_seconds{job="node",instance="camera2:9100",file="/srv/hotcold.prom"}': '0+60x1605',
};

local none(series) = { [key]: null for key in std.objectFields(series) };
local withoutCaptures = { [key]: healthy[key] for key in std.objectFields(healthy) if std.length(std.findSubstr('capture=', key)) == 0 };
local only(series, prefix) = { [key]: series[key] for key in std.objectFields(series) if std.startsWith(key, prefix) };

local down(time) = fires(
  'HotcoldDown',
  'critical',
  on(),
  'On camera1:9100 no round has ended for %s. Nothing goes cold, nothing expires, disks fill.' % time
);
local noCaptures = {
  warning: fires(
    'HotcoldNoCaptures',
    'warning',
    on(),
    'On camera1:9100 the list of captures is empty, or its patterns match no folder.'
  ),
  critical: fires(
    'HotcoldNoCaptures',
    'critical',
    on(),
    'On camera1:9100 there are no captures any more: their disk is not mounted, or the list was changed.'
  ),
};
local fewer(count) = fires(
  'HotcoldFewerCaptures',
  'warning',
  on(),
  'On camera1:9100 the captures are %d, fewer than within the last 1d. A folder or its disk is gone, or the list was changed.' % count
);
// `reason`: null where none is in most rounds.
local failing(severity, reason='no such folder') = fires(
  'HotcoldCaptureFailing',
  severity,
  onFront(if reason == null then {} else { reason: reason }),
  '/srv/front on camera1:9100: %s, %s' % [
    if reason == null then 'one thing or another' else reason,
    if severity == 'warning' then 'in most rounds of the last 15m.' else 'for 1h.',
  ]
);
local declined = fires(
  'HotcoldRetentionDeclined',
  'warning',
  onFront(),
  'What is due of /srv/front on camera1:9100 looks like a mistake. Nothing is deleted there until somebody confirms it.'
);
local absent(labels) = fires(
  'HotcoldAbsent',
  'critical',
  labels,
  (if labels == {} then 'No host serves' else 'camera1:9100 does not serve')
  + ' metrics of hotcold and their age: the file is not there, cannot be read, or has another name than the rules ask for.'
);
local stalled(rounds) = fires(
  'HotcoldRoundsStalled',
  'warning',
  on(),
  'On camera1:9100 the service has made %s rounds in 15m, not 15: they take too long, or it is started again and again.' % rounds
);
local filling(severity, text) = fires('HotcoldDiskFilling', severity, onFront(), text);

{
  rule_files: ['prometheus_rules.yaml', 'prometheus_alerts.yaml'],
  evaluation_interval: '1m',
  group_eval_order: ['hotcold.rules'] + [group.name for group in mixin.prometheusAlerts.groups],
  tests: [
    case(
      'A healthy host, also across a restart, an update, and what goes wrong for a moment.',
      healthy,
      [at('20m'), at('5h20m'), at('9h59m'), at('10h4m'), at('10h6m'), at('10h20m'), at('26h')],
      [{ expr: 'count_over_time(ALERTS{alertstate="firing"}[26h40m])', eval_time: '26h40m', exp_samples: [] }],
    ),
    case(
      'The service is killed: its file stays as it was. That the newest file gets old is not the fault of the recorder.',
      healthy {
        ['node_textfile_mtime_seconds{%s}' % file]: '0+60x60 3600x1500',
        ['hotcold_newest_file_timestamp_seconds{%s,kind="segments"}' % front]: '0+60x60 3600x1500',
        ['hotcold_rounds_total{%s}' % host]: '0+1x60 60x1500',
      },
      [at('70m'), at('73m', [down('13m 0s')])],
    ),
    case(
      'A host has lost its file; another one has it.',
      healthy {
        ['hotcold_build_info{%s,version="0.1.0"}' % host]: '1x60 _x1500',
        ['hotcold_build_info{%s,version="0.2.0"}' % host]: null,
        ['node_textfile_mtime_seconds{%s}' % file]: '0+60x60 _x1500',
      } + camera2,
      [
        at('70m'),
        at('80m', [absent(on())]),
        at('26h', [absent(on())]),
      ],
    ),
    case(
      'The file of metrics has another name: whether the service runs is not known.',
      healthy {
        ['node_textfile_mtime_seconds{%s}' % file]: null,
        ['node_textfile_mtime_seconds{%s,file="/var/lib/prometheus/node-exporter/archive.prom"}' % host]: clock,
      },
      [at('5m'), at('15m', [absent(on())]), at('5h', [absent(on())])],
    ),
    case(
      'The host itself does not answer: that is the alarm of another mixin.',
      healthy + none(healthy) + {
        ['up{%s}' % host]: '1x60 0x1500',
        ['hotcold_build_info{%s,version="0.1.0"}' % host]: '1x60 _x1500',
      } + camera2,
      [at('80m')],
    ),
    case(
      'No host has hotcold.',
      only(healthy, 'up'),
      [
        at('5m'),
        at('20m', [absent({})]),
      ],
    ),
    case(
      'The service is started again and again: its first round is always its last.',
      healthy { ['hotcold_rounds_total{%s}' % host]: '0+1x60 1x1500' },
      [
        at('65m'),
        at('2h', [stalled('0')]),
      ],
    ),
    case(
      'It falls behind.',
      healthy { ['hotcold_captures_unfinished{%s}' % host]: '0x60 3x1500' },
      [
        at('1h50m'),
        at('2h5m', [
          fires(
            'HotcoldUnfinished',
            'warning',
            on(),
            'On camera1:9100 3 captures have had more to settle than a round allows for 1h.'
          ),
        ]),
      ],
    ),
    case(
      'The list is not readable any more.',
      healthy { ['hotcold_captures_list_errors_total{%s}' % host]: '0x60 1+1x30 31x1500' },
      [
        at('70m'),
        at('1h25m', [
          fires(
            'HotcoldCapturesListUnreadable',
            'warning',
            on(),
            'On camera1:9100 hotcold goes on with the captures that it knows; those added since are not looked after.'
          ),
        ]),
        at('2h'),
      ],
    ),
    case(
      'Two rounds could not write their metrics.',
      healthy { ['hotcold_metrics_write_errors_total{%s}' % host]: '0x60 2x1500' },
      [
        at('59m'),
        at('65m', [
          fires(
            'HotcoldMetricsNotWritten',
            'warning',
            on(),
            'On camera1:9100 what was served within the last hour was at times older than it looked.'
          ),
        ]),
        at('2h10m'),
      ],
    ),
    case(
      'The disk of all captures is gone: the pattern in the list matches nothing, and no capture has metrics.',
      withoutCaptures { ['hotcold_captures{%s}' % host]: '2x60 0x1544' },
      [
        at('70m'),
        at('80m', [noCaptures.critical]),
        at('2h5m', [noCaptures.critical, noCaptures.warning]),
        at('26h', [noCaptures.critical, noCaptures.warning]),
      ],
    ),
    case(
      'A fresh installation: the list is still empty.',
      withoutCaptures { ['hotcold_captures{%s}' % host]: '0x1605' },
      [at('59m'), at('65m', [noCaptures.warning]), at('26h', [noCaptures.warning])],
    ),
    case(
      'One of three captures is gone from a pattern. After a day it counts as taken out on purpose.',
      healthy { ['hotcold_captures{%s}' % host]: '3x60 2x1544' },
      [at('70m'), at('80m', [fewer(2)]), at('24h', [fewer(2)]), at('25h10m')],
    ),
    case(
      'It is there again.',
      healthy { ['hotcold_captures{%s}' % host]: '3x60 2x60 3x1483' },
      [at('80m', [fewer(2)]), at('2h10m')],
    ),
    case(
      'The service was stopped after it had found no captures.',
      healthy {
        ['node_textfile_mtime_seconds{%s}' % file]: '0+60x60 3600x1500',
        ['hotcold_rounds_total{%s}' % host]: '0+1x60 60x1500',
        ['hotcold_captures{%s}' % host]: '2x58 0x1546',
      },
      [at('73m', [down('13m 0s')]), at('3h', [down('2h 0m 0s')])],
    ),
    case(
      'A capture fails in every round; the service is started again meanwhile, which does not end it.',
      healthy {
        ['hotcold_errors_total{%s}' % front]: '0x60 1+1x40 1+1x100 101x1300',
        ['hotcold_capture_errors_total{%s,reason="no such folder"}' % front]: '_x60 1+1x40 1+1x100 101x1300',
      },
      [at('75m'), at('100m', [failing('warning')]), at('140m', [failing('warning'), failing('critical')]), at('4h')],
    ),
    case(
      'The same where a round takes three minutes.',
      healthy {
        ['hotcold_rounds_total{%s}' % host]: every(3, 300),
        ['hotcold_errors_total{%s}' % front]: '0x60 ' + every(3, 280),
        ['hotcold_capture_errors_total{%s,reason="no such folder"}' % front]: '_x60 ' + every(3, 280),
      },
      [
        at('60m', [stalled('5')]),
        at('100m', [stalled('5'), failing('warning')]),
        at('150m', [stalled('5'), failing('warning'), failing('critical')]),
      ],
    ),
    case(
      'Something is wrong in every round, now this and now that.',
      healthy {
        ['hotcold_errors_total{%s}' % front]: '0x60 1+1x300',
        ['hotcold_capture_errors_total{%s,reason="no such folder"}' % front]: '_x60 ' + every(2, 150),
        ['hotcold_capture_errors_total{%s,reason="permission denied"}' % front]: '_x61 ' + every(2, 150),
      },
      [at('75m'), at('100m', [failing('warning', null)]), at('140m', [failing('warning', null), failing('critical', null)])],
    ),
    case(
      'Something is wrong in every third round.',
      healthy {
        ['hotcold_errors_total{%s}' % front]: '0x60 ' + every(3, 100),
        ['hotcold_capture_errors_total{%s,reason="no such folder"}' % front]: '_x60 ' + every(3, 100),
      },
      [at('100m'), at('4h')],
    ),
    case(
      'Files stay where they are.',
      healthy { ['hotcold_files_failed{%s,kind="segments"}' % front]: '0x60 7x1500' },
      [
        at('70m'),
        at('80m', [
          fires(
            'HotcoldFilesFailed',
            'warning',
            onFront({ kind: 'segments' }),
            '7 segments of /srv/front on camera1:9100 stay where they are.'
          ),
        ]),
      ],
    ),
    case(
      'Retention declines, which is not counted as a failure as well.',
      healthy {
        ['hotcold_retention_declined{%s}' % front]: '0x60 1x1500',
        ['hotcold_errors_total{%s}' % front]: zero,
        ['hotcold_capture_errors_total{%s,reason="nothing deleted"}' % front]: '_x60 1+1x1500',
      },
      [
        at('70m'),
        at('2h10m', [declined]),
      ],
    ),
    case(
      'Retention declines in two rounds of three, and something else is wrong in every tenth.',
      healthy {
        ['hotcold_errors_total{%s}' % front]: '0x60 ' + every(10, 30),
        ['hotcold_capture_errors_total{%s,reason="nothing deleted"}' % front]: '_x60 ' + twoOfThree(100),
        ['hotcold_capture_errors_total{%s,reason="no such folder"}' % front]: '_x60 ' + every(10, 30),
      },
      [at('100m'), at('4h')],
    ),
    case(
      'Retention declines in every round, and something else is wrong in every round, too: now this, now that.',
      healthy {
        ['hotcold_retention_declined{%s}' % front]: '0x60 1x1500',
        ['hotcold_errors_total{%s}' % front]: '0x60 1+1x1500',
        ['hotcold_capture_errors_total{%s,reason="nothing deleted"}' % front]: '_x60 1+1x1500',
        ['hotcold_capture_errors_total{%s,reason="no such folder"}' % front]: '_x60 ' + every(3, 100),
        ['hotcold_capture_errors_total{%s,reason="permission denied"}' % front]: '_x61 ' + every(3, 100),
        ['hotcold_capture_errors_total{%s,reason="names that are taken"}' % front]: '_x62 ' + every(3, 100),
      },
      [
        at('75m'),
        at('110m', [declined, failing('warning', null)]),
        at('150m', [declined, failing('warning', null), failing('critical', null)]),
      ],
    ),
    case(
      'Files are from the future.',
      healthy { ['hotcold_implausible_files{%s}' % front]: '0x60 2x1500' },
      [
        at('1h50m'),
        at('2h5m', [
          fires(
            'HotcoldImplausibleTimes',
            'info',
            onFront(),
            '2 cold files of /srv/front on camera1:9100 have an impossible time, and never expire.'
          ),
        ]),
      ],
    ),
    case(
      'The recorder stops while the service goes on.',
      healthy { ['hotcold_newest_file_timestamp_seconds{%s,kind="segments"}' % front]: '0+60x60 3600x1500' },
      [
        at('65m'),
        at('70m', [
          fires(
            'HotcoldRecorderStopped',
            'critical',
            onFront({ kind: 'segments' }),
            'The newest segments of /srv/front on camera1:9100 are 10m 0s old.'
          ),
        ]),
      ],
    ),
    case(
      'A round that fails does not see the newest file: that the recorder has stopped is not known.',
      healthy { ['hotcold_newest_file_timestamp_seconds{%s,kind="segments"}' % front]: '0+60x60 _x30 5460+60x300' },
      [at('70m'), at('91m'), at('95m')],
    ),
    case(
      'Minutes of the recording are missing.',
      healthy { ['hotcold_recording_gap_seconds{%s}' % front]: '0x60 240x100 0x1500' },
      [
        at('70m'),
        at('80m', [
          fires(
            'HotcoldRecordingGaps',
            'warning',
            onFront(),
            '4m 0s of the last 24 hours of /srv/front on camera1:9100 are missing.'
          ),
        ]),
        at('3h'),
      ],
    ),
    case(
      'A disk fills.',
      healthy { ['hotcold_filesystem_free_bytes{%s}' % front]: '300000000000-500000000x540' },
      [
        at('3h20m'),
        at('4h30m', [
          filling('warning', '16.5% of the bytes of /srv/front on camera1:9100 are free, and none in 1d if it goes on like this.'),
        ]),
        at('8h40m', [
          filling('warning', '4% of the bytes of /srv/front on camera1:9100 are free, and none in 1d if it goes on like this.'),
          filling('critical', '4% of the bytes of /srv/front on camera1:9100 are free.'),
        ]),
      ],
    ),
    case(
      'A tier has few inodes left.',
      healthy { ['hotcold_mount_free_inodes{%s}' % disk]: '500x60 40x1500' },
      [
        at('62m'),
        at('70m', [
          fires(
            'HotcoldInodesFilling',
            'critical',
            onFront({ mount: '/srv/front/hot' }),
            '4% of the inodes of /srv/front (/srv/front/hot) on camera1:9100 are free.'
          ),
        ]),
      ],
    ),
  ],
}
