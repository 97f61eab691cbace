# hotcold. For a Debian machine with a Swift toolchain; targets install the packages that they need.

PREFIX ?= /usr/local
DEMO_DIR ?= /dev/shm/hotcold-demo
DEMO_FILES ?= 100k

BINARY := .build/release/hotcold
# The Swift runtime is linked statically: start-up takes a third of the time, and only liburing and libyaml are needed.
# Hardened like Debian's packages; without a RUNPATH; without the path of this folder, so that the binary is the same byte for
# byte from any folder (make test-dist). The SBOM is made from the linker map.
HARDENING := -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -Wformat -Werror=format-security
LINKING := -z relro -z now -z noexecstack -Map=$(CURDIR)/.build/hotcold.map
# Otherwise both features would put a hash of this folder's path into every object.
REPEATABLE := -no-clang-module-breadcrumbs -disable-incremental-llvm-codegen
RELEASE := swift build -c release --static-swift-stdlib --disable-local-rpath --product hotcold \
  -Xswiftc -file-prefix-map -Xswiftc $(CURDIR)=. $(addprefix -Xswiftc -Xfrontend -Xswiftc ,$(REPEATABLE)) \
  $(addprefix -Xcc ,$(HARDENING) -ffile-prefix-map=$(CURDIR)=.) \
  $(addprefix -Xlinker ,$(LINKING))
