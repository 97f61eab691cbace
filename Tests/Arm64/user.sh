#!/bin/bash
# Every C file compiled for arm64, and the shim's calls made there by qemu-user, with the answers of this machine. Ten seconds.
. "$(dirname "$0")/common.sh"

compiled=0
for source in CLiburing/*.c Tests/CTestKit/*.c Tests/CFaults/*.c Benchmarks/Pair/pair.c; do
  include="-ITests/CTestKit/include -ITests/CFaults/include"
  $cross $include -c "$source" -o "$work/object.o"
  # By the compiler that SwiftPM takes, too.
  if command -v swift >/dev/null; then
    "$(dirname "$(realpath "$(command -v swift)")")/clang" --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include \
      $warnings -ICLiburing/include -I$libraries/liburing/usr/include $include -c "$source" -o "$work/object.o"
  fi
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
