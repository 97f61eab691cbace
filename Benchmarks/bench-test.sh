#!/usr/bin/env bash
# What `hotcold bench` catches, and what it does not cry wolf about, with the real program: bench-test.sh HOTCOLD. As root, on a machine
# that does nothing else; half an hour.
#
# A program that looks at each file twice, and one whose ring is entered for each rename, are built from these sources. A slower
# file system is ext4 with data=journal and sync.
set -euo pipefail
hotcold=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d /var/tmp/hotcold-bench-test-XXXXXX)
mounts=()
load=
clean() {
  [ -z "$load" ] || kill "$load"
  for mount in "${mounts[@]}"; do umount -l "$mount"; done
  rm -rf "$work"
}
trap clean EXIT

# expect STATUS TEXT COMMAND...
expect() {
  local wanted=$1 text=$2 status=0
  shift 2
  "$@" >"$work/output" 2>&1 || status=$?
  grep '^result: ' "$work/output" || true
  if [ "$status" != "$wanted" ] || ! grep -qE -- "$text" "$work/output"; then
    cat "$work/output"
    echo "bench-test: ended with $status, not $wanted with: $text" >&2
    exit 1
  fi
}

mkdir "$work/tmpfs"
mount -t tmpfs tmpfs "$work/tmpfs"
mounts+=("$work/tmpfs")
bench() { "$1" bench "$work/tmpfs" "${@:2}"; }

times=${TIMES:-10}
echo "same, $times times"
bench "$hotcold" --save "$work/baseline.json" >/dev/null 2>&1
for ((time = 0; time < times; time++)); do
  expect 0 '^result: (same|better)' bench "$hotcold" --baseline "$work/baseline.json"
done

echo "a load on one processor"
sh -c 'while :; do :; done' &
load=$!
expect 75 '^result: too noisy to tell' bench "$hotcold" --baseline "$work/baseline.json"
kill "$load"
load=

echo "a slower file system"
for options in noatime noatime,data=journal,sync; do
  truncate -s 2G "$work/image"
  mkfs.ext4 -q -F "$work/image"
  mkdir -p "$work/disk"
  mount -o "loop,$options" "$work/image" "$work/disk"
  mounts+=("$work/disk")
  if [ "$options" = noatime ]; then
    "$hotcold" bench "$work/disk" --files 1k --save "$work/disk.json" >/dev/null 2>&1
  else
    expect 1 '^result: worse: .*the disk' "$hotcold" bench "$work/disk" --files 1k --baseline "$work/disk.json"
  fi
  umount "$work/disk"
  unset 'mounts[-1]'
done

mkdir "$work/sources"
git ls-files -z | xargs -0 cp --parents -t "$work/sources"
# mutant FILE FROM TO: a program with another text in one place.
mutant() {
  python3 - "$work/sources/$1" "$2" "$3" <<'P'
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
assert text.count(old) == 1, f"{path} has {text.count(old)} of: {old}"
open(path, "w").write(text.replace(old, new))
P
  make -s -C "$work/sources" build >"$work/build" 2>&1 || { cat "$work/build"; exit 1; }
}
built=$work/sources/.build/release/hotcold

echo "a second statx of each file"
mutant CLiburing/syscalls.c '  return statx_masked(dirfd, name, 0, STATX_TYPE | STATX_MTIME | STATX_NLINK, out);' \
  '  statx_masked(dirfd, name, 0, STATX_TYPE | STATX_MTIME | STATX_NLINK, out);
  return statx_masked(dirfd, name, 0, STATX_TYPE | STATX_MTIME | STATX_NLINK, out);'
expect 1 '^result: worse: .*dry run, x floor' bench "$built" --baseline "$work/baseline.json"

echo "batches of one"
cp CLiburing/syscalls.c "$work/sources/CLiburing/syscalls.c"
mutant Sources/Migration/Movers/RingMover.swift '        ring.prepareFront(of: &queue.renames)
      {}' '        ring.prepareFront(of: &queue.renames)
      { submit() }'
expect 1 '^result: worse: .*renames a batch' bench "$built" --baseline "$work/baseline.json"
echo "bench-test: passed"
