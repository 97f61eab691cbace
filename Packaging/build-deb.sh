#!/bin/sh
# Builds the Debian package from an installed tree: build-deb.sh VERSION OUTPUT
# `make deb` calls it; the tree comes from `make install DESTDIR=… PREFIX=/usr`.
set -eu
version=$1
output=$2
maintainer=${MAINTAINER:-hotcold maintainers <maintainers@hotcold.invalid>}
here=$(dirname "$0")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

make -s -C "$here/.." install-files DESTDIR="$root" PREFIX=/usr

doc=$root/usr/share/doc/hotcold
install -D -m 644 "$here/copyright" "$doc/copyright"
install -D -m 644 "$here/../README.md" "$doc/README.md"
for page in ARCHITECTURE LAYOUTS MIGRATION-GUIDE MONITORING PERFORMANCE PLAYERS RELIABILITY RUNBOOK TIERS; do
  install -m 644 "$here/../docs/$page.md" "$doc/$page.md"
done
# Debian Policy 12.7: a native package has one changelog, compressed, in Debian's form.
{
  echo "hotcold ($version) unstable; urgency=medium"
  echo
  sed -n 's/^- /* /p; s/^  \([^ ]\)/\1/p' "$here/../CHANGELOG.md" | tr '\n' ' ' | sed 's/ \* /\n* /g' \
    | fold -s -w 74 | sed 's/^/    /; s/^    \* /  * /; s/ *$//'
  echo
  echo
  echo " -- $maintainer  $(date -R -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")"
} | gzip -9n > "$doc/changelog.gz"
find "$root/usr/share/man" -type f -exec gzip -9n {} +

mkdir "$root/DEBIAN"
(cd "$root" && find etc -type f | sed 's|^|/|' | sort) > "$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f -exec md5sum {} +) > "$root/DEBIAN/md5sums"
cat > "$root/DEBIAN/control" <<CONTROL
Package: hotcold
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: $maintainer
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: libc6 (>= 2.36), libgcc-s1, libstdc++6, liburing2 (>= 2.3), libyaml-0-2
Section: video
Priority: optional
Description: moves video captures to a hot/cold layout and keeps them there
 hotcold moves folders with hundreds of thousands of HLS segments, pictures
 and metadata from a flat layout to a hot/cold layout: the newest files of
 each kind stay hot, all others go into 24 hour-of-day folders. It renames
 through io_uring, replaces nothing, can be stopped and started again at any
 point, and proves that nothing is missing.
 .
 The service hot_cold_archiver keeps captures in that layout; it is installed
 but not enabled, and deletes nothing unless retention is asked for.
CONTROL
for script in postinst prerm postrm; do install -m 755 "$here/$script" "$root/DEBIAN/$script"; done
dpkg-deb --root-owner-group --build "$root" "$output" >/dev/null
