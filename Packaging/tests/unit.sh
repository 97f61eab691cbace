#!/bin/bash
# The unit under a systemd that is booted for it in a Debian that has nothing else: unit.sh VERSION PACKAGE. As root, a minute or two.
#
# The service is stopped, killed, upgraded and removed in the middle of moving a capture. Each time the journal must show that it was
# in the middle, and each file must still be there, with its inode, size and time.
. "$(dirname "$0")/common.sh"
version=$1
package=$2
work=$(mktemp -d /var/tmp/hotcold-unit-XXXXXX)
root=$work/debian
container=
finish() {
  if [ -n "$container" ]; then
    run 'systemctl poweroff' >/dev/null 2>&1 || true
    for _ in $(seq 100); do kill -0 "$container" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$container" 2>/dev/null || true
    wait "$container" 2>/dev/null || true
  fi
  rm -rf --one-file-system "$work"
}
trap finish EXIT

stream=/var/www/html/stream
capture=$stream/c1
unit=hot_cold_archiver
files=400000

run() { nsenter -t "$leader" -m -u -i -n -p -C -r -w env PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C sh -c "$1"; }
property() { run "systemctl show $unit --value -p $1"; }
is() { [ "$(property "$1")" = "$2" ]; }
# The journal of one process of the service, or of all.
journal() { run "journalctl -q -o cat -u $unit ${1:+_PID=$1}"; }
# Files that a process of the service says it has moved, in all its rounds.
moved_by() { journal "$1" | sed -n 's/.*: moved \([0-9,]*\) file.*/\1/p' | tr -d , | awk '{ sum += $1 } END { print sum + 0 }'; }
is_between() { [ "$1" -gt "$2" ] && [ "$1" -lt "$3" ]; }
# Every file by name, inode, size and time. Playlists are hotcold's own.
manifest() { run "find $capture -type f ! -name '*.m3u8' -printf '%f %i %s %T@\n' | sort"; }
has_moved_some() { run "ls $capture/segments/[0-9]*/segment_* 2>/dev/null | head -n 1 | grep -q ."; }
is_settled() { run "hotcold verify -q $capture"; }
nothing_is_lost() { manifest | diff -q "$work/manifest" -; }

fresh_capture() {
  run "rm -rf $capture && hotcold sample $capture --files $files --quiet && chown -R www-data:www-data $stream"
  manifest > "$work/manifest"
}
# Starts the service and returns in the middle of its moves.
start_and_interrupt() {
  check 'start' run "systemctl start $unit"
  process=$(property MainPID)
  check 'the first files move' until_true 60 has_moved_some
}
goes_on_and_settles() {
  check 'it goes on and settles' until_true 60 is_settled
  check 'nothing is lost' nothing_is_lost
}

clean_root bookworm "$root" liburing2,libyaml-0-2,libstdc++6,systemd-sysv
cp "$package" "$root/hotcold.deb"
higher_version "$package" "$root/next.deb"
check 'installation without a running systemd' chroot "$root" dpkg -i /hotcold.deb
systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --machine="hotcold-unit-$$" \
  --tmpfs="$stream:mode=0755,size=4g" --directory="$root" >"$work/console" 2>&1 &
container=$!
# Until it is called so, the child of nspawn is setting the container up.
check 'systemd begins' until_true 30 pgrep -x -P "$container" systemd
leader=$(pgrep -x -P "$container" systemd)
has_booted() { run 'systemctl is-system-running' | grep -qxE 'running|degraded'; }
check 'systemd boots' until_true 120 has_booted

# ------------------------------------------------------------------------------------------ enable, start, settings
echo 'enable, start, settings'
check 'installed, not enabled' [ "$(run "systemctl is-enabled $unit" || true)" = disabled ]
run "mkdir -p /etc/systemd/system/$unit.service.d
  printf '[Service]\nWatchdogSec=4\nRestartSec=1\n' > /etc/systemd/system/$unit.service.d/test.conf
  printf '%s\n' HOTCOLD_METRICS_FILE=/var/lib/hotcold/hotcold.prom HOTCOLD_INTERVAL=5s >> /etc/hotcold/archive.conf
  echo $capture > /etc/hotcold/captures.conf
  systemctl daemon-reload"
fresh_capture
check 'enable' run "systemctl enable $unit"
check 'enabled' [ "$(run "systemctl is-enabled $unit")" = enabled ]
check 'start' run "systemctl start $unit"
check 'active' is ActiveState active
check 'it runs as www-data' [ "$(run "ps -o user= -p $(property MainPID) 2>/dev/null || stat -c %U /proc/$(property MainPID)")" = www-data ]
goes_on_and_settles
status_is() { property StatusText | grep -q "$1"; }
check 'it says what it did last' until_true 20 status_is '^last round: 1 capture'
has_errors() { run "journalctl -q -o cat -u $unit -p err" | grep .; }
check 'no error in the journal' is_not has_errors

echo 'metrics'
has_metric() { run 'cat /var/lib/hotcold/hotcold.prom' | grep -qE "$1"; }
check 'metrics' until_true 20 has_metric "^hotcold_build_info\{version=\"$version\"\} 1\$"
check 'of one capture' has_metric '^hotcold_captures 1$'
check 'for everybody to read' [ "$(run 'stat -c "%U %a" /var/lib/hotcold/hotcold.prom')" = 'www-data 644' ]
counted=$(run 'cat /var/lib/hotcold/hotcold.prom' | awk '/^hotcold_files_moved_total/ { sum += $NF } END { printf "%d", sum }')
check 'they count what the journal says' [ "$counted" = "$(moved_by "$(property MainPID)")" ]

