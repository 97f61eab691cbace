// All hosts at a glance.
local p = import 'panels.libsonnet';

{
  local config = $._config,
  local hosts = 'job=~"$job", instance=~"$instance"',
  local q(expr, legend='') = p.query(expr % { hosts: hosts }, legend),
  local t(expr) = p.tableQuery(expr % { hosts: hosts }),

  grafanaDashboards+:: {
    'hotcold-fleet.json': p.dashboard(
      config,
      'hotcold-fleet',
      'hotcold / Fleet',
      'Every host that runs hotcold: is it at work, does it record, is there room.',
      [
        p.datasourceVariable,
        p.labelVariable('job', 'Job', 'hotcold_build_info{%(hotcoldSelector)s}' % config),
        p.labelVariable('instance', 'Host', 'hotcold_build_info{job=~"$job"}'),
      ],
      [
        p.number('Hosts', 'short', q('count(hotcold_build_info{%(hosts)s})')),
        p.number('Captures', 'short', q('sum(hotcold_captures{%(hosts)s})')),
        p.number(
          'Captures with errors',
          'short',
          q('count(increase(hotcold_errors_total{%(hosts)s}[15m]) > 0) or vector(0)'),
          'In any round of the last quarter of an hour.',
          bad=1
        ),
        p.number(
          'Oldest metrics',
          's',
          q('max(instance:hotcold_metrics_age_seconds:max{%(hosts)s})'),
          'The file of metrics stays when the service has gone.',
          bad=config.downSeconds
        ),
        p.number('Retention declined', 'short', q('sum(hotcold_retention_declined{%(hosts)s})'), 'Captures.', bad=1),
        p.number(
          'Least free',
          'percentunit',
          q('min(capture:hotcold_free_bytes:ratio{%(hosts)s})'),
          'Of the bytes of any file system.',
          badBelow=config.freeCriticalRatio
        ),

        p.table(
          'Hosts',
          ['job', 'instance', 'version'],
          [['Version', 'short'], ['Captures', 'short'], ['With more to do', 'short'], ['Last round', 's'], ['Metrics are old', 's']],
          [
            t('max by (job, instance, version) (hotcold_build_info{%(hosts)s})'),
            t('max by (job, instance) (hotcold_captures{%(hosts)s})'),
            t('max by (job, instance) (hotcold_captures_unfinished{%(hosts)s})'),
            t('max by (job, instance) (hotcold_round_duration_seconds{%(hosts)s})'),
            t('instance:hotcold_metrics_age_seconds:max{%(hosts)s}'),
          ],
        ),
        p.table(
          'Captures',
          ['job', 'instance', 'capture'],
          [['Newest file', 's'], ['Missing of 24 h', 's'], ['Gaps', 'short'], ['Free', 'percentunit'], ['Errors of 15 min', 'short']],
          [
            t('time() - max by (job, instance, capture) (hotcold_newest_file_timestamp_seconds{%(hosts)s})'),
            t('max by (job, instance, capture) (hotcold_recording_gap_seconds{%(hosts)s})'),
            t('max by (job, instance, capture) (hotcold_recording_gaps{%(hosts)s})'),
            t('min by (job, instance, capture) (capture:hotcold_free_bytes:ratio{%(hosts)s})'),
            t('sum by (job, instance, capture) (increase(hotcold_errors_total{%(hosts)s}[15m]))'),
          ],
          'How old the newest file is, what is missing of the recording, how much room there is.'
        ),

        p.row('Recording and room'),
        p.lines(
          'Age of the newest file',
          's',
          [q('time() - max by (instance, capture) (hotcold_newest_file_timestamp_seconds{%(hosts)s})', '{{instance}} {{capture}}')],
          'Of any kind.'
        ),
        p.lines(
          'Missing of the last 24 hours',
          's',
          [q('hotcold_recording_gap_seconds{%(hosts)s}', '{{instance}} {{capture}}')],
          'Gaps in the archived recording, added up.'
        ),
        p.lines('Free bytes', 'percentunit', [q('capture:hotcold_free_bytes:ratio{%(hosts)s}', '{{instance}} {{capture}} {{mount}}')]),
        p.lines('Free inodes', 'percentunit', [q('capture:hotcold_free_inodes:ratio{%(hosts)s}', '{{instance}} {{capture}} {{mount}}')]),

        p.row('Work'),
        p.lines(
          'Files moved',
          'cps',
          [q('sum by (instance) (rate(hotcold_files_moved_total{%(hosts)s}[$__rate_interval]))', '{{instance}}')],
          'A second.'
        ),
        p.lines(
          'Files deleted',
          'cps',
          [q('sum by (instance) (rate(hotcold_files_deleted_total{%(hosts)s}[$__rate_interval]))', '{{instance}}')],
          'By retention, a second.'
        ),
        p.lines('Duration of a round', 's', [q('hotcold_round_duration_seconds{%(hosts)s}', '{{instance}}')]),
        p.lines(
          'Versions',
          'short',
          [q('count by (version) (hotcold_build_info{%(hosts)s})', '{{version}}')],
          'Hosts of each.',
          stacked=true
        ),
      ]
    ),
  },
}
