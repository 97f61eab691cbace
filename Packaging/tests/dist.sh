#!/bin/bash
# A release, signed with a key made for this; and the same package to the byte, built from its source archive in another folder, with
# another umask, zone and language, without git: dist.sh VERSION PACKAGE. Builds everything once more.
. "$(dirname "$0")/common.sh"
version=$1
package=$2
work=$(mktemp -d /var/tmp/hotcold-dist-XXXXXX)
stray=Packaging/not-committed
finish() {
  gpgconf --homedir "$work/keys" --kill all 2>/dev/null || true
  rm -rf "$work" "$stray"
}
trap finish EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS SOURCE_DATE_EPOCH

# What is not committed is refused, and said.
touch $stray
refuses() { ! said=$(Packaging/dist.sh "$version" "$package" 2>&1) && grep -q "$stray" <<<"$said"; }
check 'a file that is not committed is refused' refuses
rm $stray

check 'without a key' Packaging/dist.sh "$version" "$package"
check 'not called SHA256SUMS' [ ! -e .build/dist/SHA256SUMS ]
check 'but unsigned' [ -s .build/dist/SHA256SUMS.unsigned ]
cp .build/dist/SHA256SUMS.unsigned "$work/unsigned"

export GNUPGHOME=$work/keys
mkdir -m 700 "$GNUPGHOME"
check 'a key' gpg --batch --passphrase '' --quick-generate-key 'hotcold test <test@hotcold.invalid>' default sign never
check 'make dist' make dist KEY=test@hotcold.invalid
check 'a second run gives the same' diff "$work/unsigned" .build/dist/SHA256SUMS
gpg --export test@hotcold.invalid > "$work/key.pgp"

# As one who downloads it: with the public key alone.
export GNUPGHOME=$work/downloader
mkdir -m 700 "$GNUPGHOME"
cp -r .build/dist "$work/download"
cd "$work/download"
check 'five files' [ "$(ls | wc -l)" = 5 ]
check 'an unknown key does not verify' is_not gpg --batch --verify SHA256SUMS.asc SHA256SUMS
check 'the public key' gpg --batch --import "$work/key.pgp"
check 'the signature' gpg --batch --verify SHA256SUMS.asc SHA256SUMS
check 'the checksums' sha256sum --strict --check SHA256SUMS
check 'of all files' [ "$(wc -l < SHA256SUMS)" = 3 ]
sed 's/^0/1/; s/^[1-9a-f]/0/' SHA256SUMS > changed
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
