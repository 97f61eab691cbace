// One capture, and the service that looks after it.
local p = import 'panels.libsonnet';

{
  local config = $._config,
  local labels = {
    host: 'job=~"$job", instance="$instance"',
    capture: 'job=~"$job", instance="$instance", capture="$capture"',
  },
  local q(expr, legend='') = p.query(expr % labels, legend),

  grafanaDashboards+:: {
    'hotcold-capture.json': p.dashboard(
      config,
      'hotcold-capture',
      'hotcold / Capture',
      'One capture: what it holds, what is done with it, what is wrong.',
      [
        p.datasourceVariable,
        p.labelVariable('job', 'Job', 'hotcold_build_info{%(hotcoldSelector)s}' % config),
        p.labelVariable('instance', 'Host', 'hotcold_build_info{job=~"$job"}', several=false),
        p.labelVariable('capture', 'Capture', 'hotcold_errors_total{job=~"$job", instance="$instance"}', several=false),
      ],
      [
        p.number(
          'Newest file',
          's',
          q('time() - max(hotcold_newest_file_timestamp_seconds{%(capture)s})'),
          'How old it is, of whatever kind.',
          bad=config.recorderStoppedSeconds
        ),
        p.number(
          'Missing of 24 h',
          's',
          q('hotcold_recording_gap_seconds{%(capture)s}'),
          'Gaps in the archived recording.',
          bad=config.recordingGapSeconds
        ),
        p.number('Free', 'percentunit', q('min(capture:hotcold_free_bytes:ratio{%(capture)s})'), badBelow=config.freeCriticalRatio),
        p.number(
          'Last round without an error',
          's',
          q('time() - hotcold_last_success_timestamp_seconds{%(capture)s}'),
          'How long ago. Nothing where there was none since the service was started.',
          bad=config.windowSeconds
        ),
        p.number('Retention declined', 'short', q('hotcold_retention_declined{%(capture)s}'), bad=1),
        p.number(
          'Metrics',
          's',
          q('instance:hotcold_metrics_age_seconds:max{%(host)s}'),
          'How old they are: the file stays when the service has gone.',
          bad=config.downSeconds
        ),

        p.row('What it holds'),
        p.lines('Files', 'short', [q('hotcold_files{%(capture)s}', '{{kind}} {{tier}}')], stacked=true),
        p.lines('Bytes', 'bytes', [q('hotcold_bytes{%(capture)s}', '{{kind}} {{tier}}')], stacked=true),
        p.lines('Age of the newest file', 's', [q('time() - hotcold_newest_file_timestamp_seconds{%(capture)s}', '{{kind}}')]),
        p.lines('Gaps of the last 24 hours', 'short', [q('hotcold_recording_gaps{%(capture)s}', 'gaps')], width=6),
        p.lines('Missing of the last 24 hours', 's', [q('hotcold_recording_gap_seconds{%(capture)s}', 'missing')], width=6),

        p.row('What is done'),
        p.lines('Files moved', 'cps', [q('rate(hotcold_files_moved_total{%(capture)s}[$__rate_interval])', '{{kind}}')], 'A second.'),
        p.lines(
          'Copied to another file system',
          'Bps',
          [q('rate(hotcold_bytes_copied_total{%(capture)s}[$__rate_interval])', 'bytes')],
          'Only of captures with tiers on several disks.',
          width=6
        ),
        p.lines('Files copied', 'cps', [q('rate(hotcold_files_copied_total{%(capture)s}[$__rate_interval])', 'files')], width=6),
        p.lines(
          'Files deleted',
          'cps',
          [q('rate(hotcold_files_deleted_total{%(capture)s}[$__rate_interval])', '{{kind}}')],
          'By retention.'
        ),
        p.lines(
          'Rounds',
          's',
          [q('hotcold_round_duration_seconds{%(host)s}', 'duration')],
          'How long each takes, over all captures of the host.',
          width=6
        ),
        p.lines('Captures with more to do', 'short', [q('hotcold_captures_unfinished{%(host)s}', 'captures')], width=6),

        p.row('What is wrong'),
        p.lines(
          'Rounds with an error',
          'short',
          [q('increase(hotcold_capture_errors_total{%(capture)s}[$__rate_interval])', '{{reason}}')],
          'By reason.'
        ),
        p.lines('Files that cannot be moved', 'short', [q('hotcold_files_failed{%(capture)s}', '{{kind}}')], width=6),
        p.lines(
          'Files with an impossible time',
          'short',
          [q('hotcold_implausible_files{%(capture)s}', 'files')],
          'Cold ones from the future or the epoch: they never expire.',
          width=6
        ),

        p.row('Room'),
        p.lines(
          'Free bytes',
          'bytes',
          [
            q('hotcold_filesystem_free_bytes{%(capture)s}', 'capture'),
            q('hotcold_mount_free_bytes{%(capture)s}', '{{mount}}'),
          ]
        ),
        p.lines(
          'Free inodes',
          'short',
          [
            q('hotcold_filesystem_free_inodes{%(capture)s}', 'capture'),
            q('hotcold_mount_free_inodes{%(capture)s}', '{{mount}}'),
          ]
        ),
      ]
    ),
  },
}
