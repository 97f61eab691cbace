#!/bin/bash
# A release, signed with a key made for this; and the same package to the byte, built from its source archive in another folder, with
# another umask, zone and language, without git: dist.sh VERSION PACKAGE. Builds everything once more. Tags and releases are those of
# a clone: nothing in this folder is signed by that key.
. "$(dirname "$0")/common.sh"
version=$1
package=$(realpath "$2")
work=$(mktemp -d /var/tmp/hotcold-dist-XXXXXX)
finish() {
  gpgconf --homedir "$work/keys" --kill all 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS SOURCE_DATE_EPOCH

check 'a clone' git clone -q . "$work/clone"
cd "$work/clone"
git config user.name 'hotcold test'
git config user.email test@hotcold.invalid
refuses() {
  local why=$1
  shift
  ! said=$(Packaging/dist.sh "$version" "$@" 2>&1) && grep -q "$why" <<<"$said"
}

check 'without a key' Packaging/dist.sh "$version" "$package" "$work/unsigned"
check 'not called SHA256SUMS' [ ! -e "$work/unsigned/SHA256SUMS" ]
check 'but unsigned' [ -s "$work/unsigned/SHA256SUMS.unsigned" ]
check 'a folder that is there is refused' refuses 'unsigned.*File exists' "$package" "$work/unsigned"

export GNUPGHOME=$work/keys
mkdir -m 700 "$GNUPGHOME"
key=test@hotcold.invalid
check 'a key' gpg --batch --passphrase '' --quick-generate-key "hotcold test <$key>" default sign never
check 'no tag is refused' refuses "no tag v$version" "$package" "$work/none" "$key"
git tag "v$version"
check 'so is a tag that nobody can have signed' refuses "no tag v$version" "$package" "$work/none" "$key"
git tag -d "v$version" >/dev/null
git tag -a "v$version" -m 'as a release has it'
touch not-committed
check 'a file that is not committed is refused' refuses 'not-committed' "$package" "$work/none" "$key"
rm not-committed
dpkg-deb -R "$package" "$work/unpacked"
SOURCE_DATE_EPOCH=1 dpkg-deb --root-owner-group -b "$work/unpacked" "$work/older.deb" >/dev/null
check 'the package of another commit is refused' refuses 'not made of this commit' "$work/older.deb" "$work/none" "$key"
check 'nothing is left of these' [ ! -e "$work/none" ]
check 'a release' Packaging/dist.sh "$version" "$package" "$work/download" "$key"
check 'a second run gives the same' diff "$work/unsigned/SHA256SUMS.unsigned" "$work/download/SHA256SUMS"
GIT_COMMITTER_DATE='2001-01-01T00:00:00Z' git commit -q --allow-empty -m 'a later commit'
check 'a later commit is refused' refuses 'not made of this commit' "$package" "$work/none" "$key"
GIT_COMMITTER_DATE=$(git log -1 --format=%cI HEAD^) git commit -q --amend --allow-empty -m 'of the same second'
check 'also one of the same second' refuses "no tag v$version" "$package" "$work/none" "$key"
gpg --export "$key" > "$work/key.pgp"

# As one who downloads it: with the public key alone.
export GNUPGHOME=$work/downloader
mkdir -m 700 "$GNUPGHOME"
cd "$work/download"
check 'five files' [ "$(ls | wc -l)" = 5 ]
check 'an unknown key does not verify' is_not gpg --batch --verify SHA256SUMS.asc SHA256SUMS
check 'the public key' gpg --batch --import "$work/key.pgp"
check 'the signature' gpg --batch --verify SHA256SUMS.asc SHA256SUMS
check 'the checksums' sha256sum --strict --check SHA256SUMS
check 'of all files' [ "$(wc -l < SHA256SUMS)" = 3 ]
sed 's/^./x/' SHA256SUMS > changed
check 'changed checksums do not verify' is_not gpg --batch --verify SHA256SUMS.asc changed
cp "hotcold-$version.tar.gz" "$work/sources.tar.gz"
printf '\n' >> "hotcold-$version.tar.gz"
check 'a changed file does not either' is_not sha256sum --status --check SHA256SUMS
gpgconf --kill all
unset GNUPGHOME

mkdir -p "$work/elsewhere-with-a-longer-path"
cd "$work/elsewhere-with-a-longer-path"
umask 077
tar --no-same-permissions -xf "$work/sources.tar.gz"
cd "hotcold-$version"
umask 022
echo 'building the source archive'
check 'the source archive builds' env TZ=Asia/Kathmandu LC_ALL=C.UTF-8 LANG=C.UTF-8 sh -c 'umask 077 && make deb'
# Which files differ is what helps.
same_package() {
  cmp "$1" "$2" && return
  dpkg-deb -R "$1" "$work/first" && dpkg-deb -R "$2" "$work/second" && diff -rq "$work/first" "$work/second"
  return 1
}
check 'the same package' same_package "$work/download/$(basename "$package")" .build/"$(basename "$package")"
check 'the same SBOM' cmp "$work/download/$(basename "${package%.deb}.spdx.json")" .build/"$(basename "${package%.deb}.spdx.json")"
echo "dist.sh: $passed checks passed"
