# libmim -- make, make test, make demo, make bench, make install; make help prints these lines; see README.md.
# Everything is made under $(BUILD). The list of sources is lib/sources.txt; meson.build reads it too.
#
#     make -j4 && make test                    libraries and examples; every check
#     make CC=clang BUILD=build/clang test     another compiler, other flags: a folder of its own
#     make CC=aarch64-linux-gnu-gcc NM=aarch64-linux-gnu-nm STRIP=aarch64-linux-gnu-strip \
#          EMULATOR="qemu-aarch64 -L /usr/aarch64-linux-gnu" BUILD=build/neon test
#     make OPENMP=1 BUILD=build/openmp         threads of the OpenMP runtime instead of our own
#     make install prefix=/usr DESTDIR=/tmp/package
#     make single                              the whole library as build/single/mim.c and mim.h
#     make demo                                a minute of training on drawn pictures: build/demo/*.png
#     make suite                               the tests of lib/ alone, without the one-file form and the examples
#     make layers header symbols               rules for includes, the header by itself, what is exported and called
#     make options                             docs/options.md anew, from the tables of options
#     make bench charts                        how fast it is; the charts of docs/performance.md
#     make fuzz FUZZ_SECONDS=20                readers of files fed with nonsense
BUILD   ?= build
CC      ?= cc
AR      ?= ar
INSTALL ?= install
NM      ?= nm
STRIP   ?= strip
CFLAGS   ?= -O2
WARN    ?= -Wall -Wextra -Wpedantic
ROOMS   ?= base kernel graph op image masker encoder head optimizer io evaluate train
FUZZ_SECONDS ?= 20

prefix     ?= /usr/local
libdir     ?= $(prefix)/lib
includedir ?= $(prefix)/include
licensedir ?= $(prefix)/share/licenses/libmim

VERSION := $(shell awk '/define MIM_VERSION_(MAJOR|MINOR|PATCH)/ { v = v d $$3; d = "." } END { print v }' include/mim.h)
SONAME  := libmim.so.$(firstword $(subst ., ,$(VERSION)))
SHARED  := $(BUILD)/libmim.so.$(VERSION)
THREADS := -pthread $(if $(OPENMP),-fopenmp)
FLAGS   := -std=c11 -ffp-contract=off -fvisibility=hidden $(THREADS) -ffile-prefix-map=$(CURDIR)=. -Iinclude -Ilib
COMPILE  = $(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS) $(WARN) -MMD -MP
LINK     = $(CC) $(THREADS) $(CFLAGS) $(LDFLAGS)

LISTED  := $(filter $(addsuffix /%,$(ROOMS)),$(shell cat lib/sources.txt))
OBJECTS := $(LISTED:%.c=$(BUILD)/lib/%.o)

# Tests: a program for each test_*.c, linked with the library and, a second time, with the one-file form.
# tests/bench/*.c, fuzz_*.c, replay.c and export.c are programs too. tests/support/*.c is there for all of them.
TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard $(foreach r,$(ROOMS),tests/$(r)/test_*.c) \
             $(if $(filter train,$(ROOMS)),tests/api/test_*.c)))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY  := $(BUILD)/tests/golden/replay
EXPORT  := $(BUILD)/tests/golden/export
OPTIONS := $(BUILD)/tests/api/print_options
FIXTURES = $(sort $(dir $(wildcard tests/golden/fixtures/*/model.safetensors)))
# Tests that bring option tables of their own replace the library's, which only an archive allows.
REPLACE := $(shell grep -l '"support/tables.h"' tests/*/test_*.c)
ALONE   := $(patsubst $(BUILD)/%,$(BUILD)/single/%,$(filter-out $(REPLACE:%.c=$(BUILD)/%),$(TESTS)) $(REPLAY))
SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))

# Examples: examples/NAME.c, or all of examples/NAME/*.c, or both; examples/support/*.c is there for all of them.
HELPERS  := $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard examples/support/*.c))
EXAMPLES := $(sort $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/*.c)) \
              $(patsubst examples/%/,$(BUILD)/examples/%,$(filter-out examples/support/,$(dir $(wildcard examples/*/*.c)))))
