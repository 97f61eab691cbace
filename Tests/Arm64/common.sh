# Shared by the tests for arm64; sourced, not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d /var/tmp/hotcold-arm64-XXXXXX)
trap 'rm -rf "$work"' EXIT
libraries=.build/arm64

# Packages of Debian's arm64, unpacked in .build/arm64; this machine's own packages stay as they are.
# arm64_apt SUITE COMMAND… : apt for that architecture, with lists of its own.
arm64_apt() {
  local state=$PWD/$libraries/apt-$1 suite=$1
  shift
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" \
    > "$state/sources.list"
  : > "$state/status"
  (cd "$libraries" && "$@" -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root \
    -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
    -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null)
}
if [ ! -e $libraries/liburing/usr/include/liburing.h ]; then
  mkdir -p $libraries
  arm64_apt bookworm apt-get -q update
  arm64_apt bookworm apt-get -q download liburing-dev liburing2
  for package in $libraries/liburing*_arm64.deb; do dpkg-deb -x "$package" $libraries/liburing; done
fi

# smoke, for this machine and for arm64, where warnings are errors and char has no sign.
sources="CLiburing/*.c"
warnings="-std=gnu17 -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -Wall -Wextra -Werror"
gcc $warnings -ICLiburing/include Tests/Arm64/smoke.c $sources -luring -o "$work/smoke-here"
cross="aarch64-linux-gnu-gcc $warnings -funsigned-char -ICLiburing/include -I$libraries/liburing/usr/include"
$cross -static Tests/Arm64/smoke.c $sources -L$libraries/liburing/usr/lib/aarch64-linux-gnu -luring -o "$work/smoke-arm64" 2>"$work/link" ||
  { cat "$work/link" >&2; exit 1; }
file_says=$(readelf -h "$work/smoke-arm64")
grep -q AArch64 <<<"$file_says"

# compare WHAT FILE FILE : what smoke printed here and there.
compare() {
  diff "$2" "$3" || { echo "FAILED: $1 differs from this machine" >&2; exit 1; }
  grep -qx 'all as it should be' "$3" || { echo "FAILED: $1" >&2; exit 1; }
  echo "$1: as on this machine"
}
