#!/bin/bash
# Builds the OCI image from the Debian package, without a daemon: build-image.sh PACKAGE.deb OUTPUT.tar
#
#     PACKAGE.deb and the packages that it depends on ─▶ root.tar ─▶ buildah, Containerfile ─▶ OUTPUT.tar (an OCI archive)
#
# The packages are those of this machine's Debian, unpacked and not installed: there is neither shell nor package manager in the
# image. The same packages and SOURCE_DATE_EPOCH give the same image.
set -euo pipefail
package=$(realpath "$1")
output=$(realpath -m "$2")
here=$(dirname "$(realpath "$0")")
: "${SOURCE_DATE_EPOCH:=$(stat -c %Y "$package")}"
version=$(dpkg-deb -f "$package" Version)
revision=${REVISION:-$(git -C "$here" rev-parse HEAD 2>/dev/null || echo unknown)}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/hotcold-image-XXXXXX")
trap 'rm -rf "$work"' EXIT
umask 022

# What the package depends on; tzdata for HOTCOLD_TIME_ZONE; base-files for scanners, which ask what system this is, and for the
# licences that the others' copyright files name.
names=$(dpkg-deb -f "$package" Depends | tr ',' '\n' | sed 's/[|(].*//; s/ //g')

root=$work/root
mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/sbin" "$root/var/lib/dpkg/status.d"
for folder in bin lib lib64 sbin; do ln -s usr/$folder "$root/$folder"; done
unpack() {
  for file in "$@"; do
    dpkg-deb --fsys-tarfile "$file" | tar -x --keep-directory-symlink --no-same-owner -C "$root"
    # Where scanners look for the packages of an image without dpkg.
    dpkg-deb -f "$file" > "$root/var/lib/dpkg/status.d/$(dpkg-deb -f "$file" Package)"
  done
}
# Into a folder of that name.
fetch() {
  mkdir "$work/$1"
  (cd "$work/$1" && shift && apt-get -q=2 -o APT::Sandbox::User=root download "$@")
}
# shellcheck disable=SC2086  # names are words
fetch packages $names base-files tzdata
unpack "$package" "$work"/packages/*.deb
# Some have their copyright file in another package, such as gcc-12-base.
for name in $(find "$root/usr/share/doc" -xtype l -printf '%l\n' | sort -u); do
  fetch "$name" "$name"
  unpack "$work/$name"/*.deb
done

# What a program without a shell has no use for. Copyright files stay.
cd "$root/usr/share"
find doc -mindepth 2 -not -type d -not -name copyright -not -path 'doc/hotcold/*' -delete
find . -mindepth 1 -maxdepth 1 \
  -not -name doc -not -name hotcold -not -name zoneinfo -not -name common-licenses -exec rm -rf {} +
rm -rf zoneinfo/right zoneinfo/posix
cd "$root"
rm -rf usr/lib/*/gconv usr/lib/systemd etc/update-motd.d
find . -depth -type d -empty -delete
chmod -R go-w .

# Settings of the package, but for the list: every folder of the volume is a capture.
cat > etc/hotcold/captures.conf <<'END'
# One capture a line. Mount a file of your own here, or a folder with it and archive.conf at /etc/hotcold, for another list.
/captures/*
END
cat > etc/passwd <<'END'
root:x:0:0:root:/root:/usr/sbin/nologin
END
echo root:x:0: > etc/group
mkdir -p dev proc sys run
mkdir -m 1777 tmp
cd "$work"
tar -c --sort=name --mtime="@$SOURCE_DATE_EPOCH" --clamp-mtime --owner=0 --group=0 --numeric-owner -f root.tar -C root .
# A new volume takes the owner of the folder where it is first mounted.
mkdir -p own/captures own/metrics
tar -r --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=33 --group=33 --numeric-owner -f root.tar -C own ./captures ./metrics

# A storage of its own: nothing of this machine's images is touched.
buildah="buildah --root $work/storage --runroot $work/run --storage-driver vfs"
$buildah build --quiet --timestamp "$SOURCE_DATE_EPOCH" --tag "hotcold:$version" --file "$here/Containerfile" \
  --build-arg version="$version" --build-arg revision="$revision" \
  --build-arg created="$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" "$work" > /dev/null
mkdir -p "$(dirname "$output")"
rm -f "$output"
$buildah push --quiet "hotcold:$version" "oci-archive:$output:hotcold:$version"
