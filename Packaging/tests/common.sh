# Shared by the tests of the package; sourced, not run.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
passed=0

# check WHAT COMMAND… : the command succeeds, or the test ends here with what it said.
check() {
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then passed=$((passed + 1)); else
    printf 'FAILED: %s\n  %s\n%s\n' "$what" "$*" "$said" >&2
    exit 1
  fi
}

# is_not COMMAND… : for check, a command that must fail.
is_not() { ! "$@"; }

# until_true SECONDS COMMAND… : for check, a command that succeeds within this time.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if [ $SECONDS -ge $deadline ]; then return 1; fi
    sleep 0.2
  done
}

# clean_root SUITE FOLDER [PACKAGE,…] : a Debian that has nothing else. Kept in .build/roots for the rest of the day.
clean_root() {
  local suite=$1 folder=$2 more=${3:-} kept
  kept=.build/roots/$suite${more:+-${more//,/-}}-$(date +%F).tar
  if [ ! -e "$kept" ]; then
    mkdir -p .build/roots
    rm -f ".build/roots/$suite${more:+-${more//,/-}}"-2*.tar
    debootstrap --variant=minbase ${more:+--include="$more"} "$suite" "$folder" >"$folder.log" 2>&1 || { cat "$folder.log" >&2; return 1; }
    tar --numeric-owner --xattrs -C "$folder" -cf "$kept.new" .
    mv "$kept.new" "$kept"
  else
    mkdir -p "$folder"
    tar --numeric-owner --xattrs -C "$folder" -xf "$kept"
  fi
}

# higher_version PACKAGE OUTPUT : the same package as its own next version, with another comment in a conffile.
higher_version() {
  local unpacked
  unpacked=$(mktemp -d)
  dpkg-deb -R "$1" "$unpacked"
  sed -i 's/^Version: .*/&+1/' "$unpacked/DEBIAN/control"
  echo '# Of the next version.' >> "$unpacked/etc/hotcold/archive.conf"
  dpkg-deb --root-owner-group -b "$unpacked" "$2" >/dev/null
  rm -r "$unpacked"
}