objects_of = $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard examples/$(1).c examples/$(1)/*.c))

all: libs $(EXAMPLES)
help:
	@sed -n '1,/^[^#]/s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))
libs: $(BUILD)/libmim.a $(BUILD)/libmim.so

# ---- The library ----

$(BUILD)/lib/%.o: lib/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -DMIM_BUILD -fPIC -c -o $@ $<

$(BUILD)/libmim.a: $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(SHARED): $(OBJECTS) $(BUILD)/linker
	$(LINK) -shared $$(cat $(BUILD)/linker) -o $@ $(OBJECTS) $(LDLIBS) -lm

$(BUILD)/$(SONAME): $(SHARED)
	ln -sf $(<F) $@

$(BUILD)/libmim.so: $(BUILD)/$(SONAME)
	ln -sf $(<F) $@

# A change of compiler or flags makes everything anew.
$(BUILD)/flags: $(if $(filter-out install uninstall,$(or $(MAKECMDGOALS),all)),FORCE)
	@mkdir -p $(@D)
	@echo '$(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS) $(WARN)' | cmp -s - $@ || \
	 echo '$(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS) $(WARN)' > $@

# Of the flags we would like, those this linker takes (sanitizers of clang, for one, do not go with -z defs).
$(BUILD)/linker: $(BUILD)/flags
	@echo 'int mim_probe(int *p); int mim_probe(int *p) { return *p; }' > $@.c
	@for f in -Wl,-soname,$(SONAME) -Wl,-z,defs -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,-Bsymbolic-functions; do \
	    $(LINK) -shared -fPIC $$f -o $@.so $@.c 2>/dev/null && echo $$f; done > $@; rm -f $@.c $@.so

# ---- The one-file form ----

single: $(BUILD)/single/mim.c $(BUILD)/single/mim.h
$(BUILD)/single/mim.h: include/mim.h
	@mkdir -p $(@D)
	cp $< $@
$(BUILD)/single/mim.c: lib/single.awk lib/sources.txt $(LISTED:%=lib/%) $(wildcard lib/*/*.h)
	@mkdir -p $(@D)
	printf '%s\n' $(LISTED) | awk -f lib/single.awk > $@.part
	mv $@.part $@
$(BUILD)/single/mim.o: $(BUILD)/single/mim.c $(BUILD)/single/mim.h $(BUILD)/flags
	$(CC) $(THREADS) $(CFLAGS) -c -o $@ $<

# ---- Tests ----

$(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -Itests -c -o $@ $<
$(BUILD)/tests/fuzz/%.o: tests/fuzz/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -Itests -DFUZZ_MAIN -c -o $@ $<
$(BUILD)/tests/libsupport.a: $(SUPPORT)
	@rm -f $@
	$(AR) rcs $@ $^

BESIDE := $(if $(SUPPORT),$(BUILD)/tests/libsupport.a)
$(TESTS) $(BENCHES) $(FUZZERS) $(REPLAY) $(EXPORT) $(OPTIONS): %: %.o $(BESIDE) $(BUILD)/libmim.a
	$(LINK) -o $@ $^ $(LDLIBS) -lm
$(BUILD)/tests/bench/draw: $(BUILD)/objects/libexample.a
$(ALONE): $(BUILD)/single/%: $(BUILD)/%.o $(BESIDE) $(BUILD)/single/mim.o
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LDLIBS) -lm

RUN     = EMULATOR='$(EMULATOR)' sh tests/support/run.sh
GOLDEN  = $(if $(FIXTURES),'$(1) $(FIXTURES)' '$(1) --bf16 $(FIXTURES)')
CHECKS  = "sh tests/support/layers.sh '$(CC)'" "sh tests/api/header/check.sh '$(CC)' '$(CXX)'" \
          "sh tests/support/symbols.sh $(BUILD) '$(NM)' '$(STRIP)'" "sh -c '$(OPTIONS) | cmp - docs/options.md'" \
          "sh tests/api/programs.sh $(BUILD)"
SUITE   = $(foreach t,$(TESTS),'$t') $(call GOLDEN,$(REPLAY))
AGAIN   = $(foreach t,$(filter-out %/replay,$(ALONE)),'$t') $(call GOLDEN,$(filter %/replay,$(ALONE)))
tests: $(TESTS)
suite: $(TESTS) $(REPLAY) $(EXPORT)
	@$(RUN) $(SUITE)
test: libs $(TESTS) $(REPLAY) $(ALONE) $(OPTIONS) $(EXAMPLES)
	@$(RUN) $(CHECKS) $(SUITE) -- $(AGAIN)

options: $(OPTIONS)
	$(OPTIONS) > docs/options.md
layers:
	@sh tests/support/layers.sh '$(CC)'
header:
	@sh tests/api/header/check.sh '$(CC)' '$(CXX)'
symbols: libs
	@sh tests/support/symbols.sh $(BUILD) '$(NM)' '$(STRIP)'
