// All that a site may want to change. Override it: (import 'mixin.libsonnet') + { _config+:: { roundIntervalSeconds: 300 } }
{
  _config+:: {
    local config = self,

    // Which hosts are looked after.
    hotcoldSelector: 'job=~".+"',
    // The file that node_exporter serves (HOTCOLD_METRICS_FILE, or the link to it): under another name its age is not known.
    textfileSelector: 'file=~"(.*/)?hotcold[.]prom"',
    // Kinds that are recorded without a pause: nothing new of them means that the recorder has stopped.
    recorderSelector: 'kind=~"segments|recordings"',
    // Captures in whose recordings gaps are a fault: not those of a recorder that records on motion only.
    gapSelector: 'capture=~".+"',

    // HOTCOLD_INTERVAL of the service. The times below count its rounds.
    roundIntervalSeconds: 60,
    // Metrics that are older are those of a service that does not run.
    downSeconds: 10 * config.roundIntervalSeconds,
    // What is wrong in most rounds of this time, and for as long again, is no accident.
    windowSeconds: 15 * config.roundIntervalSeconds,
    // For how long a capture may fail before it becomes critical.
    failingCriticalSeconds: 60 * config.roundIntervalSeconds,
    // For how long a host may have served no metrics of hotcold before it counts as one that never had it.
    forgetSeconds: 7 * 24 * 3600,
    // For how long a capture that has gone is missed.
    capturesLookBackSeconds: 24 * 3600,

    // How old the newest file of a kind may be.
    recorderStoppedSeconds: 300,
    // How much of a recording may be missing within 24 hours: a restart of the recorder is no alarm.
    recordingGapSeconds: 60,

    // Of bytes or inodes: free below the first and none left soon, or free below the second.
    freeWarningRatio: 0.2,
    freeCriticalRatio: 0.05,
    freeWarningAfterSeconds: 3600,
    freeCriticalAfterSeconds: 300,
    // None left within this time, if it goes on as it did.
    fillingWithinSeconds: 24 * 3600,
    fillingLookBackSeconds: 6 * 3600,

    // Where people who get the alert can read on; %s is its name in lower case. As the package installs it.
    runbookURL: 'file:///usr/share/doc/hotcold/RUNBOOK.md#%s',

    dashboardTags: ['hotcold'],
    dashboardRefresh: '1m',
    dashboardPeriod: 'now-24h',
  },
}
