# make demo and make test are all that a fresh machine with Swift needs; each installs what is missing.
PREFIX ?= /usr/local
CONFIGURATION = release
COMPLETIONS = $(DESTDIR)$(PREFIX)/share
BUILT = .build/$(CONFIGURATION)
SWIFT_BUILD = swift build -c $(CONFIGURATION) --static-swift-stdlib

.PHONY: all setup build demo test soak bench format check install clean
all: build

# The Debian packages that building, the demo and the tests need; says what it installs.
setup:
	@scripts/setup

build: setup
	$(SWIFT_BUILD) --product las
	$(SWIFT_BUILD) --product las-runtime
	$(SWIFT_BUILD) --product las-conductor

# The main job: a metro packed with all its tools, shipped over ssh to a bare host, run there, its results brought back.
demo: build
	scripts/demo $(BUILT)/las

test: build
	scripts/test

# What takes longer than a test should; run before a release.
soak: build
	LAS_SOAK=1 scripts/test

bench: build
	@for script in Benchmarks/*.sh; do [ -e "$$script" ] || continue; echo "== $$script"; LAS=$(BUILT)/las bash "$$script" || exit 1; done

format:
	swift format -i -r Package.swift Sources runtime conductor Tests

check: setup
	swift format lint -s -r Package.swift Sources runtime conductor Tests
	swift build -Xswiftc -warnings-as-errors

install: build
	install -D -m 0755 $(BUILT)/las $(DESTDIR)$(PREFIX)/bin/las
	install -D -m 0755 $(BUILT)/las-runtime $(DESTDIR)$(PREFIX)/libexec/las/las-runtime
	install -D -m 0755 $(BUILT)/las-conductor $(DESTDIR)$(PREFIX)/libexec/las/las-conductor
	mkdir -p $(DESTDIR)$(PREFIX)/share/las
	cp -r --no-preserve=ownership bundle-templates $(DESTDIR)$(PREFIX)/share/las/
	mkdir -p $(COMPLETIONS)/bash-completion/completions $(COMPLETIONS)/zsh/site-functions $(COMPLETIONS)/fish/vendor_completions.d
	$(BUILT)/las completion bash > $(COMPLETIONS)/bash-completion/completions/las
	$(BUILT)/las completion zsh > $(COMPLETIONS)/zsh/site-functions/_las
	$(BUILT)/las completion fish > $(COMPLETIONS)/fish/vendor_completions.d/las.fish

clean:
	swift package clean
