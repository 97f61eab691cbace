// Seconds as Prometheus writes them, in the largest unit that fits.
function(seconds)
  if seconds % 86400 == 0 then '%dd' % (seconds / 86400)
  else if seconds % 3600 == 0 then '%dh' % (seconds / 3600)
  else if seconds % 60 == 0 then '%dm' % (seconds / 60)
  else '%ds' % seconds
