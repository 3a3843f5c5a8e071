# Bulkhead. `make help` lists the targets.
#
# One Makefile, no recursion. B is the build folder: variants (sanitizers, fuzzing, clang) are
# the same rules with another B and other flags.

B ?= build
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

VERSION := 0.1.0
PREFIX ?= /usr/local

ROOMS := base client confine ipc front net threat flow handover stream policy conf event proto inspect sink port gateway api capture store import sensor signature evidence learn response record doctor kube generator fleet secret pair
NEED_PKGS := libdpdk yaml-0.1 jansson libmicrohttpd gnutls libsodium libnghttp2 nettle libpcre2-8 libhs zlib \
	libbrotlidec libzstd sqlite3 rdkafka
HAVE_DEPS := $(shell pkg-config --exists $(NEED_PKGS) 2>/dev/null && echo yes)

ifeq ($(HAVE_DEPS),yes)
# System headers are not ours to warn about.
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(NEED_PKGS)))
DPDK_SHARED := $(shell pkg-config --libs libdpdk)
LIBDIR := $(shell pkg-config --variable=libdir libdpdk)
endif
# Where `make kube-test` builds its API server.
KUBE_DIR ?= $(B)/kube
# DPDK=patched links what `make dpdk` made of Debian's source and dpdk-patches/, statically; the headers are Debian's.
DPDK ?= debian
DPDK_DIR ?= $(B)/dpdk
ifeq ($(DPDK),patched)
LIBDIR := $(DPDK_DIR)/lib
DPDK_SHARED = $(if $(wildcard $(LIBDIR)/*.a),,$(error run 'make dpdk' first: no libraries in $(LIBDIR))) \
	-Wl,--whole-archive $(wildcard $(LIBDIR)/*.a) -Wl,--no-whole-archive -lxdp -lbpf -lelf -lpcap -lnuma -lbsd -ldl -lm -latomic
$(B)/obj/lib/port/port.o: EXTRA_CFLAGS += -DBH_DPDK_PATCHED
endif
LIBS := -lyaml -ljansson -lmicrohttpd -lgnutls -lsodium -lpcap -lnghttp2 -lnettle -lpcre2-8 -lhs -lz -lbrotlidec -lzstd -lsqlite3 -lcurl
# The offline tools and tests link only the few DPDK libraries they use, statically: no drivers, and
# EAL starts in a tenth of a second instead of loading a hundred plugins.
DPDK_STATIC = -Wl,--whole-archive $(foreach l,eal mempool mempool_ring ring mbuf kvargs telemetry \
	net rcu,$(LIBDIR)/librte_$(l).a) -Wl,--no-whole-archive -lbsd -lnuma -ldl -lpthread -lm -latomic

OPT ?= -O3
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wpointer-arith -Wwrite-strings -Wundef
# __SSE4_2__ etc. are tested with #if in DPDK's headers: system headers, so -Wundef stays silent.
CFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE -g $(OPT) $(WARN) $(PKG_CFLAGS) -DBH_VERSION='"$(VERSION)"' \
	-fno-strict-aliasing -fstack-protector-strong -fPIE $(EXTRA_CFLAGS) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(EXTRA_LDFLAGS) $(LDFLAGS)

LIB_SRC := $(foreach r,$(ROOMS),$(wildcard lib/$(r)/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o)
LIB := $(B)/libbulkhead.a
APPS := $(foreach a,bulkhead bulkhead-api bulkhead-bypass bulkheadctl bulkhead-replay bulkhead-generator,$(if $(wildcard app/$(a)/*.c),$(B)/$(a)))
TEST_ROOMS := $(patsubst test/unit/suites_%.def,%,$(wildcard test/unit/suites_*.def))
UNIT := $(TEST_ROOMS:%=$(B)/test/unit_%)
BENCH := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/bench_*.c))
FUZZ := $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/fuzz_*.c))
C_FILES := $(shell git ls-files -co --exclude-standard '*.c' '*.h' 2>/dev/null)

.DEFAULT_GOAL := all
.PHONY: all help deps build dpdk dpdk-test kube-test web demo test unit scenario e2e check format format-check python-check arch tidy sanitize \
	clang-build fuzz fuzz-build bench accuracy coverage install uninstall deb deb-test clean

all: build

help:
	@sed -n 's/^## //p' Makefile

## make build      compile everything into build/
ifeq ($(HAVE_DEPS),yes)
build: $(APPS) $(LIB) web
else
build:
	@echo "libraries are missing: run 'make deps' as root (installs Debian packages)"; exit 1
endif

## make deps       install the Debian packages that building and testing need (root)
deps:
	$(Q)deploy/install-deps.sh

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(filter 1,$(V)),,@echo "  CC  $<")
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(LIB): $(LIB_OBJ)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

app_obj = $(patsubst %.c,$(B)/obj/%.o,$(wildcard app/$(1)/*.c))

$(B)/bulkhead: $(call app_obj,bulkhead) $(LIB) $(B)/.dpdk-$(DPDK)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o %.a,$^) $(LIBS) $(DPDK_SHARED) -lpthread

# Which DPDK the folder's daemon was linked with: another one links it anew.
$(B)/.dpdk-$(DPDK):
	$(Q)mkdir -p $(B) && rm -f $(B)/.dpdk-* && touch $@
$(B)/obj/lib/port/port.o: $(B)/.dpdk-$(DPDK)

# Parses what strangers send: as little as possible is linked.
$(B)/bulkhead-api: $(call app_obj,bulkhead-api) $(LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lmicrohttpd -lgnutls

# Outlives the daemon: nothing of DPDK.
$(B)/bulkhead-bypass: $(call app_obj,bulkhead-bypass) $(LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

$(B)/bulkheadctl: $(call app_obj,bulkheadctl) $(LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) -lcurl

$(B)/bulkhead-replay: $(call app_obj,bulkhead-replay) $(LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(DPDK_STATIC)

# Any port of DPDK's, as the daemon.
$(B)/bulkhead-generator: $(call app_obj,bulkhead-generator) $(LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(DPDK_SHARED) -lpthread -lm

# ---- dashboard ----------------------------------------------------------------------------------------

WEB_SRC := $(shell find app/web -type f -not -path '*/node_modules/*')
NPM := $(shell command -v npm 2>/dev/null)

## make web        the dashboard's files into build/web; its graph library comes by npm, and without npm it has no picture
web: $(B)/web/.made

$(B)/web/.made: $(WEB_SRC) $(NPM)
	$(Q)rm -rf $(B)/web.new && mkdir -p $(B)/web.new $(B)/node/web
	$(Q)cp -r app/web/index.html app/web/assets $(B)/web.new/
	$(Q)cp app/web/package.json app/web/package-lock.json app/web/.npmrc $(B)/node/web/
ifneq ($(NPM),)
	$(Q)cd $(B)/node/web && timeout 180 npm ci --silent --ignore-scripts --fetch-retries=1 --fetch-timeout=20000 >npm.log 2>&1 && \
		mkdir -p $(abspath $(B))/web.new/assets/vendor && \
		cp node_modules/cytoscape/dist/cytoscape.esm.min.mjs $(abspath $(B))/web.new/assets/vendor/ && \
		cp node_modules/cytoscape/LICENSE $(abspath $(B))/web.new/assets/vendor/cytoscape.txt || \
		echo "web: npm could not get the graph library ($(B)/node/web/npm.log): the dashboard has no picture of the map"
else
	@echo "web: npm is missing: the dashboard has no picture of the map (apt install npm)"
endif
	$(Q)rm -rf $(B)/web && mv $(B)/web.new $(B)/web && if [ -d $(B)/web/assets/vendor ]; then touch $@; fi

# ---- DPDK with our patches ------------------------------------------------------------------------------

## make dpdk       Debian's DPDK source with dpdk-patches/ applied, its used parts built; then: make DPDK=patched
dpdk:
	$(Q)dpdk-patches/build.sh $(DPDK_DIR)

## make dpdk-test  each patch does what it is for, and without it its test fails (root)
dpdk-test: dpdk
	$(Q)test/dpdk/run.sh $(DPDK_DIR)

# ---- a real cluster ---------------------------------------------------------------------------------

## make kube-test  the gateway against Debian's kube-apiserver (built from its source package), etcd and kubectl (root)
kube-test: build
	$(Q)test/kube/build.sh $(KUBE_DIR)
	$(Q)B=$(B) test/kube/run.sh $(KUBE_DIR)

# ---- tests ------------------------------------------------------------------------------------------
# One runner a room: test/unit/suites_<room>.def lists its suites, test/unit/main.c runs them.

$(B)/obj/test/unit/main_%.o: test/unit/main.c test/unit/suites_%.def
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -DBH_SUITES='"suites_$*.def"' -DBH_ROOM='"$*"' -c $< -o $@

test_obj = $(patsubst %.c,$(B)/obj/%.o,$(wildcard test/unit/test_$(1)_*.c))
# A room's tests link that room and what it may include, and so on: test/arch/rooms is the list for both.
room_all = $(sort $(1) $(foreach r,$(shell sed -n 's/^$(1): *//p' test/arch/rooms),$(call room_all,$(r))))
room_obj = $(patsubst %.c,$(B)/obj/%.o,$(foreach r,$(call room_all,$(1)),$(wildcard lib/$(r)/*.c)))

.SECONDEXPANSION:
$(UNIT): $(B)/test/unit_%: $(B)/obj/test/unit/main_%.o \
		$$(call test_obj,$$*) $$(call room_obj,$$*)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcunit $(LIBS) -lcurl $(DPDK_STATIC)

# The test's own broker; the product loads this library only when it is asked for Kafka.
$(B)/test/unit_sink: LIBS += -lrdkafka

# Requests reach the API through the HTTP process, here a thread; the command line talks to it.
$(B)/test/unit_api: $(patsubst %.c,$(B)/obj/%.o,$(wildcard lib/front/*.c lib/doctor/*.c) \
	$(filter-out %/main.c,$(wildcard app/bulkheadctl/*.c)))

# The port room also names the device library, though its unit tests open no device.
$(B)/test/unit_port: DPDK_STATIC += $(LIBDIR)/librte_ethdev.a $(LIBDIR)/librte_meter.a -lm

## make unit       build and run the unit tests (no root, no hugepages)
unit: $(UNIT)
	$(Q)test/run-unit.sh $(UNIT)

## make scenario   captures made by our generators through bulkhead-replay: verdicts and events
scenario: $(B)/bulkhead-replay $(B)/bulkheadctl
	$(Q)B=$(B) test/scenario/run.sh

# What drives Chromium in the dashboard's test; without it that test is skipped.
$(B)/node/e2e/.made: $(wildcard test/e2e/web/package*.json)
	$(Q)mkdir -p $(@D) && cp test/e2e/web/package.json test/e2e/web/package-lock.json test/e2e/web/.npmrc $(@D)/
	$(Q)cd $(@D) && timeout 180 npm ci --silent --ignore-scripts >npm.log 2>&1 && touch .made || \
		echo "e2e: npm could not get playwright-core ($(@D)/npm.log): the dashboard is not tested"

# Types and a client out of the served OpenAPI document; without them that test says so.
$(B)/node/client/.made: $(wildcard test/e2e/client/package*.json)
	$(Q)mkdir -p $(@D) && cp test/e2e/client/package.json test/e2e/client/package-lock.json test/e2e/client/.npmrc $(@D)/
	$(Q)cd $(@D) && timeout 180 npm ci --silent --ignore-scripts >npm.log 2>&1 && touch .made || \
		echo "e2e: npm could not get openapi-fetch ($(@D)/npm.log): no client is generated"

# Spectral, which reads the served OpenAPI document; without it that test is skipped.
$(B)/node/spectral/.made: $(wildcard test/e2e/spectral/*)
	$(Q)mkdir -p $(@D) && cp test/e2e/spectral/package.json test/e2e/spectral/rules.yaml test/e2e/spectral/.npmrc $(@D)/
	$(Q)cd $(@D) && timeout 180 npm install --silent --ignore-scripts --no-audit --no-fund >npm.log 2>&1 && touch .made || \
		echo "e2e: npm could not get Spectral ($(@D)/npm.log): the OpenAPI document is not linted"

## make e2e        real clients and servers in network namespaces, the daemon between them (root)
e2e: build $(if $(NPM),$(B)/node/e2e/.made $(B)/node/client/.made $(B)/node/spectral/.made)
	$(Q)B=$(B) test/e2e/run.sh

## make test       install what is missing, build, run unit, scenario and e2e (root)
test:
	$(Q)deploy/install-deps.sh
	$(Q)$(MAKE) --no-print-directory build
	$(Q)$(MAKE) --no-print-directory unit scenario instructions e2e

## make demo       the gateway between two namespaces with real redis and nginx (root); KEEP=1 leaves it;
##                 SCENARIO=zero-touch: without a policy, it learns and protects by itself;
##                 SCENARIO=dashboard: a shop under attack, to be seen in a browser, until Ctrl-C
demo: BEGUN := $(shell date +%s)
demo:
	$(Q)deploy/install-deps.sh
	$(Q)$(MAKE) --no-print-directory build
	$(Q)B=$(B) KEEP=$(KEEP) HOLD=$(HOLD) SCENARIO=$(SCENARIO) BEGUN=$(BEGUN) deploy/demo/demo.sh

## make check      format, architecture, static analysis, names in Python, unit and scenario under ASan and UBSan, clang
check: format-check arch tidy python-check clang-build sanitize

format:
	$(Q)clang-format -i $(C_FILES)

format-check:
	$(Q)clang-format --dry-run -Werror $(C_FILES) && echo "format: ok"

## make arch       rooms include only what their line in test/arch/rooms allows
arch:
	$(Q)test/arch/check.sh

tidy:
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr --suppressions-list=test/arch/cppcheck.txt \
		--enable=warning,portability,performance -j 2 -D__x86_64__ -DBH_VERSION='"0"' lib app && echo "cppcheck: ok"

# A name that is not there shows only when its line runs. (Imports for others' sake are no fault.)
python-check:
	$(Q)! git ls-files '*.py' | xargs pyflakes3 | grep -v 'imported but unused$$' && echo "python: ok"

SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
sanitize:
	$(Q)$(MAKE) --no-print-directory B=build/san OPT=-O1 EXTRA_CFLAGS="$(SAN)" EXTRA_LDFLAGS="$(SAN)" unit scenario

clang-build:
	$(Q)$(MAKE) --no-print-directory B=build/clang CC=clang build && echo "clang: ok"

## make coverage   lines of lib/proto that its unit tests run, by gcov; COV (build/cov) is its build folder
COV ?= build/cov
coverage:
	$(Q)$(MAKE) --no-print-directory B=$(COV) OPT=-O0 EXTRA_CFLAGS="--coverage -Wno-error" EXTRA_LDFLAGS=--coverage \
		$(COV)/test/unit_proto
	$(Q)find $(COV) -name '*.gcda' -delete
	$(Q)$(COV)/test/unit_proto >$(COV)/unit_proto.log || { cat $(COV)/unit_proto.log; exit 1; }
	$(Q)test/coverage.sh $(COV) lib/proto

# ---- fuzzing ----------------------------------------------------------------------------------------

FUZZ_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
FUZZ_SECONDS ?= 60
fuzz-build:
	$(Q)$(MAKE) --no-print-directory B=build/fuzz CC=clang OPT=-O1 EXTRA_CFLAGS="$(FUZZ_FLAGS)" \
		EXTRA_LDFLAGS="-fsanitize=fuzzer,address,undefined" $(FUZZ:%=build/fuzz/%)

$(B)/fuzz_%: $(B)/obj/test/fuzz/fuzz_%.o $(LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(DPDK_STATIC)

## make fuzz       libFuzzer over every parser of foreign bytes, FUZZ_SECONDS (60) each
fuzz: fuzz-build
	$(Q)test/fuzz/run.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ)

# ---- bench ------------------------------------------------------------------------------------------

BENCH_DPDK = $(DPDK_STATIC) $(LIBDIR)/librte_hash.a

$(B)/bench/%: $(B)/obj/bench/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(BENCH_DPDK)

# It opens devices, whose drivers are plug-ins.
$(B)/bench/bench_wire: BENCH_DPDK = $(DPDK_SHARED) -lm

## make bench      what it claims to be fast at, measured here (root); QUICK=1: in under five minutes
bench:
	$(Q)deploy/install-deps.sh bench
	$(Q)$(MAKE) --no-print-directory build $(BENCH)
	$(Q)B=$(B) bench/run.sh

SHARED ?= ../shared
## make instructions  instructions of the packet path against bench/baseline.json; RENEW=1 takes what is measured for it
instructions: $(B)/bench/bench_instructions
	$(Q)B=$(B) timeout 300 bench/instructions.py $(if $(RENEW),--renew)

## make accuracy   identification and sensors scored against labelled data; needs SHARED=FOLDER (../shared)
accuracy: $(B)/bulkhead-replay
	@test -d $(SHARED)/corpora/pcaps || { echo "no labelled captures: give SHARED=FOLDER with corpora/ and tools/"; exit 1; }
	$(Q)python3 $(SHARED)/tools/score_apps.py --replay $(B)/bulkhead-replay --config config/discover.yaml \
		--pcaps $(SHARED)/corpora/pcaps --jobs 2 --json $(B)/accuracy.json
	$(Q)rm -rf $(B)/attacks && python3 $(SHARED)/tools/strings_to_pcap.py $(SHARED)/corpora/attacks $(B)/attacks
	$(Q)python3 $(SHARED)/tools/score_attacks.py --replay $(B)/bulkhead-replay --config config/inspect.yaml \
		--truth $(B)/attacks --json $(B)/attacks.json

# ---- install ----------------------------------------------------------------------------------------

## make install    into PREFIX (/usr/local); DESTDIR is honoured
install: build
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/sbin $(B)/bulkhead
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/libexec/bulkhead $(B)/bulkhead-api $(B)/bulkhead-bypass
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/bin $(B)/bulkheadctl $(B)/bulkhead-replay $(B)/bulkhead-generator
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/bulkhead config/*.yaml
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(B)/bulkheadctl man >$(DESTDIR)$(PREFIX)/share/man/man1/bulkheadctl.1
	$(B)/bulkheadctl completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bulkheadctl
	$(B)/bulkheadctl completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_bulkheadctl
	$(B)/bulkheadctl completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/bulkheadctl.fish
	cp -r $(B)/web $(DESTDIR)$(PREFIX)/share/bulkhead/ && chmod -R u=rwX,go=rX $(DESTDIR)$(PREFIX)/share/bulkhead/web

uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/libexec/bulkhead
	rm -f $(DESTDIR)$(PREFIX)/sbin/bulkhead $(DESTDIR)$(PREFIX)/bin/bulkheadctl \
		$(DESTDIR)$(PREFIX)/bin/bulkhead-replay $(DESTDIR)$(PREFIX)/bin/bulkhead-generator
	rm -rf $(DESTDIR)$(PREFIX)/share/bulkhead
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/bulkheadctl.1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bulkheadctl \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_bulkheadctl \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/bulkheadctl.fish

## make deb        the Debian package: build/deb/bulkhead_*.deb, checked by lintian
deb:
	$(Q)deploy/debian/build.sh $(B)

## make deb-test   that package in a clean Debian 12 root: installed, upgraded, purged (root; mmdebstrap and a mirror)
deb-test:
	$(Q)[ -d $(B)/deb ] || $(MAKE) --no-print-directory deb
	$(Q)B=$(B) test/package/run.sh || [ $$? -eq 77 ]

## make clean      remove build/
clean:
	rm -rf build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
