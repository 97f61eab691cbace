#!/bin/bash
# What is in the package: contents.sh VERSION PACKAGE. Seconds.
. "$(dirname "$0")/common.sh"
version=$1
package=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dpkg-deb -R "$package" "$work"
program=$work/usr/bin/hotcold
doc=$work/usr/share/doc/hotcold

check 'lintian: nothing, not even pedantic' lintian --allow-root --fail-on error,warning,info,pedantic --pedantic "$package"

# The program: hardened, stripped, without a RUNPATH, and without a path of where it was built.
check 'hardened' hardening-check --nocfprotection "$program"
check 'no stack that can be executed' bash -c "readelf -lW '$program' | grep 'GNU_STACK .* RW '"
check 'stripped' bash -c "! readelf -SW '$program' | grep -E ' \.(symtab|debug_[a-z]+|comment) '"
check 'no RUNPATH' bash -c "! readelf -dW '$program' | grep -E 'R(UN)?PATH'"
check 'no path of this folder' bash -c "! grep -rlaF '$PWD/' '$work'"
toolchain=$(dirname "$(dirname "$(realpath "$(command -v swift)")")")
check 'nor of the toolchain' bash -c "! grep -aF '$toolchain/' '$program'"

# Depends names what the program needs, and nothing else.
depends=$(dpkg-deb -f "$package" Depends | sed 's/ ([^)]*)//g; s/, /\n/g')
needed=
for library in $(readelf -dW "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
  # /lib is a link to /usr/lib, and dpkg may know a file by either path.
  owner=$(dpkg -S "*/$library" 2>/dev/null | sed -n 's/^\([^:, ]*\)[:,].*/\1/p' |
    grep -vxE '.*-(dev|cross|dbg)|lib32.*|libx32.*' | head -n 1)
  check "Depends has $owner, of $library" grep -qxF "$owner" <<<"$depends"
  needed+=$owner$'\n'
done
check 'and nothing else' diff <(sort -u <<<"$depends") <(sort -u <<<"${needed%$'\n'}")

# One version everywhere.
check 'version of the package' [ "$(dpkg-deb -f "$package" Version)" = "$version" ]
check 'version of the program' [ "$("$program" --version)" = "$version" ]
check 'version of the changelog' [ "$(zcat "$doc/changelog.gz" | sed -n '1s/hotcold (\(.*\)) .*/\1/p')" = "$version" ]
for file in Packaging/container/compose.yaml Packaging/container/kubernetes/*.yaml; do
  check "version of $file" grep -qE "image: .*hotcold:$version\}?$" $file
done
check 'version of the collection' grep -qx "version: $version" Packaging/ansible/galaxy.yml
check 'version in the README' grep -qF "./hotcold_${version}_amd64.deb" README.md

# Files.
check 'md5sums' bash -c "cd '$work' && md5sum --quiet -c DEBIAN/md5sums"
check 'owned by root' bash -c "! dpkg-deb -c '$package' | grep -v ' root/root '"
check 'written to by root alone' bash -c "! find '$work' -perm /022 ! -type l | grep ."
for page in README.md SECURITY.md docs/*.md; do
  [ $page = docs/BUILDING.md ] || check "$page is there" [ -s "$doc/$(basename $page)" ]
done
check 'not how it is built' [ ! -e "$doc/BUILDING.md" ]
check 'their links lead to one another' /usr/bin/python3 Packaging/tests/links.py "$doc"

# What is linked in: in the SBOM, in copyright, and each notice.
sbom=${package%.deb}.spdx.json
parts=$(swift package show-dependencies --format json)
check 'one SBOM' cmp "$sbom" "$doc/hotcold.spdx.json"
check 'valid SPDX' .build/package-tests/bin/pyspdxtools -i "$sbom"
check 'SBOM, copyright and notices name each part' /usr/bin/python3 - "$sbom" "$work" "$parts" <<'PYTHON'
import hashlib, json, pathlib, re, sys
sbom, root, packages = json.load(open(sys.argv[1])), pathlib.Path(sys.argv[2]), json.loads(sys.argv[3])
doc = root / "usr/share/doc/hotcold"
copyright = (doc / "copyright").read_text()
named = {package["name"]: package for package in sbom["packages"]}
linked = {r["relatedSpdxElement"] for r in sbom["relationships"] if r["relationshipType"] == "STATIC_LINK"}
expected, pending = {"swift", "swift-foundation"}, packages["dependencies"]
while pending:
    package = pending.pop()
    expected.add(package["identity"])
    assert named[package["identity"]]["versionInfo"] == package["version"], package
    pending += package["dependencies"]
for name in expected:
    assert named[name]["SPDXID"] in linked, f"{name} is not in the SBOM"
    assert re.search(rf"^Files: {name}/", copyright, re.MULTILINE), f"{name} is not in copyright"
for notice in pathlib.Path(".build/checkouts").glob("*/NOTICE*"):
    assert (doc / f"NOTICE.{notice.parent.name}").read_bytes() == notice.read_bytes(), notice
# Whatever licence is named has its text.
for name in re.findall(r"^License: (.*)$", copyright, re.MULTILINE):
    assert re.search(rf"^License: {re.escape(name)}\n ", copyright, re.MULTILINE), f"no text of {name}"
for described in sbom["files"]:
    contents = (root / described["fileName"]).read_bytes()
    assert described["checksums"][1]["checksumValue"] == hashlib.sha256(contents).hexdigest(), described
installed = {"./" + str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and "DEBIAN" not in p.parts}
missing = installed - {described["fileName"] for described in sbom["files"]}
assert missing == {"./usr/share/doc/hotcold/hotcold.spdx.json"}, missing
PYTHON
# A part that copyright forgets, or one that is not linked in, fails the build.
make_sbom() { SOURCE_DATE_EPOCH=0 /usr/bin/python3 Packaging/sbom.py "$work" "$version" .build/hotcold.map '' "$work/sbom" 2>&1; }
check 'the same copyright makes an SBOM' make_sbom
sed -i 's|^Files: swift-corelibs-libdispatch/|Files: swift-corelibs-other/|' "$doc/copyright"
refuses() { ! said=$(make_sbom) && grep -q "$1" <<<"$said"; }
check 'libdispatch is missed' refuses 'swift-corelibs-libdispatch'
sed -i 's|^Files: swift-corelibs-other/|Files: swift-corelibs-other/* swift-corelibs-libdispatch/|' "$doc/copyright"
check 'what is not linked in is noticed' refuses 'not linked in: swift-corelibs-other'
echo "contents.sh: $passed checks passed"
