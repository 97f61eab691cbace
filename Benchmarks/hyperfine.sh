#!/usr/bin/env bash
# One table that anybody can repeat (docs/PERFORMANCE.md): hyperfine.sh HOTCOLD PAIR [FILES]. Each run begins with a fresh flat
# capture on tmpfs. The first group makes the hot/cold layout; the second is what else is done to a flat folder, for scale.
set -euo pipefail
hotcold=$1 pair=$2 files=${3:-100000}
scripts=$(dirname "$0")/Peers/Scripts
folder=$(mktemp -d "${HOTCOLD_BENCH_DIR:-/dev/shm}/hotcold-hyperfine-XXXXXX")
trap 'rm -rf "$folder"' EXIT
capture=$folder/capture
sample="rm -rf $capture $capture-copy; $hotcold sample $capture --files $files"

run() { # OUTPUT COMMAND...
  local output=$1
  shift
  hyperfine --runs 7 --prepare "$sample" --export-markdown "$output" "$@" >&2
  sed "s|$folder/||g; s|$hotcold|hotcold|; s|$scripts/||g; s|$pair|pair|" "$output"
}

run "$folder/layout.md" \
  "$hotcold migrate $capture --execute --yes --quiet" \
  "$pair $capture" \
  "perl $scripts/migrate.pl $capture" \
  "python3 $scripts/migrate.py rename $capture" \
  "python3 $scripts/migrate.py shutil $capture"
echo
run "$folder/flat.md" \
  "$hotcold migrate $capture --quiet" \
  "ls -U $capture/captures" \
  "find $capture -type f -newermt 2000-01-01" \
  "rm -r $capture" \
  "cp -r $capture $capture-copy"
