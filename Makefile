# hotcold: set-up included, on a Debian machine with a Swift toolchain.

PREFIX ?= /usr/local
DEMO_DIR ?= /dev/shm/hotcold-demo
DEMO_FILES ?= 100k

BINARY := .build/release/hotcold
# The Swift runtime is linked in: a third of the start-up time, and nothing but liburing to install.
RELEASE := swift build -c release --static-swift-stdlib --product hotcold
VERSION := 0.1.0
MANUAL := $(CURDIR)/.build/manual
# Debian's zsh reads vendor-completions below /usr, site-functions below /usr/local.
ZSH_FUNCTIONS = $(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
COMPLETIONS = bash-completion/completions/hotcold zsh/$(ZSH_FUNCTIONS)/_hotcold fish/vendor_completions.d/hotcold.fish
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BUILD_PACKAGES := liburing-dev libyaml-dev python3
TEST_PACKAGES := ffmpeg strace xfsprogs btrfs-progs e2fsprogs util-linux bindfs faketime prometheus python3 python3-jsonschema zsh fish mandoc
E2E_PACKAGES := nginx-light chromium chromium-driver debootstrap lintian curl systemd systemd-container
PLAYER_PACKAGES := mpv vlc-bin vlc-plugin-base gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
  gstreamer1.0-plugins-bad gstreamer1.0-libav
E2E_PYTHON_PACKAGES := selenium js-videojs==7.5.5
FLEET_PACKAGES := debootstrap systemd-container iproute2 openssh-client util-linux python3-venv
FLEET_PYTHON_PACKAGES := ansible-core==2.19.* ansible-lint==25.*
FLEET := $(CURDIR)/.build/fleet
# What the hosts of these tests install; made where it is not named.
FLEET_DEB = $(if $(HOTCOLD_DEB),$(HOTCOLD_DEB),$(CURDIR)/.build/hotcold_$(VERSION)_$$(dpkg --print-architecture).deb)
# The tests as optimised as what is shipped, with the seam for faults: several times faster than a debug build.
FAULT_BUILD := -c release -Xswiftc -enable-testing
FAULT_TESTS := CoreLoopTests|InitializationFaultTests|BrokenMoverTests|KillTests|TierTests|FlushTests|ColdRoot|CopyBatchTests|CopyPipelineTests|DiskFaultTests|LimitTests|NeighbourTests|InterruptionTests|FileSystemTests|BadInputTests|EngineTests|ReconciliationTests|FuzzTests|CaptureLayoutTests|LayoutFileTests|BenchTests|MigrationPropertyTests|LayoutPropertyTests|MigrationTests.PlaylistTests
SANITIZED := CaptureLayoutTests|KernelIOTests|LayoutFilesTests|MigrationTests
CHECK_PACKAGES := strace valgrind
BENCH_PACKAGES := xfsprogs btrfs-progs e2fsprogs perl python3-matplotlib
SOURCES := Sources Tests Package.swift Benchmarks/Package.swift $(addprefix Benchmarks/,Support Guide Engines Parts Counts Peers)
FIGURES := $(CURDIR)/.build/figures
BENCH_RESULTS := $(CURDIR)/.build/benchmarks.jsonl
BENCH_TOOL = swift package --allow-writing-to-package-directory benchmark
BENCH_FOLDER = cd Benchmarks && HOTCOLD_BINARY=$(CURDIR)/$(BINARY) HOTCOLD_PAIR=$(CURDIR)/.build/pair \
  HOTCOLD_PEERS=$(CURDIR)/Benchmarks/Peers/Scripts HOTCOLD_BENCH_RESULTS=$(BENCH_RESULTS)
BENCH = $(BENCH_FOLDER) $(BENCH_TOOL)

.PHONY: build demo test test-faults test-e2e check-fleet test-fleet simulate-fleet sanitize check fmt bench bench-guide bench-hyperfine bench-tiers bench-check bench-check-test bench-test bench-update bench-tools \
  install install-files manual deb clean \
  deps test-deps check-deps bench-deps e2e-deps fleet-deps

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

# Format, warnings (here they are errors), unit and property tests, and the real program end to end.
test: check build test-deps
	HOTCOLD_WERROR=1 HOTCOLD_BINARY="$(CURDIR)/$(BINARY)" swift test

# Every fault, every call of the core loop, hundreds of kills (docs/RELIABILITY.md); its figures at the end.
test-faults: build test-deps
	@rm -f $(FIGURES)
	HOTCOLD_BINARY="$(CURDIR)/$(BINARY)" HOTCOLD_FAULTS=all HOTCOLD_FUZZ=200000 HOTCOLD_FIGURES=$(FIGURES) \
	  swift test $(FAULT_BUILD) --scratch-path .build-faults --filter '$(FAULT_TESTS)'
	@awk '{ n = $$1; $$1 = ""; sum[$$0] += n } END { for (name in sum) printf "%10d %s\n", sum[name], name }' $(FIGURES) | sort -k2

# The package in a clean Debian, a browser, the guide's commands, the service beside a recording, every player: ten minutes.
# The players' table is in .build/players.md (docs/PLAYERS.md).
test-e2e: build deb test-deps e2e-deps
	[ -d .build/e2e ] || { python3 -m venv .build/e2e && .build/e2e/bin/pip -q install $(E2E_PYTHON_PACKAGES); }
	@rm -f .build/players.md
	HOTCOLD_WERROR=1 HOTCOLD_BINARY="$(CURDIR)/$(BINARY)" HOTCOLD_E2E=1 HOTCOLD_PLAYERS=$(CURDIR)/.build/players.md \
	  HOTCOLD_E2E_PYTHON=$(CURDIR)/.build/e2e/bin/python \
	  HOTCOLD_E2E_VIDEOJS=$$(echo $(CURDIR)/.build/e2e/lib/python3*/site-packages/js/videojs/resources) \
	  HOTCOLD_DEB=$$(echo $(CURDIR)/.build/hotcold_$(VERSION)_*.deb) \
	  swift test --filter 'BrowserTests|CutOverTests|PackageTests|PlayerTests|RunningHourTests|SystemdTests|GuideTests|TierRecordingTests|LongRunTests'

# The Ansible collection without a host: lint, documentation, Python of the hosts. Half a minute.
check-fleet: fleet-deps
	Packaging/ansible/tests/static.sh $(FLEET)/venv $(FLEET)/collections

# The collection against three hosts, each with a systemd and an sshd of its own; as root. 7 minutes of processor: some 15 on two busy cores.
test-fleet simulate-fleet: export PYTHONDONTWRITEBYTECODE = 1
test-fleet: check-fleet $(if $(HOTCOLD_DEB),,deb)
	$(FLEET)/venv/bin/python Packaging/ansible/tests/test_fleet.py $(FLEET_DEB) $(FLEET)

# A roll-out on 16 hosts; as root (docs/FLEET.md).
simulate-fleet: check-fleet $(if $(HOTCOLD_DEB),,deb)
	$(FLEET)/venv/bin/python Packaging/ansible/tests/simulate.py $(FLEET_DEB) $(FLEET)

# The unit, property and core-loop tests under both sanitizers. Foundation leaks the buffer of each empty file that the
# test kit reads, so leaks are not looked for.
sanitize: deps
	ASAN_OPTIONS=detect_leaks=0 swift test $(FAULT_BUILD) --sanitize=address --scratch-path .build-address --filter '$(SANITIZED)'
	swift test $(FAULT_BUILD) --sanitize=thread --scratch-path .build-thread --filter '$(SANITIZED)'

check:
	swift format lint --strict --recursive --parallel $(SOURCES)

fmt:
	swift format --in-place --recursive --parallel $(SOURCES)

# Benchmarks (docs/PERFORMANCE.md): a quick set in minutes; all sizes of the guide, with its table and picture; the
# comparison with Benchmarks/Thresholds, which fails on a regression.
bench: bench-tools
	@rm -f $(BENCH_RESULTS)
	$(BENCH) --target Guide --target Engines --target Parts --target Peers
	/usr/bin/python3 Benchmarks/report.py $(BENCH_RESULTS)

bench-guide: export HOTCOLD_BENCH_FILES_MAX = 1400000
bench-guide: bench-tools
	@rm -f $(BENCH_RESULTS)
	$(BENCH) --target Guide --target Engines --target Peers
	/usr/bin/python3 Benchmarks/report.py $(BENCH_RESULTS) --json docs/benchmarks.json --svg docs/benchmarks.svg

# The table that anybody can repeat: hyperfine over the whole processes.
bench-hyperfine: bench-tools
	@dpkg -s hyperfine >/dev/null 2>&1 || { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends hyperfine; }
	Benchmarks/hyperfine.sh $(CURDIR)/$(BINARY) $(CURDIR)/.build/pair

# Copies from one file system to another beside mv, cp, rsync and shutil; as root.
bench-tiers: build
	@dpkg -s rsync >/dev/null 2>&1 || { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends rsync; }
	/usr/bin/python3 Benchmarks/tiers.py $(BINARY)
	/usr/bin/python3 Benchmarks/tiers.py $(BINARY) --source ext4
	/usr/bin/python3 Benchmarks/tiers.py $(BINARY) --source ext4 --target xfs

# An improvement passes, and is told apart by check.py: the tool's own exit status is 1 for that and for a regression.
bench-check: build check-deps
	$(BENCH_FOLDER) /usr/bin/python3 check.py Thresholds $(BENCH_TOOL) thresholds check --target Counts --path Thresholds

# Equal, better, worse, a crash, no thresholds: a minute and a half. For whoever raises the version of the tool.
bench-check-test: build check-deps
	$(BENCH_FOLDER) ./check-test.sh /usr/bin/python3 check.py @ $(BENCH_TOOL) thresholds check --target Counts --path @

# What `hotcold bench` finds: a second look at each file, batches of one, a slower file system; and that it finds nothing else. As root.
bench-test: build
	Benchmarks/bench-test.sh $(BINARY)

# Writes what is measured now into Benchmarks/Thresholds. Look at the difference before you commit it.
bench-update: build check-deps
	$(BENCH) thresholds update --target Counts --path Thresholds

bench-tools: build bench-deps
	$(CC) -O2 -pthread -Wall -Wextra $(if $(HOTCOLD_WERROR),-Werror) Benchmarks/Pair/pair.c -o .build/pair

# Binary, man pages, completions, unit and settings; nothing is enabled.
install: build manual install-files

install-files:
	install -D -s -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/hotcold
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(MANUAL)/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/,$(dir $(COMPLETIONS)))
	$(BINARY) --generate-completion-script bash > $(DESTDIR)$(PREFIX)/share/$(word 1,$(COMPLETIONS))
	$(BINARY) --generate-completion-script zsh > $(DESTDIR)$(PREFIX)/share/$(word 2,$(COMPLETIONS))
	$(BINARY) --generate-completion-script fish > $(DESTDIR)$(PREFIX)/share/$(word 3,$(COMPLETIONS))
	chmod 644 $(addprefix $(DESTDIR)$(PREFIX)/share/,$(COMPLETIONS))
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/bin/hotcold|$(PREFIX)/bin/hotcold|' Packaging/hot_cold_archiver.service \
	  > $(DESTDIR)$(PREFIX)/lib/systemd/system/hot_cold_archiver.service
	chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/hot_cold_archiver.service
	install -d $(DESTDIR)$(PREFIX)/share/hotcold/layouts
	install -m 644 Packaging/layouts/*.yaml $(DESTDIR)$(PREFIX)/share/hotcold/layouts
	install -m 644 docs/schema/hotcold.schema.json $(DESTDIR)$(PREFIX)/share/hotcold
	for file in archive.conf captures.conf; do \
	  [ -e $(DESTDIR)/etc/hotcold/$$file ] || install -D -m 644 Packaging/$$file $(DESTDIR)/etc/hotcold/$$file; done

# From what the commands say of themselves and the README's exit codes.
manual: build
	@rm -rf $(MANUAL) && mkdir -p $(MANUAL)
	/usr/bin/python3 Packaging/manual.py $(BINARY) $(MANUAL)

# A Debian package with the Swift runtime inside: .build/hotcold_VERSION_ARCHITECTURE.deb
deb: build manual
	Packaging/build-deb.sh $(VERSION) .build/hotcold_$(VERSION)_$$(dpkg --print-architecture).deb
	@ls -l .build/hotcold_*.deb

clean:
	rm -rf .build .build-* Benchmarks/.build

# dpkg -s costs nothing where all is there; apt-get runs only where something is missing.
deps:
	@dpkg -s $(BUILD_PACKAGES) >/dev/null 2>&1 || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y $(BUILD_PACKAGES); }

test-deps:
	@dpkg -s $(TEST_PACKAGES) >/dev/null 2>&1 || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $(TEST_PACKAGES); }

e2e-deps:
	@dpkg -s $(E2E_PACKAGES) $(PLAYER_PACKAGES) >/dev/null 2>&1 || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $(E2E_PACKAGES) $(PLAYER_PACKAGES); }

check-deps:
	@dpkg -s $(CHECK_PACKAGES) >/dev/null 2>&1 || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $(CHECK_PACKAGES); }

bench-deps:
	@dpkg -s $(BENCH_PACKAGES) >/dev/null 2>&1 || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $(BENCH_PACKAGES); }

fleet-deps:
	@dpkg -s $(FLEET_PACKAGES) >/dev/null 2>&1 || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $(FLEET_PACKAGES); }
	[ -d $(FLEET)/venv ] || { python3 -m venv $(FLEET)/venv && $(FLEET)/venv/bin/pip -q install $(FLEET_PYTHON_PACKAGES); }
