#!/bin/sh
# Gathers a release in a new folder: dist.sh VERSION PACKAGE FOLDER [KEY]
# `make dist` calls it. KEY is what gpg knows the maintainers' key by: with it, all must be of the commit that is tagged.
set -eu
version=$1
package=$2
folder=$3
key=${4:-}
refuse() { echo "$1" >&2; exit 1; }

changed=$(git status --porcelain)
[ -z "$changed" ] || refuse "Not committed, so it would be in the package but not in the source archive:
$changed"
# dpkg-deb writes SOURCE_DATE_EPOCH here, which is the time of the commit.
built=$(head -c 36 "$package" | tail -c 12 | tr -d ' ')
[ "$built" = "$(git log -1 --format=%ct)" ] || refuse "$package was not made of this commit (make deb)."
[ "$(dpkg-deb -f "$package" Version)" = "$version" ] || refuse "$package is not of version $version (make deb)."
[ -z "$key" ] || git describe --exact-match --match "v$version" >/dev/null 2>&1 ||
  refuse "This commit has no tag v$version, annotated or signed (Packaging/RELEASE.md)."

mkdir -p "$(dirname "$folder")"
mkdir "$folder"
git -c tar.umask=0022 archive --format=tar --prefix="hotcold-$version/" HEAD | gzip -9n > "$folder/hotcold-$version.tar.gz"
cp "$package" "${package%.deb}.spdx.json" "$folder"
cd "$folder"
sums=$(sha256sum -- *)
if [ -n "$key" ]; then
  echo "$sums" > SHA256SUMS
  gpg --batch --yes --armor --local-user "$key" --output SHA256SUMS.asc --detach-sign SHA256SUMS
  gpg --batch --verify SHA256SUMS.asc SHA256SUMS
else
  echo "$sums" > SHA256SUMS.unsigned
  echo 'Not signed. `make dist KEY=maintainers@…` signs with a key of this keyring (gpg --list-secret-keys).' >&2
fi
ls -l
