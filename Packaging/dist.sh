#!/bin/sh
# Gathers a release in .build/dist: dist.sh VERSION PACKAGE [KEY]
# `make dist` calls it. KEY is what gpg knows the maintainers' key by.
set -eu
version=$1
package=$2
key=${3:-}
dist=.build/dist

changed=$(git status --porcelain)
if [ -n "$changed" ]; then
  printf 'Not committed, so it would be in the package but not in the source archive:\n%s\n' "$changed" >&2
  exit 1
fi
rm -rf "$dist"
mkdir -p "$dist"
git -c tar.umask=0022 archive --format=tar --prefix="hotcold-$version/" HEAD | gzip -9n > "$dist/hotcold-$version.tar.gz"
cp "$package" "${package%.deb}.spdx.json" "$dist"
cd "$dist"
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
