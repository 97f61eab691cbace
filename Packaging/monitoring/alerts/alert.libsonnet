// One alert, in the form that all have. `after`: seconds for which it has to be so.
local duration = import '../duration.libsonnet';

{
  alert(config, name, severity, after, expr, summary, description):: {
    alert: name,
    expr: expr,
    [if after > 0 then 'for']: duration(after),
    labels: { severity: severity },
    annotations: {
      summary: summary,
      description: description,
      runbook_url: config.runbookURL % std.asciiLower(name),
    },
  },

  // Only while the service runs: what it said last is not what is so now.
  whileUp(config, expr)::
    '%s\nand on (job, instance) instance:hotcold_metrics_age_seconds:max < %d\n' % [std.stripChars(expr, '\n'), config.downSeconds],
}
