# sluice: `make help` lists the targets.
#
#   make                    release build into build/bin/
#   make V=asan             the same under address and undefined sanitizers, into build/asan/bin/
#   make V=tsan             under the thread sanitizer, into build/tsan/bin/
#   make CC=clang           with another compiler; B=build/clang keeps its files apart
#   make build/asan/bin/sluice  or any other file by name; every variant's files are always targets
#
# One make, no recursion into folders. Sources are found by wildcard: proxy/<folder>/*.c becomes
# build/<variant>/lib/<folder>.a. Packages that are missing are installed first (tests/deps).

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG     ?= clang
AR        ?= ar
V         ?= release
B         ?= build
PREFIX    ?= /usr/local
DESTDIR   ?=
VERSION   := 0.1.0

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# In parallel unless told otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

# --- what there is ---------------------------------------------------------------------------------

FOLDERS := base wire state config net auth session drain control cutover

# What a folder's objects may call, itself first: the include table, followed down (tests/lint/layers.txt).
needs_base    := base
needs_wire    := wire base
needs_config  := config base
needs_net     := net base
needs_state   := state wire base
needs_auth    := auth wire base
needs_session := session state auth net wire base
needs_drain   := drain config $(needs_session)
needs_control := control net base
needs_cutover := cutover drain control $(needs_session)
needs_admin   := admin config $(needs_cutover)
needs_bench   := bench wire base

