#!/bin/bash
# The life of the package in a Debian that has nothing else, by apt: life.sh SUITE VERSION PACKAGE. As root, half a minute.
. "$(dirname "$0")/common.sh"
suite=$1
version=$2
package=$(realpath "$3")
work=$(mktemp -d /var/tmp/hotcold-life-XXXXXX)
root=$work/debian
finish() {
  umount -l "$root/proc" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap finish EXIT

clean_root "$suite" "$root"
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# A mirror of sid may be some weeks behind. Its signature is checked all the same.
echo 'Acquire::Check-Valid-Until "false";' > "$root/etc/apt/apt.conf.d/mirror"
cp "$package" "$root/hotcold.deb"
higher_version "$package" "$root/next.deb"
inside() { chroot "$root" env PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive sh -ec "$1"; }
# Everything that there is by path, type, mode and owner, but for what apt and dpkg keep of their own work.
everything() {
  chroot "$root" find / -xdev \( -path /proc -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/log \
    -o -path /srv -o -path '/*.deb' -o -path /etc/ld.so.cache -o -path /var/lib/systemd/deb-systemd-helper-enabled \) -prune \
    -o -printf '%p %y %m %u\n' | sort
}

check 'package lists' inside 'apt-get -q update'
everything > "$work/before"
check 'installation with what it depends on' inside 'apt-get -q install -y --no-install-recommends /hotcold.deb'
check 'nothing is missing' inside '! dpkg --audit | grep .'
check 'or changed' inside '! dpkg --verify hotcold | grep .'
check 'no library is missing' inside '! ldd /usr/bin/hotcold | grep "not found"'
check 'the version' inside "test \"\$(hotcold --version)\" = $version"
check 'not enabled' inside '! ls /etc/systemd/system/*.wants/hot_cold_archiver.service'
check 'man pages' inside 'for page in "" -migrate -verify -revert -archive -layout -next-numbers -bench -sample; do
  zcat /usr/share/man/man1/hotcold$page.1.gz | grep -q hotcold; done'
check 'completion for bash' inside 'bash -n /usr/share/bash-completion/completions/hotcold'
check 'completion for zsh' inside 'grep -q compdef /usr/share/zsh/vendor-completions/_hotcold'
check 'completion for fish' inside 'grep -q complete /usr/share/fish/vendor_completions.d/hotcold.fish'

check 'a capture' inside 'hotcold sample /srv/c --files 3000 && find /srv/c -type f | wc -l > /srv/count'
check 'a dry run' inside 'hotcold migrate /srv/c'
check 'a migration' inside 'hotcold migrate /srv/c --execute --yes | grep "every name and inode"'
check 'a verification' inside 'hotcold verify /srv/c'
check 'a round of the service' inside 'hotcold archive --once /srv/c'
check 'the settings are read' inside 'hotcold archive --print-config | grep -B 1 /etc/hotcold/captures.conf | grep "# file"'
check 'a layout of the package' inside 'hotcold layout --layout /usr/share/hotcold/layouts/guide-by-date.yaml'
check 'a reversion' inside 'hotcold revert /srv/c --execute --yes && test "$(find /srv/c -type f | wc -l)" = "$(cat /srv/count)"'
check 'the list of files' bash -c "chroot '$root' find /srv/c -type f | sort > '$work/files'"

# Settings are the user's: they outlive an upgrade and a removal, not a purge.
check 'a change of the settings' inside 'echo HOTCOLD_INTERVAL=7s >> /etc/hotcold/archive.conf'
check 'an upgrade' inside "dpkg -i --force-confold /next.deb && dpkg -s hotcold | grep -x 'Version: $version+1'"
check 'the settings after it' inside 'grep -x HOTCOLD_INTERVAL=7s /etc/hotcold/archive.conf'
check 'the new ones beside them' inside 'grep "next version" /etc/hotcold/archive.conf.dpkg-dist'
check 'the program after it' inside 'hotcold migrate /srv/c --execute --yes && hotcold verify /srv/c'
check 'the way back' inside 'hotcold revert /srv/c --execute --yes'
# The metrics as docs/MONITORING.md has them served, beside those of others.
exporter=/var/lib/prometheus/node-exporter
check 'metrics' inside "mkdir -p /var/lib/hotcold $exporter
  hotcold archive --once --metrics-file /var/lib/hotcold/hotcold.prom
  ln -s /var/lib/hotcold/hotcold.prom $exporter/hotcold.prom
  touch $exporter/other.prom
  ln -s /srv/link.prom $exporter/link.prom
  grep -x 'hotcold_captures 0' $exporter/hotcold.prom"
check 'an upgrade leaves them' inside 'dpkg -i --force-confold /next.deb && test -s '$exporter/hotcold.prom
check 'a removal' inside 'apt-get -q remove -y hotcold'
check 'of program and unit' inside '! ls /usr/bin/hotcold /usr/lib/systemd/system/hot_cold_archiver.service 2>/dev/null | grep .'
check 'the settings after it' inside 'grep -x HOTCOLD_INTERVAL=7s /etc/hotcold/archive.conf'
check 'the metrics are gone, and the link' inside "! ls -d /var/lib/hotcold/hotcold.prom $exporter/hotcold.prom 2>/dev/null | grep ."
check 'not those of others' inside "rm $exporter/other.prom $exporter/link.prom && rmdir $exporter /var/lib/prometheus"
check 'installation again' inside 'apt-get -q install -y --no-install-recommends /next.deb'
check 'the settings are read again' inside 'hotcold archive --print-config | grep HOTCOLD_INTERVAL=7s'
# A layout of the user's outlives a purge, too.
layout=/etc/hotcold/layouts/mine.yaml
check 'a layout of the user' inside "mkdir /etc/hotcold/layouts && cp /usr/share/hotcold/layouts/guide.yaml $layout && cp $layout /srv"
check 'a purge' inside 'apt-get -q purge -y --autoremove hotcold'
check 'the layout after it' inside "cmp /srv/mine.yaml $layout"
# rmdir: nothing else may be there.
check 'and nothing else' inside "rm $layout && rmdir /etc/hotcold/layouts /etc/hotcold"
everything > "$work/after"
check 'nothing is left' diff "$work/before" "$work/after"
check 'but every file of the capture' bash -c "chroot '$root' find /srv/c -type f | sort | diff '$work/files' -"
echo "life.sh $suite: $passed checks passed"
