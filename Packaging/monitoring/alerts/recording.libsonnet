// Whether there is a recording.
local a = import 'alert.libsonnet';

{
  local config = $._config,

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'hotcold.recording',
        rules: [
          a.alert(
            config,
            'HotcoldRecorderStopped',
            'critical',
            2 * config.roundIntervalSeconds,
            // When the service last looked: what it does not see is not the recorder's fault.
            |||
              time() - hotcold_newest_file_timestamp_seconds{%(hotcoldSelector)s, %(recorderSelector)s}
              - on (job, instance) group_left () instance:hotcold_metrics_age_seconds:max
              > %(recorderStoppedSeconds)d
            ||| % config,
            'Nothing is being recorded.',
            'The newest {{ $labels.kind }} of {{ $labels.capture }} on {{ $labels.instance }} are {{ $value | humanizeDuration }} old.'
          ),
          a.alert(
            config,
            'HotcoldRecordingGaps',
            'warning',
            config.windowSeconds,
            a.whileUp(config, 'hotcold_recording_gap_seconds{%(hotcoldSelector)s, %(gapSelector)s} > %(recordingGapSeconds)d' % config),
            'A recording has gaps.',
            '{{ $value | humanizeDuration }} of the last 24 hours of {{ $labels.capture }} on {{ $labels.instance }} are missing.'
          ),
        ],
      },
    ],
  },
}