# A short look, about two minutes, the limits of the machine first and last: where they differ, so may what is between.
QUICK = peak 'gemm 1 best 3' 'attention 1 best 197' 'ops simmim_vit_ti_cifar' \
        $(foreach p,f32 bf16,'step simmim_vit_ti_cifar --batch 64 --precision $p' \
                             'step simmim_vit_b --batch 8 --precision $p') 'data --seconds 0.1' startup peak
bench: $(BENCHES)
	@for b in $(QUICK); do echo "== $$b"; $(EMULATOR) $(BUILD)/tests/bench/$$b || exit 1; done
# Some ten minutes on a machine that does nothing else.
charts: $(patsubst %,$(BUILD)/tests/bench/%,sweep budget draw)
	$(BUILD)/tests/bench/sweep > $(BUILD)/sweep.csv
	@for w in batch tokens width; do $(BUILD)/tests/bench/draw $(BUILD)/sweep.csv docs/pictures/step_$$w.png \
	    --where what=$$w --x value --x-name $$w --log-x --y of_limit --y-name 'of limit' --from-zero --by precision \
	    --title "Training step by $$w: share of the multiply-add limit" || exit 1; done
	@for p in f32 bf16; do $(BUILD)/tests/bench/budget simmim_vit_b --threads 2 --precision $$p --steps 2; done | \
	    awk 'NR == 1 || !/^precision/' > $(BUILD)/budget.csv
	$(BUILD)/tests/bench/draw $(BUILD)/budget.csv docs/pictures/budget.png \
	    --x of_bytes --x-name 'share of activations kept' --y of_seconds --y-name 'of the seconds' \
	    --from-zero --by precision --title 'ViT-B: time of a step by what a budget keeps'
fuzz: $(FUZZERS)
	@EMULATOR='$(EMULATOR)' sh tests/support/fuzz.sh $(FUZZ_SECONDS) $(FUZZERS)

# ---- Examples ----

$(BUILD)/objects/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<
$(BUILD)/objects/libexample.a: $(HELPERS)
	@rm -f $@
	$(AR) rcs $@ $^
.SECONDEXPANSION:
$(EXAMPLES): $(BUILD)/examples/%: $$(call objects_of,%) $(if $(HELPERS),$(BUILD)/objects/libexample.a) $(BUILD)/libmim.a
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LDLIBS) -lm
demo: $(BUILD)/examples/demo
	@mkdir -p $(BUILD)/demo
	$(EMULATOR) $(BUILD)/examples/demo $(BUILD)/demo

# ---- Installing ----

install: libs
	$(INSTALL) -d $(DESTDIR)$(includedir) $(DESTDIR)$(libdir)/pkgconfig $(DESTDIR)$(licensedir)
	$(INSTALL) -m 644 include/mim.h $(DESTDIR)$(includedir)/
	$(INSTALL) -m 644 $(BUILD)/libmim.a $(DESTDIR)$(libdir)/
	$(INSTALL) -m 755 $(SHARED) $(DESTDIR)$(libdir)/
	ln -sf libmim.so.$(VERSION) $(DESTDIR)$(libdir)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libmim.so
	sed -e 's|@prefix@|$(prefix)|; s|@libdir@|$(libdir)|; s|@includedir@|$(includedir)|; s|@version@|$(VERSION)|' \
	    -e 's|@libs_private@|-lm -pthread'"$$(grep -q -- ' -fopenmp ' $(BUILD)/flags && echo ' -fopenmp')"'|' \
	    pkgconfig/mim.pc.in > $(BUILD)/mim.pc
	$(INSTALL) -m 644 $(BUILD)/mim.pc $(DESTDIR)$(libdir)/pkgconfig/
	$(INSTALL) -m 644 LICENSE $(DESTDIR)$(licensedir)/
uninstall:
	rm -f $(DESTDIR)$(includedir)/mim.h $(DESTDIR)$(libdir)/pkgconfig/mim.pc $(DESTDIR)$(licensedir)/LICENSE
	rm -f $(addprefix $(DESTDIR)$(libdir)/,libmim.a libmim.so $(SONAME) libmim.so.$(VERSION))

clean:
	rm -rf $(BUILD)

FORCE:
.SECONDARY:
.PHONY: all help libs single tests suite test layers options header symbols bench charts fuzz demo install uninstall clean FORCE
-include $(shell find $(BUILD)/lib $(BUILD)/tests $(BUILD)/objects -name '*.d' 2>/dev/null)
