#!/bin/bash
# Every C file compiled for arm64; the shim's calls and the pure rules in Swift run there by qemu-user, with the answers of this
# machine. One minute.
. "$(dirname "$0")/common.sh"

toolchain=$(dirname "$(dirname "$(realpath "$(command -v swift)")")")
compiled=0
for source in CLiburing/*.c Tests/CTestKit/*.c Tests/CFaults/*.c Benchmarks/Pair/pair.c; do
  include="-ITests/CTestKit/include -ITests/CFaults/include"
  $cross $include -c "$source" -o "$work/object.o"
  # By the compiler that SwiftPM takes, too.
  "$toolchain/bin/clang" --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include \
    $warnings -ICLiburing/include -I$libraries/liburing/usr/include $include -c "$source" -o "$work/object.o"
  compiled=$((compiled + 1))
done
echo "$compiled C files compile for arm64, without a warning"

# Where code is laid in memory: on whole pages of 64 KiB, the largest that arm64 has.
align=$(readelf -lW "$work/smoke-arm64" | awk '$1 == "LOAD" { print $NF }' | sort -u)
[ "$align" = 0x10000 ] || { echo "FAILED: segments are aligned to $align" >&2; exit 1; }

mkdir "$work/here" "$work/there"
"$work/smoke-here" "$work/here" no-rings > "$work/here.txt" 2>/dev/null
qemu-aarch64-static "$work/smoke-arm64" "$work/there" no-rings > "$work/there.txt" 2> "$work/there.log" ||
  { cat "$work/there.txt" "$work/there.log" >&2; exit 1; }
cat "$work/there.log"
grep -q 'char is unsigned' "$work/there.log"
compare 'arm64, by qemu-user' "$work/here.txt" "$work/there.txt"

# Embedded Swift has neither key paths, so they become closures, nor modules to import.
mkdir "$work/rules"
for source in Sources/CaptureLayout/*.swift Tests/CaptureLayoutTests/Support.swift Tests/Arm64/rules.swift; do
  sed 's/(\\\.\([A-Za-z]*\))/({ $0.\1 })/g; /^import CaptureLayout$/d' "$source" > "$work/rules/$(basename "$source")"
done
# rules TARGET LINKER… : compiles them and what they print.
rules() {
  local target=$1
  shift
  swiftc -target "$target" -enable-experimental-feature Embedded -wmo -parse-as-library -O \
    -module-name CaptureLayout -package-name hotcold -swift-version 6 \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault \
    -enable-upcoming-feature MemberImportVisibility -enable-experimental-feature Lifetimes \
    "$work"/rules/*.swift -c -o "$work/rules.o"
  "$@" "$work/rules.o" "$toolchain/lib/swift/embedded/$target/libswiftUnicodeDataTables.a" -lm -o "$work/rules-$target"
}
rules x86_64-unknown-linux-gnu gcc
rules aarch64-none-none-elf aarch64-linux-gnu-gcc -static -B"$toolchain/bin" -fuse-ld=lld
here=$("$work/rules-x86_64-unknown-linux-gnu")
there=$(qemu-aarch64-static "$work/rules-aarch64-none-none-elf")
echo "$there"
[ "$here" = "$there" ] || { echo "FAILED: here it is: $here" >&2; exit 1; }
echo 'the rules on arm64: as on this machine'
