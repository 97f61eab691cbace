// What several alerts and panels need.
{
  local config = $._config,

  prometheusRules+:: {
    groups+: [
      {
        name: 'hotcold.rules',
        rules: [
          {
            // The file stays when the service has gone: its age tells.
            record: 'instance:hotcold_metrics_age_seconds:max',
            expr: 'max by (job, instance) (time() - node_textfile_mtime_seconds{%(hotcoldSelector)s, %(textfileSelector)s})' % config,
          },
          {
            // Of the capture's file system, and of each tier that is mounted (label mount).
            record: 'capture:hotcold_free_bytes:ratio',
            expr: |||
              hotcold_filesystem_free_bytes{%(hotcoldSelector)s} / hotcold_filesystem_size_bytes
              or
              hotcold_mount_free_bytes{%(hotcoldSelector)s} / hotcold_mount_size_bytes
            ||| % config,
          },
          {
            record: 'capture:hotcold_free_inodes:ratio',
            expr: |||
              hotcold_filesystem_free_inodes{%(hotcoldSelector)s} / hotcold_filesystem_inodes
              or
              hotcold_mount_free_inodes{%(hotcoldSelector)s} / hotcold_mount_inodes
            ||| % config,
          },
        ],
      },
    ],
  },
}
