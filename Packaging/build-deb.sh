#!/bin/sh
# Builds the Debian package from an installed tree, and its SBOM beside it: build-deb.sh VERSION OUTPUT
# `make deb` calls it. The bytes are the same whatever the folder, umask, zone and language; all times are SOURCE_DATE_EPOCH.
set -eu
umask 022
export LC_ALL=C TZ=UTC
version=$1
output=$2
maintainer=${MAINTAINER:-hotcold maintainers <maintainers@hotcold.invalid>}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/debian/hotcold
mkdir -p "$root/DEBIAN"

make -s -C "$here/.." install-files DESTDIR="$root" PREFIX=/usr
strip --remove-section=.comment --remove-section=.note "$root/usr/bin/hotcold"

doc=$root/usr/share/doc/hotcold
install -D -m 644 "$here/copyright" "$doc/copyright"
/usr/bin/python3 "$here/pages.py" "$doc"
for notice in "$here"/../.build/checkouts/*/NOTICE.txt; do
  install -m 644 "$notice" "$doc/NOTICE.$(basename "$(dirname "$notice")")"
done
/usr/bin/python3 "$here/changelog.py" "$version" "$maintainer" | gzip -9n > "$doc/changelog.gz"
find "$root/usr/share/man" -type f -exec gzip -9n {} +
install -D -m 644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/hotcold"

# What the program needs of other packages, and from which version on, they say themselves.
printf 'Source: hotcold\n\nPackage: hotcold\nArchitecture: any\n' > "$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O debian/hotcold/usr/bin/hotcold | sed -n 's/^shlibs:Depends=//p')
/usr/bin/python3 "$here/sbom.py" "$root" "$version" "$here/../.build/hotcold.map" "$depends" "$doc/hotcold.spdx.json"

(cd "$root" && find etc -type f | sort | sed 's|^|/|') > "$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f | sort | xargs -d '\n' md5sum) > "$root/DEBIAN/md5sums"
# As dpkg-gencontrol computes it, whatever the file system here.
size=$(cd "$root" && find etc usr -printf '%y %s\n' | awk '{ sum += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print sum }')
cat > "$root/DEBIAN/control" <<CONTROL
Package: hotcold
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: $maintainer
Installed-Size: $size
Depends: $depends
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
install -m 644 "$doc/hotcold.spdx.json" "${output%.deb}.spdx.json"
