# hotcold: set-up included, on a Debian machine with a Swift toolchain.

PREFIX ?= /usr/local
DEMO_DIR ?= /dev/shm/hotcold-demo
DEMO_FILES ?= 100k

BINARY := .build/release/hotcold
# The Swift runtime is linked in: a third of the start-up time, and nothing but liburing to install.
RELEASE := swift build -c release --static-swift-stdlib --product hotcold
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BUILD_PACKAGES := liburing-dev
TEST_PACKAGES := ffmpeg strace xfsprogs btrfs-progs e2fsprogs util-linux
SOURCES := Sources Tests Package.swift

.PHONY: build demo test check fmt floor install clean deps test-deps

build: deps
	$(RELEASE)

# A capture of 100,000 files on tmpfs: what would happen, the migration, the proof; then all is removed.
demo: build
	@rm -rf $(DEMO_DIR)
	$(BINARY) sample $(DEMO_DIR) --files $(DEMO_FILES)
	$(BINARY) migrate $(DEMO_DIR)
	$(BINARY) migrate $(DEMO_DIR) --execute --yes
	$(BINARY) verify $(DEMO_DIR)
	@rm -rf $(DEMO_DIR)

# Format, warnings (they are errors), unit and property tests, and the real program end to end.
test: check build test-deps
	HOTCOLD_BINARY="$(CURDIR)/$(BINARY)" swift test

check:
	swift format lint --strict --recursive --parallel $(SOURCES)

fmt:
	swift format --in-place --recursive --parallel $(SOURCES)

# A whole migration against a bare loop of renameat2 over the same names, in one interleaved run.
floor: build
	mkdir -p .build/floor
	$(CC) -O2 -Wall -Wextra -Werror Benchmarks/Floor/floor.c -o .build/floor/floor
	Benchmarks/Floor/compare.py --hotcold $(BINARY) --floor .build/floor/floor

install: build
	install -D -s -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/hotcold

clean:
	rm -rf .build

# dpkg -s costs nothing where all is there; apt-get runs only where something is missing.
deps:
	@dpkg -s $(BUILD_PACKAGES) >/dev/null 2>&1 || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y $(BUILD_PACKAGES); }

test-deps:
	@dpkg -s $(TEST_PACKAGES) >/dev/null 2>&1 || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $(TEST_PACKAGES); }