# The version of program and package; CHANGELOG.md must begin with it (Packaging/changelog.py). Packaging/RELEASE.md lists where
# else it occurs.
VERSION := $(shell sed -n 's/.* number = "\(.*\)"/\1/p' Sources/Reporting/Version.swift)
DEB = .build/hotcold_$(VERSION)_$(shell dpkg --print-architecture).deb
IMAGE = $(DEB:.deb=.oci.tar)
# The time of the last commit; in a source archive, the time of its files.
EPOCH = $(shell if [ -e .git ]; then git log -1 --format=%ct; else stat -c %Y Package.swift; fi)
MANUAL := $(CURDIR)/.build/manual
# Debian's zsh reads vendor-completions below /usr, site-functions below /usr/local.
ZSH_FUNCTIONS = $(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
COMPLETIONS = bash-completion/completions/hotcold zsh/$(ZSH_FUNCTIONS)/_hotcold fish/vendor_completions.d/hotcold.fish
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# Installs missing packages. dpkg -s is cheap if none is missing; apt-get runs only if one is.
packages = @dpkg -s $(1) >/dev/null 2>&1 || \
  { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $(1); }
BUILD_PACKAGES := liburing-dev libyaml-dev python3
DEB_PACKAGES := dpkg-dev
TEST_PACKAGES := ffmpeg strace xfsprogs btrfs-progs e2fsprogs util-linux bindfs faketime prometheus python3 python3-jsonschema zsh fish mandoc
E2E_PACKAGES := nginx-light chromium chromium-driver debootstrap lintian curl systemd systemd-container
PLAYER_PACKAGES := mpv vlc-bin vlc-plugin-base gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
  gstreamer1.0-plugins-bad gstreamer1.0-libav
PACKAGE_PACKAGES := debootstrap lintian devscripts file gnupg python3-venv systemd-container
PACKAGE_PYTHON_PACKAGES := spdx-tools==0.8.5
ARM64_PACKAGES := gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
ARM64_KERNEL_PACKAGES := qemu-system-arm cpio
E2E_PYTHON_PACKAGES := selenium js-videojs==7.5.5
FLEET_PACKAGES := debootstrap systemd-container iproute2 openssh-client util-linux python3-venv
FLEET_PYTHON_PACKAGES := ansible-core==2.19.* ansible-lint==25.*
FLEET := $(CURDIR)/.build/fleet
# The package that the test hosts install; built unless HOTCOLD_DEB names one.
FLEET_DEB = $(if $(HOTCOLD_DEB),$(HOTCOLD_DEB),$(CURDIR)/$(DEB))
# The tests with the optimisation of a release, but with testing enabled, which fault injection needs: several times faster than
# a debug build.
FAULT_BUILD := -c release -Xswiftc -enable-testing
FAULT_TESTS := CoreLoopTests|InitializationFaultTests|BrokenMoverTests|KillTests|TierTests|FlushTests|ColdRoot|CopyBatchTests|CopyPipelineTests|DiskFaultTests|LimitTests|NeighbourTests|InterruptionTests|FileSystemTests|BadInputTests|EngineTests|ReconciliationTests|FuzzTests|CaptureLayoutTests|LayoutFileTests|BenchTests|MigrationPropertyTests|LayoutPropertyTests|MigrationTests.PlaylistTests
SANITIZED := CaptureLayoutTests|KernelIOTests|LayoutFilesTests|MigrationTests
IMAGE_PACKAGES := buildah git
# catatonit is process 1 of a pod, busybox the shell of the recorder's image.
CONTAINER_PACKAGES := $(IMAGE_PACKAGES) podman crun catatonit uidmap busybox-static ffmpeg python3-venv
CONTAINER_PYTHON_PACKAGES := kubernetes-validate==1.37.0 podman-compose==1.6.0
MONITORING_PACKAGES := jsonnet prometheus prometheus-node-exporter python3 python3-venv python3-yaml
# Grafana's models, generated from its schemas: the oldest version and the newest one.
GRAFANA_MODELS := 1769699998!10.1.0 1769699379!11.6.0
MIXIN := Packaging/monitoring
MIXIN_OUTPUT = $(MIXIN)
MIXIN_TEST := $(CURDIR)/.build/monitoring
CHECK_PACKAGES := strace valgrind
BENCH_PACKAGES := xfsprogs btrfs-progs e2fsprogs perl python3-matplotlib
SOURCES := Sources Tests Package.swift Benchmarks/Package.swift $(addprefix Benchmarks/,Support Guide Engines Parts Counts Peers)
MODULES := KernelIO CaptureLayout LayoutFiles Migration Reporting Archiver Bench
DOCUMENTATION := $(CURDIR)/.build/documentation
FIGURES := $(CURDIR)/.build/figures
BENCH_RESULTS := $(CURDIR)/.build/benchmarks.jsonl
BENCH_TOOL = swift package --allow-writing-to-package-directory benchmark
BENCH_FOLDER = cd Benchmarks && HOTCOLD_BINARY=$(CURDIR)/$(BINARY) HOTCOLD_PAIR=$(CURDIR)/.build/pair \
  HOTCOLD_PEERS=$(CURDIR)/Benchmarks/Peers/Scripts HOTCOLD_BENCH_RESULTS=$(BENCH_RESULTS)
BENCH = $(BENCH_FOLDER) $(BENCH_TOOL)

.PHONY: build demo demo-picture test test-faults test-e2e sanitize check fmt docs bench bench-guide bench-hyperfine bench-tiers bench-check \
  bench-check-test bench-test bench-update bench-tools install install-files manual deb dist test-package test-packages test-unit \
  test-dist check-arm64 check-arm64-kernel image test-container mixin test-monitoring check-fleet test-fleet simulate-fleet clean \
  deps deb-deps test-deps check-deps bench-deps e2e-deps package-deps arm64-deps image-deps container-deps monitoring-deps fleet-deps

build: deps
	$(RELEASE)

# A capture of 100,000 files on tmpfs: dry run, migration, verification; then everything is removed.
demo: build
	@rm -rf $(DEMO_DIR)
	$(BINARY) sample $(DEMO_DIR) --files $(DEMO_FILES)
	$(BINARY) migrate $(DEMO_DIR)
	$(BINARY) migrate $(DEMO_DIR) --execute --yes
	$(BINARY) verify $(DEMO_DIR)
	@rm -rf $(DEMO_DIR)

# The README's picture, docs/demo.svg, from a real run in a real terminal.
demo-picture: build
	[ -d .build/picture ] || { python3 -m venv .build/picture && .build/picture/bin/pip -q install pyte==0.8.2; }
	.build/picture/bin/python docs/demo.py $(BINARY) docs/demo.svg

# Format, warnings (as errors), unit and property tests, and end-to-end tests of the real program.
test: check build test-deps
	HOTCOLD_WERROR=1 HOTCOLD_BINARY="$(CURDIR)/$(BINARY)" swift test

# Every fault, every call of the core loop, hundreds of kills (docs/RELIABILITY.md); prints its figures at the end.
test-faults: build test-deps
	@rm -f $(FIGURES)
	HOTCOLD_BINARY="$(CURDIR)/$(BINARY)" HOTCOLD_FAULTS=all HOTCOLD_FUZZ=200000 HOTCOLD_FIGURES=$(FIGURES) \
	  swift test $(FAULT_BUILD) --scratch-path .build-faults --filter '$(FAULT_TESTS)'
	@awk '{ n = $$1; $$1 = ""; sum[$$0] += n } END { for (name in sum) printf "%10d %s\n", sum[name], name }' $(FIGURES) | sort -k2

# The package, a browser, the guide's commands, the service alongside a recording, every player: ten minutes.
# The players' table is in .build/players.md (docs/PLAYERS.md).
test-e2e: build deb test-package test-deps e2e-deps
	[ -d .build/e2e ] || { python3 -m venv .build/e2e && .build/e2e/bin/pip -q install $(E2E_PYTHON_PACKAGES); }
	@rm -f .build/players.md
	HOTCOLD_WERROR=1 HOTCOLD_BINARY="$(CURDIR)/$(BINARY)" HOTCOLD_E2E=1 HOTCOLD_PLAYERS=$(CURDIR)/.build/players.md \
	  HOTCOLD_E2E_PYTHON=$(CURDIR)/.build/e2e/bin/python \
	  HOTCOLD_E2E_VIDEOJS=$$(echo $(CURDIR)/.build/e2e/lib/python3*/site-packages/js/videojs/resources) \
	  HOTCOLD_DEB=$(CURDIR)/$(DEB) \
	  swift test --filter 'BrowserTests|CutOverTests|PlayerTests|RunningHourTests|SystemdTests|GuideTests|TierRecordingTests|LongRunTests'

# The alerts, rules and dashboards, from their sources (docs/MONITORING.md).
mixin: monitoring-deps
	@rm -rf $(MIXIN_OUTPUT)/dashboards_out && mkdir -p $(MIXIN_OUTPUT)/dashboards_out
	for kind in Rules Alerts; do \
	  jsonnet -S -e "std.manifestYamlDoc((import '$(MIXIN)/mixin.libsonnet').prometheus$$kind, quote_keys=false)" \
	    > $(MIXIN_OUTPUT)/prometheus_$$(echo $$kind | tr A-Z a-z).yaml || exit 1; done
	jsonnet -m $(MIXIN_OUTPUT)/dashboards_out -e "(import '$(MIXIN)/mixin.libsonnet').grafanaDashboards" > /dev/null

# Checks that the generated files match their sources, that Prometheus and Grafana's models accept them, and that each alert fires
# in its case; then the real chain of service, node_exporter and Prometheus. As root.
test-monitoring: build monitoring-deps
	jsonnetfmt --test $$(find $(MIXIN) Tests/Monitoring -name '*sonnet')
	@rm -rf $(MIXIN_TEST)/mixin && mkdir -p $(MIXIN_TEST)/mixin
	@$(MAKE) -s mixin MIXIN_OUTPUT=$(MIXIN_TEST)/mixin
	diff -r $(MIXIN_TEST)/mixin/dashboards_out $(MIXIN)/dashboards_out
	for file in prometheus_rules.yaml prometheus_alerts.yaml; do diff $(MIXIN_TEST)/mixin/$$file $(MIXIN)/$$file || exit 1; done
	promtool check rules $(MIXIN)/prometheus_*.yaml
	jsonnet Tests/Monitoring/alerts.jsonnet > $(MIXIN_TEST)/mixin/alerts_test.yaml
	promtool test rules $(MIXIN_TEST)/mixin/alerts_test.yaml
	[ -d $(MIXIN_TEST)/python ] || /usr/bin/python3 -m venv $(MIXIN_TEST)/python
	for version in $(GRAFANA_MODELS); do \
	  models=$(MIXIN_TEST)/$$version; \
	  [ -d $$models ] || $(MIXIN_TEST)/python/bin/pip -q install --target $$models grafana-foundation-sdk==$$version || exit 1; \
	  PYTHONPATH=$$models /usr/bin/python3 Tests/Monitoring/dashboards.py $(MIXIN) docs/RUNBOOK.md || exit 1; done
	/usr/bin/python3 Tests/Monitoring/chain.py $(BINARY) $(MIXIN) docs/MONITORING.md

# The Ansible collection without a host: lint, documentation, the Python code on the hosts' version. Half a minute.
check-fleet: fleet-deps
	Packaging/ansible/tests/static.sh $(FLEET)/venv $(FLEET)/collections

# The collection on three hosts, each with its own systemd and sshd; as root. 7 minutes of processor time: some 15 on two busy cores.
test-fleet simulate-fleet: export PYTHONDONTWRITEBYTECODE = 1
test-fleet: check-fleet $(if $(HOTCOLD_DEB),,deb)
	$(FLEET)/venv/bin/python Packaging/ansible/tests/test_fleet.py $(FLEET_DEB) $(FLEET)

# A rollout to 16 hosts; as root (docs/FLEET.md).
simulate-fleet: check-fleet $(if $(HOTCOLD_DEB),,deb)
	$(FLEET)/venv/bin/python Packaging/ansible/tests/simulate.py $(FLEET_DEB) $(FLEET)

# The unit, property and core-loop tests under both sanitizers. Leak detection is off because Foundation leaks the buffer of
# each empty file that the test kit reads.
sanitize: deps
	ASAN_OPTIONS=detect_leaks=0 swift test $(FAULT_BUILD) --sanitize=address --scratch-path .build-address --filter '$(SANITIZED)'
	swift test $(FAULT_BUILD) --sanitize=thread --scratch-path .build-thread --filter '$(SANITIZED)'

check:
	swift format lint --strict --recursive --parallel $(SOURCES)

fmt:
	swift format --in-place --recursive --parallel $(SOURCES)

# The doc comments of every module, as DocC archives in .build/documentation; a warning is an error.
docs: deps
	@rm -rf $(DOCUMENTATION) && mkdir -p $(DOCUMENTATION)
	for module in $(MODULES); do \
	  HOTCOLD_DOCS=1 swift package --scratch-path .build-docs --allow-writing-to-directory $(DOCUMENTATION) generate-documentation \
	    --target $$module --warnings-as-errors --output-path $(DOCUMENTATION)/$$module.doccarchive || exit 1; done

# Benchmarks (docs/PERFORMANCE.md). bench: a quick set in minutes; bench-guide: all sizes of the guide, with its table and
# picture; bench-check: the comparison with Benchmarks/Thresholds, which fails on a regression.
bench: bench-tools
	@rm -f $(BENCH_RESULTS)
	$(BENCH) --target Guide --target Engines --target Parts --target Peers
	/usr/bin/python3 Benchmarks/report.py $(BENCH_RESULTS)

bench-guide: export HOTCOLD_BENCH_FILES_MAX = 1400000
bench-guide: bench-tools
	@rm -f $(BENCH_RESULTS)
	$(BENCH) --target Guide --target Engines --target Peers
	/usr/bin/python3 Benchmarks/report.py $(BENCH_RESULTS) --json docs/benchmarks.json --svg docs/benchmarks.svg

# The table that anyone can reproduce: hyperfine over whole processes.
bench-hyperfine: bench-tools
	$(call packages,hyperfine)
	Benchmarks/hyperfine.sh $(CURDIR)/$(BINARY) $(CURDIR)/.build/pair

# Copies between file systems, compared with mv, cp, rsync and shutil; as root.
bench-tiers: build
	$(call packages,rsync)
	/usr/bin/python3 Benchmarks/tiers.py $(BINARY)
	/usr/bin/python3 Benchmarks/tiers.py $(BINARY) --source ext4
	/usr/bin/python3 Benchmarks/tiers.py $(BINARY) --source ext4 --target xfs

# check.py lets improvements pass: the tool's own exit status is 1 for an improvement as well as for a regression.
bench-check: build check-deps
	$(BENCH_FOLDER) /usr/bin/python3 check.py Thresholds $(BENCH_TOOL) thresholds check --target Counts --path Thresholds

# Tests check.py: equal, better, worse, a crash, no thresholds; a minute and a half. Run it after upgrading the tool.
bench-check-test: build check-deps
	$(BENCH_FOLDER) ./check-test.sh /usr/bin/python3 check.py @ $(BENCH_TOOL) thresholds check --target Counts --path @

# Tests that `hotcold bench` detects a second statx per file, batches of one and a slower file system, and nothing else. As root.
bench-test: build
	Benchmarks/bench-test.sh $(BINARY)

# Writes the current measurements to Benchmarks/Thresholds. Review the diff before you commit it.
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
	$(BINARY) --generate-completion-script bash | sed '1{/^#!/d}' > $(DESTDIR)$(PREFIX)/share/$(word 1,$(COMPLETIONS))
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
	cd $(MIXIN) && find . -type f | while read -r file; do \
	  install -D -m 644 $$file $(abspath $(DESTDIR)/$(PREFIX))/share/hotcold/monitoring/$$file || exit 1; done
	for file in archive.conf captures.conf; do \
	  [ -e $(DESTDIR)/etc/hotcold/$$file ] || install -D -m 644 Packaging/$$file $(DESTDIR)/etc/hotcold/$$file; done

# Man pages, from the commands' own help and the exit codes in docs/REFERENCE.md.
manual: export SOURCE_DATE_EPOCH = $(EPOCH)
manual: build
	@rm -rf $(MANUAL) && mkdir -p $(MANUAL)
	/usr/bin/python3 Packaging/manual.py $(BINARY) $(MANUAL)

# A Debian package that includes the Swift runtime, .build/hotcold_VERSION_ARCHITECTURE.deb, with its SBOM next to it.
deb: export SOURCE_DATE_EPOCH = $(EPOCH)
deb: build manual deb-deps
	Packaging/build-deb.sh $(VERSION) $(DEB)
	@ls -l $(DEB) $(DEB:.deb=.spdx.json)

# A release in .build/dist: source archive, package, SBOM and checksums, signed with the key of KEY=… (Packaging/RELEASE.md).
dist: deb
	@rm -rf .build/dist
	Packaging/dist.sh $(VERSION) $(DEB) .build/dist $(KEY)

# Contents of the package, and its life cycle in a clean Debian: half a minute (the first run of a day takes twice as long).
test-package: deb package-deps
	Packaging/tests/contents.sh $(VERSION) $(DEB)
	Packaging/tests/life.sh bookworm $(VERSION) $(DEB)

# Its life cycle in each supported Debian release.
test-packages: deb package-deps
	for suite in bookworm trixie sid; do Packaging/tests/life.sh $$suite $(VERSION) $(DEB) || exit 1; done

# The unit under a systemd booted for the test: watchdog, reload, stop in mid-slice, upgrade while it runs, removal.
test-unit: deb package-deps
	Packaging/tests/unit.sh $(VERSION) $(DEB)

# A signed release, and the same package built again from its source archive in another folder. Builds everything: five minutes.
test-dist: deb package-deps
	Packaging/tests/dist.sh $(VERSION) $(DEB)

# The C code for arm64, run with qemu-user (docs/BUILDING.md).
check-arm64: deps arm64-deps
	Tests/Arm64/user.sh

# The same on arm64 kernels with pages of 4 and 16 KiB, and with rings: takes as long again.
check-arm64-kernel: deps arm64-deps
	$(call packages,$(ARM64_KERNEL_PACKAGES))
	Tests/Arm64/kernel.sh

# An OCI image with that package, built without a daemon (docs/CONTAINERS.md).
image: export SOURCE_DATE_EPOCH = $(EPOCH)
image: deb image-deps
	Packaging/container/build-image.sh $(DEB) $(IMAGE)
	@ls -l $(IMAGE)

# The image under real podman: seccomp profiles, mistakes, stops and kills, the compose and Kubernetes examples with a recorder.
# As root; two to four minutes, mostly waiting for recordings.
test-container: image container-deps
	[ -d .build/container ] || { python3 -m venv .build/container && .build/container/bin/pip -q install $(CONTAINER_PYTHON_PACKAGES); }
	.build/container/bin/python Packaging/container/test.py $(IMAGE) $(DEB)

clean:
	rm -rf .build .build-* Benchmarks/.build

# With recommended packages, unlike the others.
deps:
	@dpkg -s $(BUILD_PACKAGES) >/dev/null 2>&1 || \
	  { $(SUDO) apt-get update && $(SUDO) apt-get install -y $(BUILD_PACKAGES); }

deb-deps:
	$(call packages,$(DEB_PACKAGES))

package-deps:
	$(call packages,$(PACKAGE_PACKAGES))
	@[ -x .build/package-tests/bin/pyspdxtools ] || { python3 -m venv .build/package-tests && \
	  .build/package-tests/bin/pip -q install $(PACKAGE_PYTHON_PACKAGES); }

arm64-deps:
	$(call packages,$(ARM64_PACKAGES))

test-deps:
	$(call packages,$(TEST_PACKAGES))

e2e-deps:
	$(call packages,$(E2E_PACKAGES) $(PLAYER_PACKAGES))

image-deps:
	$(call packages,$(IMAGE_PACKAGES))

container-deps:
	$(call packages,$(CONTAINER_PACKAGES))

monitoring-deps:
	$(call packages,$(MONITORING_PACKAGES))

check-deps:
	$(call packages,$(CHECK_PACKAGES))

bench-deps:
	$(call packages,$(BENCH_PACKAGES))

fleet-deps:
	$(call packages,$(FLEET_PACKAGES))
	[ -d $(FLEET)/venv ] || { python3 -m venv $(FLEET)/venv && $(FLEET)/venv/bin/pip -q install $(FLEET_PYTHON_PACKAGES); }
