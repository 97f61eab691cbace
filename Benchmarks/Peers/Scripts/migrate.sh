#!/usr/bin/env bash
# The migration as a shell script would do it, hour by hour with find and mv: migrate.sh CAPTURE
set -euo pipefail
cd "$1"

migrate() { # KIND FOLDER HOT_LIMIT PATTERN [NOT_PATTERN]
  local kind=$1 folder=$2 hot=$3 names=(-name "$4")
  [ $# -lt 5 ] || names+=(! -name "$5")
  for hour in {0..23}; do mkdir -p "$kind/$hour"; done
  local find=(find "$folder" -maxdepth 1 -type f "${names[@]}")
  # The newest stay hot: out of the way while the rest is moved.
  mkdir "$kind/.hot"
  "${find[@]}" -printf '%T@ %p\n' | sort -k1,1nr -k2,2r | sed -n "1,${hot}p" | cut -d' ' -f2- |
    xargs -r -d '\n' mv -t "$kind/.hot"
  local newest oldest
  read -r oldest newest < <("${find[@]}" -printf '%T@\n' |
    awk 'NR==1{a=b=$1} $1<a{a=$1} $1>b{b=$1} END{print int(a), int(b)}')
  for ((from = oldest / 3600 * 3600; from <= newest; from += 3600)); do
    "${find[@]}" -newermt "@$((from - 1)).999999999" ! -newermt "@$((from + 3599)).999999999" \
      -exec mv -t "$kind/$(date -d "@$from" +%-H)" {} +
  done
  find "$kind/.hot" -type f -exec mv -t "$kind" {} +
  rmdir "$kind/.hot"
}

migrate segments . 10 'segment_*.ts'
migrate thumbnails captures 100 'capture_*_thumbnail.jpg'
migrate metadata captures 100 'capture_*.json'
migrate captures captures 100 'capture_*.jpg' '*_thumbnail*'
[ ! -e output.m3u8 ] || mv output.m3u8 segments/