CTL_SRC   := $(wildcard admin/ctl*.c)
PROTO_SRC := $(wildcard admin/protocol*.c)
ADMIN_SRC := $(filter-out $(CTL_SRC),$(wildcard admin/*.c))
BENCH_SRC := $(wildcard bench/*.c)
MAIN_SRC  := $(wildcard proxy/*.c)
PROXY_SRC := $(wildcard $(FOLDERS:%=proxy/%/*.c))
ALL_SRC   := $(MAIN_SRC) $(PROXY_SRC) $(wildcard admin/*.c) $(BENCH_SRC)

# A program is built as soon as its main file has been written.
PROGRAMS := $(if $(wildcard proxy/main.c),sluice) $(if $(CTL_SRC),sluicectl) \
            $(if $(BENCH_SRC),sluice-bench)

# --- flags -----------------------------------------------------------------------------------------

WARNINGS  := -Wall -Wextra -Wshadow -Wconversion -Werror
CPPFLAGS  := -Iproxy -I. -D_GNU_SOURCE= -DSLUICE_VERSION='"$(VERSION)"' -include base/banned.h
BASEFLAGS := -std=c17 -g -pthread -fno-strict-aliasing $(WARNINGS)
ARCHFLAGS := $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)

VARIANTS := release asan tsan fuzz

# Link-time optimisation is worth 5 % of a query's processor time (bench/compare); the fat objects
# keep every `ar` happy.
LTO             := $(if $(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)
bin_release     := $(B)/bin
cflags_release  := -O2 -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
                   -fPIE $(ARCHFLAGS) $(LTO)
ldflags_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack

# gcc's flow warnings are unreliable in sanitized code; the release build has them.
NO_FLOW_WARN := -Wno-maybe-uninitialized -Wno-stringop-overflow
SAN_asan     := -fsanitize=address,undefined -fno-sanitize-recover=all
FAILPOINTS   := -DSLUICE_FAILPOINTS= # crash tests stop the daemon there (cutover/failpoint.h)
bin_asan     := $(B)/asan/bin
cflags_asan   = $(FAILPOINTS) -O1 -fno-omit-frame-pointer $(SAN_asan) $(if $(findstring clang,$(CC)),,$(NO_FLOW_WARN))
ldflags_asan := $(SAN_asan)

bin_tsan     := $(B)/tsan/bin
cflags_tsan   = $(FAILPOINTS) -O1 -fno-omit-frame-pointer -fsanitize=thread $(if $(findstring clang,$(CC)),,$(NO_FLOW_WARN))
ldflags_tsan := -fsanitize=thread

# libFuzzer is clang's; this variant is always built with it.
bin_fuzz     := $(B)/fuzz/bin
cc_fuzz      := $(CLANG)
cflags_fuzz  := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
                -fno-sanitize-recover=all
ldflags_fuzz := -fsanitize=fuzzer,address,undefined

# pkg-config is asked once, at the first compilation: before that `deps` may have to install it.
# Third-party headers are system headers, so that our warnings do not judge them.
once = $(eval $(1) := $(2))$($(1))
PKGS := libevent libevent_pthreads openssl yaml-0.1 libmongoc-1.0 libbson-1.0 libmariadb libedit \
        libsystemd
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS))))
LIBS_sluice = $(call once,LIBS_sluice,$(shell pkg-config --libs $(filter-out libedit,$(PKGS))))
LIBS_sluicectl = $(call once,LIBS_sluicectl,$(shell pkg-config --libs libedit libbson-1.0))
LIBS_sluice-bench = $(call once,LIBS_sluice-bench,\
                    $(shell pkg-config --libs libmariadb libcrypto libevent libevent_pthreads libbson-1.0))
LIBS_all = $(call once,LIBS_all,$(shell pkg-config --libs $(PKGS)))

# --- rules, once for each variant --------------------------------------------------------------------

# Quiet output, one line a file; `make VERBOSE=1` shows the commands.
Q   := $(if $(VERBOSE),,@)
say  = $(if $(VERBOSE),,@printf '  %-5s %s\n' $(1) $@)

define variant_rules
cc_$(1) ?= $$(CC)
dir_$(1) := $(B)/$(1)

# Changed flags or another compiler rebuild the variant: everything depends on this file.
$(B)/$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$$(subst ','\'',$$(cc_$(1)) $$(CPPFLAGS) $$(BASEFLAGS) $$(cflags_$(1)) $$(CFLAGS))' \
	    > $$@.new.$$$$; cmp -s $$@.new.$$$$ $$@ && rm -f $$@.new.$$$$ || mv $$@.new.$$$$ $$@

$(B)/$(1)/obj/%.o: %.c $(B)/$(1)/flags | deps-build
	$$(call say,CC)
	@mkdir -p $$(@D)
	$$(Q)$$(cc_$(1)) $$(CPPFLAGS) $$(PKG_CFLAGS) $$(BASEFLAGS) $$(cflags_$(1)) $$(CFLAGS) \
	    -MMD -MP -c -o $$@ $$<

# Tests may convert and shadow freely, and see their own helpers.
$(B)/$(1)/obj/tests/%.o: tests/%.c $(B)/$(1)/flags | deps-build
	$$(call say,CC)
	@mkdir -p $$(@D)
	$$(Q)$$(cc_$(1)) $$(CPPFLAGS) -Itests/unit $$(PKG_CFLAGS) $$(BASEFLAGS) $$(cflags_$(1)) $$(CFLAGS) \
	    -Wno-conversion -Wno-sign-conversion -Wno-shadow -MMD -MP -c -o $$@ $$<

$(foreach f,$(FOLDERS),$(call archive,$(1),$(f),$(wildcard proxy/$(f)/*.c)))
$(call archive,$(1),admin,$(ADMIN_SRC))
$(call archive,$(1),bench,$(filter-out bench/main.c,$(BENCH_SRC)))

$(bin_$(1))/sluice: $(call objects,$(1),$(MAIN_SRC)) $(call libs,$(1),$(needs_admin))
	$$(call link,$(1),sluice)
$(bin_$(1))/sluicectl: $(call objects,$(1),$(CTL_SRC) $(PROTO_SRC)) $(call libs,$(1),base)
	$$(call link,$(1),sluicectl)
$(bin_$(1))/sluice-bench: $(call objects,$(1),$(BENCH_SRC) $(PROTO_SRC)) $(call libs,$(1),wire base)
	$$(call link,$(1),sluice-bench)
endef

objects = $(patsubst %.c,$(B)/$(1)/obj/%.o,$(2))
libs    = $(patsubst %,$(B)/$(1)/lib/%.a,$(2))

# archive VARIANT NAME SOURCES; an empty one is fine, its folder just has no code yet.
define archive
$(B)/$(1)/lib/$(2).a: $(call objects,$(1),$(3)) | deps-build
	$$(call say,AR)
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && $$(AR) rcsD $$@ $$(filter %.o,$$^)

endef

# link VARIANT LIBS-OF; the archives call each other, so they are one group.
define link
$(call say,LD)
@mkdir -p $(@D)
$(Q)$(cc_$(1)) $(BASEFLAGS) $(cflags_$(1)) $(ldflags_$(1)) $(LDFLAGS) -o $@ $(filter %.o,$^) \
    -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -Wl,--as-needed $(LIBS_$(2)) $(EXTRA_LIBS) -lm
endef

$(foreach v,$(VARIANTS),$(eval $(call variant_rules,$(v))))

FORCE:
-include $(wildcard $(foreach v,$(VARIANTS),$(B)/$(v)/obj/*/*.d $(B)/$(v)/obj/*/*/*.d \
                                            $(B)/$(v)/obj/*/*/*/*.d))

# --- targets -----------------------------------------------------------------------------------------

.PHONY: all deps deps-build help install clean FORCE

## all: build the programs (V=release, asan or tsan); plain `make` does this
all: $(PROGRAMS:%=$(bin_$(V))/%)

## deps: install what building, testing and the demo need (Debian 12 and later)
deps:
	@tests/deps install build test demo

# Order-only before every compilation: a look, and an installation only when something is missing.
deps-build:
	@tests/deps check build || tests/deps install build

## install: programs, man pages, sample configuration, service unit (DESTDIR=, PREFIX=)
install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)/etc/sluice \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8 \
	    $(DESTDIR)$(PREFIX)/share/doc/sluice
	install -m 755 $(bin_$(V))/sluice $(DESTDIR)$(PREFIX)/sbin/sluice
	install -m 755 $(filter-out %/sluice,$(PROGRAMS:%=$(bin_$(V))/%)) $(DESTDIR)$(PREFIX)/bin/
	$(foreach s,1 5 8,$(if $(wildcard docs/man/*.$(s)),install -m 644 $(wildcard docs/man/*.$(s)) \
	    $(DESTDIR)$(PREFIX)/share/man/man$(s)/ &&)) true
	$(if $(wildcard conf/*.yaml),install -m 644 $(wildcard conf/*.yaml) \
	    $(DESTDIR)$(PREFIX)/share/doc/sluice/)
	sed 's|@PREFIX@|$(PREFIX)|g' conf/sluice.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/sluice.service

## clean: remove what was built; the unpacked servers in build/mysql and build/peers stay
clean:
	rm -rf $(filter-out $(B)/mysql $(B)/peers,$(wildcard $(B)/*))

## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' $(MAKEFILE_LIST) | sort -u | awk -F'\t' '{printf "  %-10s %s\n", $$1, $$2}'

include $(wildcard tests/*.mk)