echo 'SIGHUP, reload, restart'
process=$(property MainPID)
run 'echo HOTCOLD_INTERVAL=6s >> /etc/hotcold/archive.conf'
check 'SIGHUP' run "kill -HUP $process"
says() { journal | grep -qF "$1"; }
check 'the settings are read' until_true 20 says 'settings reloaded: a round every 6 s'
run "echo HOTCOLD_INTERVAL=3s >> /etc/hotcold/archive.conf; echo $stream/none >> /etc/hotcold/captures.conf"
check 'reload' run "systemctl reload $unit"
check 'the settings are read again' until_true 20 says 'settings reloaded: a round every 3 s'
check 'by the same process' is MainPID "$process"

echo 'priorities in the journal'
priority_of() { run "journalctl -q -o json -u $unit" | /usr/bin/python3 -c '
import json, sys
found = [entry for entry in map(json.loads, sys.stdin) if sys.argv[1] in str(entry["MESSAGE"])]
assert found and not any(str(entry["MESSAGE"]).startswith("<") for entry in found), found
print(*{entry["PRIORITY"] for entry in found})' "$1"; }
has_priority() { [ "$(priority_of "$1" 2>/dev/null)" = "$2" ]; }
check 'a capture that is missing is an error (3)' until_true 20 has_priority "$stream/none" 3
check 'what was done is information (6)' has_priority 'moved' 6
run "sed -i '\\|/none|d' /etc/hotcold/captures.conf"

check 'restart' run "systemctl restart $unit"
check 'another process' is_not is MainPID "$process"
check 'and no failure' is NRestarts 0

# ------------------------------------------------------------------------------------------ in the middle of moves
echo 'stop in mid-slice'
run "systemctl stop $unit"
fresh_capture
start_and_interrupt
began=$SECONDS
check 'stop' run "systemctl stop $unit"
check 'within 10 s' [ $((SECONDS - began)) -lt 10 ]
check 'exit code 0' is ExecMainStatus 0
check 'no failure' is Result success
stopped=$(moved_by "$process")
check "in the middle of its moves ($stopped of $files)" is_between "$stopped" 0 $((files - 1000))
check 'nothing is lost' nothing_is_lost
check 'not settled yet' is_not is_settled
check 'start' run "systemctl start $unit"
goes_on_and_settles

echo 'watchdog'
run "systemctl stop $unit"
fresh_capture
start_and_interrupt
check 'SIGSTOP' run "kill -STOP $process"
check 'in the middle of its moves' is_not is_settled
check 'systemd starts it again' until_true 60 is NRestarts 1
says_watchdog() { run "journalctl -q -o cat UNIT=$unit.service" | grep -i 'watchdog timeout'; }
check 'for its watchdog' says_watchdog
check 'another process' until_true 20 is_not is MainPID "$process"
goes_on_and_settles

echo 'upgrade in mid-slice'
run "systemctl stop $unit"
fresh_capture
start_and_interrupt
check 'upgrade' run 'dpkg -i --force-confold /next.deb'
check 'the new version' run "dpkg -s hotcold | grep -x 'Version: $version+1'"
check 'active' is ActiveState active
next=$(property MainPID)
check 'another process' [ "$next" != "$process" ]
check 'of the new program' [ "$(run "readlink /proc/$next/exe")" = /usr/bin/hotcold ]
goes_on_and_settles
has_moved() { [ "$(moved_by "$1")" -gt 0 ]; }
check 'it says how many files it moved' until_true 20 has_moved "$next"
before=$(moved_by "$process")
after=$(moved_by "$next")
check "the old one was in the middle of its moves ($before)" is_between "$before" 0 "$files"
check "the new one moved the others ($after)" is_between "$after" 0 "$files"
check 'still enabled' [ "$(run "systemctl is-enabled $unit")" = enabled ]

echo 'removal in mid-slice'
run "systemctl stop $unit"
fresh_capture
start_and_interrupt
check 'removal' run 'dpkg -r hotcold'
check 'the service ended' is_not run "kill -0 $process"
stopped=$(moved_by "$process")
check "in the middle of its moves ($stopped of $files)" is_between "$stopped" 0 $((files - 1000))
check 'nothing is lost' nothing_is_lost
check 'the unit is gone' is LoadState not-found
check 'the settings are not' run 'grep -x HOTCOLD_INTERVAL=3s /etc/hotcold/archive.conf'
check 'installation again' run 'dpkg -i --force-confold /next.deb'
check 'start' run "systemctl start $unit"
goes_on_and_settles

echo 'purge'
check 'purge' run 'dpkg --purge hotcold'
check 'no settings' is_not run 'test -e /etc/hotcold'
check 'no link to the unit' is_not run "find /etc/systemd /var/lib/systemd -name '$unit*' ! -path '*.service.d*' | grep ."
check 'no metrics' is_not run 'test -e /var/lib/hotcold'
check 'nothing is lost' nothing_is_lost
echo "unit.sh: $passed checks passed"
