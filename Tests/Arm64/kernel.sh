#!/bin/bash
# The shim's calls on two kernels for arm64, with pages of 4 and of 16 KiB, and with rings: qemu boots each. A minute, and more
# the first time, when the kernels are fetched.
. "$(dirname "$0")/common.sh"
mkdir "$work/here" "$work/image"
"$work/smoke-here" "$work/here" rings > "$work/here.txt" 2>/dev/null

$cross -static Tests/Arm64/init.c -o "$work/image/init"
cp "$work/smoke-arm64" "$work/image/smoke"
(cd "$work/image" && printf 'init\nsmoke\n' | cpio -o -H newc --quiet) > "$work/initrd"

# boot KERNEL BYTES : BYTES are those of a page.
boot() {
  local kernel=$libraries/vmlinuz-$1 console=$work/console-$1
  if [ ! -e "$kernel" ]; then
    arm64_apt trixie apt-get -q update
    local package
    package=$(arm64_apt trixie apt-cache depends -i "linux-image-$1" | sed -n 's/^ *Depends: *\(linux-image-.*\)/\1/p' | head -n 1)
    arm64_apt trixie apt-get -q download "$package"
    dpkg-deb --fsys-tarfile $libraries/"$package"_*_arm64.deb | tar -xO --wildcards './boot/vmlinuz-*' > "$kernel.new"
    rm $libraries/"$package"_*_arm64.deb
    mv "$kernel.new" "$kernel"
  fi
  timeout 300 qemu-system-aarch64 -machine virt -cpu max -smp 2 -m 1024 -nographic -no-reboot -net none \
    -kernel "$kernel" -initrd "$work/initrd" -append 'console=ttyAMA0 quiet panic=-1' < /dev/null > "$console" 2>&1 || true
  tr -d '\r' < "$console" > "$console.txt"
  grep -q "a page has $2 bytes" "$console.txt" && grep -qx 'exit status 0' "$console.txt" ||
    { echo "FAILED: $1" >&2; tail -n 40 "$console.txt" >&2; exit 1; }
  grep -E 'a page has|a ring:' "$console.txt"
  # Without what the kernel and smoke's standard error say.
  grep -Fx -f "$work/here.txt" "$console.txt" > "$console.same" || true
  compare "$1" "$work/here.txt" "$console.same"
}
boot arm64 4096
boot arm64-16k 16384
