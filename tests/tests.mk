# What checks sluice: lint, unit tests, fuzzing, functional tests under sanitizers.
#
# Every part leaves `passed|failed|skipped<TAB>name<TAB>detail` lines in build/results/<part>.tsv;
# tests/run adds them up. `T=` selects: make unit T=wire/packet, make func T=name, make fuzz T=packet.

T            ?=
UNIT_V       ?= asan
FUZZ_SECONDS ?= 60
RUN          := B=$(B) T='$(T)' MAKE='$(MAKE)' tests/run

UNIT_SRC   := $(wildcard tests/unit/*/*_test.c)
UNIT_BIN   := $(UNIT_SRC:tests/unit/%.c=$(B)/$(UNIT_V)/unit/%)
FUZZ_NAMES := $(filter-out replay,$(notdir $(basename $(wildcard tests/fuzz/*.c))))
MYSQL_TREE := build/mysql/usr/sbin/mysqld
NODE_TREE  := build/node/node_modules/mysql2/package.json
PLUGIN     := build/plugins/metadata_lock_info.so
FETCHED    := $(MYSQL_TREE) $(NODE_TREE) $(PLUGIN)
PROBE_BIN  := $(bin_asan)/sluice-probe
WRITER_BIN := $(bin_asan)/sluice-mongo-writer

.PHONY: test unit lint lint-selftest format generate tidy fuzz fuzz-replay func crash asan tsan deps-test

deps-test:
	@tests/deps check build test demo || tests/deps install build test demo

# A real MySQL for the functional tests; when it cannot be had they are skipped, loudly.
$(MYSQL_TREE): | deps-test
	@tests/deps mysql

# Debian has no such Node driver.
$(NODE_TREE): | deps-test
	@tests/deps node

# The MariaDB of the tests comes without its plugins.
$(PLUGIN): | deps-test
	@tests/deps plugins

# The peers of the benchmark.
build/peers/.complete: | deps-test $(MYSQL_TREE)
	@tests/deps peers

## test: everything that checks sluice, on a fresh machine too; ends with the counts
test: | deps-test $(FETCHED)
	@+$(RUN) all

## unit: unit tests under the sanitizers (T=wire/packet selects)
unit: | deps-test
	@+$(RUN) unit

## lint: layers, function lengths, headers, format, banned calls, generated documents
lint: | deps-test
	@+$(RUN) lint

# The lint checks can fail: each is shown a bad example.
lint-selftest: | deps-test
	@$(RUN) selftest

## format: clang-format over all sources, in place
format: | deps-test
	@clang-format -i $(wildcard proxy/*.[ch] proxy/*/*.[ch] admin/*.[ch] bench/*.[ch] \
	    tests/unit/*.[ch] tests/unit/*/*.[ch] tests/fuzz/*.[ch] tests/probe/*.[ch] tests/mongo/*.[ch])

# Documents that programs write (tests/lint/generated.txt), anew.
generate: all
	@tests/lint/lint --generate

## tidy: clang-tidy and cppcheck over all sources (minutes)
tidy:
	@tests/deps check build tidy || tests/deps install build tidy
	@tests/lint/tidy $(CPPFLAGS) $(PKG_CFLAGS) -std=c17 -- $(ALL_SRC)

## fuzz: every fuzz target for FUZZ_SECONDS, 60 unless told (T=packet selects)
fuzz: | deps-test
	@+FUZZ_SECONDS=$(FUZZ_SECONDS) $(RUN) fuzz

## fuzz-replay: the stored fuzz inputs once more, in a moment
fuzz-replay: | deps-test
	@+$(RUN) replay

## func: functional tests on real servers, the daemon under sanitizers (T=name selects)
func: $(PROGRAMS:%=$(bin_asan)/%) $(PROBE_BIN) $(WRITER_BIN) all | deps-test $(FETCHED)
	@SLUICE_BIN=$(bin_asan)/sluice $(RUN) func

## crash: sluice, servers and network fail at every failpoint of a cutover (T=, POINT=step:place)
crash: $(PROGRAMS:%=$(bin_asan)/%) all | deps-test $(FETCHED)
	@CRASH=all SLUICE_BIN=$(bin_asan)/sluice RESULTS=$(abspath $(B))/results/crash.tsv \
	    tests/func/run '$(or $(T),crash.)'

## asan: unit and functional tests under address and undefined sanitizers
asan:
	@+$(MAKE) unit; status=$$?; $(MAKE) func && exit $$status

## tsan: functional tests with the daemon under the thread sanitizer
tsan: $(PROGRAMS:%=$(bin_tsan)/%) $(PROBE_BIN) $(WRITER_BIN) all | deps-test $(FETCHED)
	@SLUICE_BIN=$(bin_tsan)/sluice TSAN_OPTIONS="halt_on_error=0 exitcode=66 $$TSAN_OPTIONS" $(RUN) func

# --- demo and benchmark ------------------------- ---------------------------------------------------

.PHONY: demo bench

## demo: two throw-away masters, sluice in front, load, one cutover, a verdict; leaves nothing
demo:
	@tests/deps check build demo || tests/deps install build demo
	@+$(MAKE) all
	@bench/demo

## bench: speed side by side with other proxies, in one run
bench: all | deps-test build/peers/.complete
	@bench/compare $(T)

# --- the probe ---------------------------------------------------------------------------------------

# The control plane on one real server, moved by functional tests (tests/func/lib/probe.py).
$(PROBE_BIN): $(call objects,asan,$(wildcard tests/probe/*.c)) $(call libs,asan,control net base)
	$(call link,asan,all)

# --- a client of MongoDB -----------------------------------------------------------------------------

# libmongoc as an application uses it, moved by tests/func/test_mongo.py.
$(WRITER_BIN): $(call objects,asan,$(wildcard tests/mongo/*.c))
	$(call link,asan,all)

# --- unit test binaries ------------------------------------------------------------------------------

CRITERION_LIBS = $(call once,CRITERION_LIBS,$(shell pkg-config --libs criterion))

# A test file, its folder's helpers (files without _test) and those in tests/unit/ itself, the
# folder's archive and the archives below it.
define unit_rule
$(B)/$(1)/unit/$(2)/$(3): $(call objects,$(1),tests/unit/$(2)/$(3).c \
        $(filter-out %_test.c,$(wildcard tests/unit/$(2)/*.c)) $(wildcard tests/unit/*.c)) \
        $(call libs,$(1),$(or $(needs_$(2)),$(needs_admin)))
	$$(call link,$(1),all)
$(B)/$(1)/unit/$(2)/$(3): EXTRA_LIBS = $$(CRITERION_LIBS)

endef

$(foreach v,$(VARIANTS),$(foreach t,$(UNIT_SRC:tests/unit/%.c=%),\
    $(eval $(call unit_rule,$(v),$(patsubst %/,%,$(dir $(t))),$(notdir $(t))))))

# --- fuzz targets ------------------------------------------------------------------------------------

# tests/fuzz/<name>.c has LLVMFuzzerTestOneInput. With libFuzzer it searches; with replay.c and the
# ordinary compiler it reads stored inputs, so that `make test` does not depend on clang.
FUZZ_FOLDERS := admin config cutover drain control session state auth net wire base

define fuzz_rule
$(B)/fuzz/bin/fuzz-$(1): $(call objects,fuzz,tests/fuzz/$(1).c) $(call libs,fuzz,$(FUZZ_FOLDERS))
	$$(call link,fuzz,all)
$(B)/asan/bin/fuzz-$(1): $(call objects,asan,tests/fuzz/$(1).c tests/fuzz/replay.c) \
        $(call libs,asan,$(FUZZ_FOLDERS))
	$$(call link,asan,all)

endef
$(foreach f,$(FUZZ_NAMES),$(eval $(call fuzz_rule,$(f))))
