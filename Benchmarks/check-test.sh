#!/usr/bin/env bash
# What bench-check says to thresholds that are planted around one exact count, 1,000 renames. The arguments: check.py's
# command, its thresholds to be put in for @.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
file="$folder/Counts.SystemCalls.1000files.p90.json"

# expect STATUS TEXT [VARIABLE=VALUE]
expect() {
  local status=0
  env ${3:+"$3"} "${command[@]//@/$folder}" --filter "$benchmarks" >"$folder/output" 2>&1 || status=$?
  if [ "$status" != "$1" ] || ! grep -qF "bench-check: $2" "$folder/output"; then
    cat "$folder/output"
    echo "bench-check-test: ended with $status, not $1 with: $2" >&2
    exit 1
  fi
  grep -A2 '^bench-check: ' "$folder/output"
}
plant() { printf '{"statx": %s, "renameat2": %s}' "$1" "$2" >"$file"; }

command=("$@")
benchmarks='SystemCalls.*'
plant 1000 1000 && expect 0 "as good as"
plant 1000 1500 && expect 0 "better than"
plant 500 1000 && expect 1 "WORSE than"
plant 500 1500 && expect 1 "WORSE than" && grep -q 'statx: +100.0 % (1000, threshold 500)' "$folder/output"
plant 1000 1500 && expect 2 "the tool failed" HOTCOLD_BINARY=/bin/false
benchmarks='(SystemCalls|Allocations).*'
plant 1000 1000 && expect 2 "no threshold for Allocations.1000files"
echo "bench-check-test: passed"
