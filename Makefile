# The targets that people and CI share; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# cargo-nextest is used where it is installed; cargo test does the same work otherwise.
NEXTEST := $(shell command -v cargo-nextest)
# End-to-end tests (loadtests/tests) start whole systems: one at a time, so that two cores suffice.
E2E := package(farcast-loadtests) & kind(test)
E2E_THREADS ?= 1
# Seconds that `make fuzz` gives each target.
FUZZ_SECONDS ?= 60

# Whether a FoundationDB server can be started here; its packages put it into /usr/sbin.
FDBSERVER := PATH="$$PATH:/usr/sbin" command -v fdbserver >/dev/null
FDBCLIENT := infra/foundationdb/has-client.sh

# Tests of HEVC and AV1 need a newer ffmpeg than Debian's; setup-test brings it.
ENHANCED := export FARCAST_ENHANCED_FFMPEG="$${FARCAST_ENHANCED_FFMPEG-$$(compgen -G "$$PWD/target/tools/imageio_ffmpeg/binaries/ffmpeg-*" || true)}"
# So does the GeoIP file that a test reads.
GEOIP := export FARCAST_GEOIP="$${FARCAST_GEOIP-$$(compgen -G "$$PWD/target/tools/geoip/node_modules/@ip-location-db/*/dbip-country.mmdb" || true)}"
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
WEB := shared/web
PLAYER := $(WEB)/dist/viewer/index.html
WEB_SOURCES := $(shell find $(WEB)/admin $(WEB)/common $(WEB)/player $(WEB)/viewer -type f -not -name schema.d.ts) \
  $(wildcard $(WEB)/*.json $(WEB)/*.ts $(WEB)/*.js) openapi.yaml

##@ Run
.PHONY: demo run demo-failover
demo: ## An origin and two edges with a moving test picture; Ctrl-C stops all of it
	@exec infra/demo.sh

demo-failover: ## An edge is killed, another drained, under a Chromium that plays on
	@exec infra/failover-demo.sh

run: ## The same without the picture, for OBS; prints the RTMP address and the stream key
	@exec infra/demo.sh --no-picture

##@ Build
.PHONY: setup setup-test build web
setup: ## Install what is missing to build and run
	@infra/setup.sh

setup-test: ## Install what is missing to run the tests as well
	@infra/setup.sh --test

build: setup $(PLAYER) ## Release binaries, in target/release
	cargo build --workspace --bins --release

web: setup $(PLAYER) ## The pages, in shared/web/dist

# Edges embed the page, so it comes before every compilation.
$(PLAYER): $(WEB_SOURCES)
	@infra/setup.sh
	cd $(WEB) && npm run build

# Of release builds, or of the programs in FARCAST_BIN_DIR.
.PHONY: dist
dist: setup $(PLAYER) ## Debian packages of origin and edge, a tarball, bills of materials: target/dist
	infra/dist.sh

##@ Test
.PHONY: test test-deployment test-dist test-rust test-web test-e2e test-api test-browser test-pages test-pages-lighthouse test-pages-memory test-sources test-sources-quick test-attacks test-attacks-quick test-dashboards test-docs test-nearest test-containers test-small test-foundationdb screenshots
test: setup-test test-web test-rust test-e2e test-api test-browser test-pages test-attacks-quick test-dashboards ## All tests
	@untested() { printf '\n*** %s ***\n*** %s ***\n' "The store was tested embedded and over QUIC, NOT on FoundationDB: $$1." "$$2"; }; \
	if [ -n "$${FDB_CLUSTER_FILE-}" ]; then $(MAKE) test-foundationdb; \
	elif ! $(FDBSERVER); then untested "there is no cluster" \
	  "Name one by FDB_CLUSTER_FILE, or install an fdbserver: infra/foundationdb/README.md."; \
	elif ! $(FDBCLIENT); then untested "an fdbserver is installed, but its client library cannot be used" \
	  "What is missing is said above: infra/foundationdb/README.md."; \
	else $(MAKE) test-foundationdb; fi

test-rust: $(PLAYER) ## Unit and integration tests of all crates, and documentation examples
ifdef NEXTEST
	$(ENHANCED); $(GEOIP); cargo nextest run --workspace -E 'not ($(E2E))'
else
	$(ENHANCED); $(GEOIP); cargo test --workspace --exclude farcast-loadtests --lib --bins --tests
	cargo test -p farcast-loadtests --lib --bins
endif
	cargo test --workspace --doc

test-web: setup $(PLAYER) ## Unit tests of the web pages, and how much viewers load
	cd $(WEB) && npm run generate && npm test && npm run budget

test-e2e: $(PLAYER) ## End-to-end tests: real programs, real ffmpeg, on free ports
	cargo build --workspace --bins
ifdef NEXTEST
	cargo nextest run --workspace -E '$(E2E)' --test-threads $(E2E_THREADS)
else
	cargo test -p farcast-loadtests --test '*' -- --test-threads $(E2E_THREADS)
endif

# Five minutes, as root. FARCAST_BIN_DIR=target/debug takes those programs, and compiles nothing.
test-deployment: $(PLAYER) ## Three machines from packages: joined, HTTPS by ACME, upgraded under viewers, Owncast taken over, lost and restored
	@infra/setup.sh --test
	@infra/setup.sh --test-dist
	$(if $(FARCAST_BIN_DIR),,cargo build --workspace --bins --release)
	loadtests/test-deployment.sh

# Some minutes, as root, so not in CI. FARCAST_BIN_DIR=target/debug takes those programs, and compiles nothing.
test-dist: $(PLAYER) ## Whether the packages can be installed into an empty Debian, joined, played from, upgraded and purged
	@infra/setup.sh --test-dist
	loadtests/test-dist.sh

# Some eight minutes, as root, so not in CI. FARCAST_NEAREST_CLIENTS is how many viewers lose their edge.
test-nearest: $(PLAYER) ## Edges and viewers in namespaces far from each other: who is led where, edges killed and drained
	cargo build --workspace --bins
	FARCAST_NEAREST=required cargo test -p farcast-loadtests --test nearest -- --ignored --nocapture --test-threads 1

# A quarter of an hour the first time, as root, with podman, so not in CI. CONTAINERS="--keep" leaves what it made running.
CONTAINERS ?=
test-containers: setup ## The images: built, started as in compose.yaml with a read-only root, published to, watched, stopped
	infra/docker/test.sh $(CONTAINERS)

# Three minutes, as root. Says so and passes where no control group can be made.
test-small: $(PLAYER) ## An edge and an origin in 512 MiB each, with a thousand viewers, chatters and readers that stop
	cargo build --workspace --bins --release
	loadtests/test-small.sh "$(abspath $(RELEASE))"

test-api: $(PLAYER) ## The HTTP API of running programs, judged by openapi.yaml
	cargo build --workspace --bins
	loadtests/test-api.sh

# PAGES="--only talk --strict" chooses scenes, and lets times count.
PAGES ?=
test-pages: $(PLAYER) ## The viewer and admin pages as viewers, talkers, moderators and owners use them, in a real Chromium on two edges
	cargo build --workspace --bins
	cd loadtests/browser && npm ci --no-audit --no-fund && node pages.js $(PAGES)

# Not in CI, since Lighthouse is large. LIGHTHOUSE="--strict" judges the speed as well, on a machine that does
# nothing else. Reports go to loadtests/browser/out/lighthouse, which is not committed.
LIGHTHOUSE ?=
test-pages-lighthouse: $(PLAYER) ## Lighthouse's judgement of the viewer page, offline and live, the admin login and the dashboard
	cargo build --workspace --bins
	cd loadtests/browser && npm ci --no-audit --no-fund && npm ci --no-audit --no-fund --prefix lighthouse && \
	  node lighthouse $(LIGHTHOUSE)

# MINUTES of a broadcast that is watched; not in CI, since it takes that long.
MINUTES ?= 60
test-pages-memory: $(PLAYER) ## Whether a viewer page that is left open for an hour keeps the memory that it has
	cargo build --workspace --bins
	cd loadtests/browser && npm ci --no-audit --no-fund && npm test && node memory.js --minutes $(MINUTES)

test-browser: $(PLAYER) ## The player page in a real Chromium, over a real broadcast
	cargo build --workspace --bins
	cd loadtests/browser && npm ci --no-audit --no-fund && npm test && node . --seconds 10
	cd loadtests/sources && npm test

# Half an hour: a broadcast for each row, by release builds, since media comes in real time.
# SOURCES="--only NAME --only 'hevc*'" chooses rows.
SOURCES ?=
test-sources: $(PLAYER) ## A broadcast of each way of sending each kind of media, judged in Chromium, by ffprobe and farcast-load
	cargo build --workspace --bins --release
	cd loadtests/browser && npm ci --no-audit --no-fund
	$(ENHANCED); export FARCAST_BIN_DIR="$(abspath $(RELEASE))"; cd loadtests/sources && npm test && node . $(SOURCES)

test-sources-quick: ## The same for six of them
	@$(MAKE) test-sources SOURCES=--quick

# A quarter of an hour. ATTACKS="--only NAME --only 'chat*'" chooses rows.
ATTACKS ?=
test-attacks: $(PLAYER) ## Attacks by strangers on a server on the air, of each kind, and their effect on everybody else
	cargo build --workspace --bins --release
	export FARCAST_BIN_DIR="$(abspath $(RELEASE))"; cd loadtests/attacks && npm test && node . $(ATTACKS)

test-attacks-quick: $(PLAYER) ## The same for six of them, a few seconds each
	cargo build --workspace --bins
	cd loadtests/attacks && npm test && node . --quick

test-dashboards: $(PLAYER) ## Alert rules, and what dashboards and alerts ask, asked of a real Prometheus on the air
	cargo build --workspace --bins
	cd loadtests/dashboards && npm test --silent && node .

# Some 75 s. DOCS="--only curl --logs" chooses commands.
DOCS ?=
test-docs: $(PLAYER) ## Every command, setting and link of README and infra, run on an origin and two edges where that can be
	cargo build --workspace --bins
	cd loadtests/docs && npm test --silent && node . $(DOCS)

# Needs libfdb_c too (infra/foundationdb/README.md). A cluster of its own is started where none is named and an fdbserver is
# installed. The second run of the suite has faults that FoundationDB's client makes up; tests of faults of the server start
# servers of their own, and are left out where there is no fdbserver.
test-foundationdb: setup $(PLAYER) ## The store, and Farcast on it, on the cluster that FDB_CLUSTER_FILE names, or a throw-away one
	@$(FDBCLIENT)
	@if [ -z "$${FDB_CLUSTER_FILE-}" ]; then exec infra/foundationdb/test-cluster.sh $(MAKE) test-foundationdb; fi; \
	[ -r "$$FDB_CLUSTER_FILE" ] || { echo "FDB_CLUSTER_FILE names no file that can be read" >&2; exit 1; }; \
	export FDB_CLUSTER_FILE="$$(realpath "$$FDB_CLUSTER_FILE")" PATH="$$PATH:/usr/sbin"; set -x; \
	cargo test -p farcast-store-fdb --features foundationdb --lib --test conformance; \
	FDB_NETWORK_OPTION_CLIENT_BUGGIFY_ENABLE= cargo test -p farcast-store-fdb --features foundationdb --test conformance; \
	if $(FDBSERVER); then cargo test -p farcast-store-fdb --features foundationdb --test faults -- --test-threads 1; \
	else echo "*** there is no fdbserver: faults of a server are NOT tested ***"; fi; \
	cargo build --bins -p farcast-origin -p farcast-edge --features foundationdb; \
	FARCAST_TEST_STORE="foundationdb:$$FDB_CLUSTER_FILE" cargo test -p farcast-loadtests --test e2e -- --include-ignored --test-threads 1

# Some minutes. Pictures go to loadtests/browser/out/shots, which is not committed; index.html there shows them all. EDGE is a
# running edge, of which the viewer page is taken as it is; SHOTS="--only phone-light" chooses.
EDGE ?=
SHOTS ?=
screenshots: $(PLAYER) ## Screenshots of the pages in every state, phone to 4K, light and dark, and one sheet of them all
	$(if $(EDGE),,cargo build --workspace --bins)
	cd loadtests/browser && npm ci --no-audit --no-fund && node shots.js $(if $(EDGE),--url $(EDGE)) $(SHOTS)

##@ Check
.PHONY: fmt lint lint-infra scoreboard audit doc ci check-foundationdb
fmt: setup ## Format everything
	cargo fmt --all
	cd $(WEB) && npm run format

lint: setup $(PLAYER) scoreboard ## Formatting, clippy and eslint with warnings denied, types, and the scoreboard
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cd $(WEB) && npm run typecheck && npm run lint

scoreboard: setup ## How readable the source is, in numbers; fails on long lines of documents, missing documentation, circles of imports
	cd loadtests/scoreboard && npm test --silent
	node loadtests/scoreboard

lint-infra: setup $(PLAYER) ## Whether images, compose, Kubernetes and unit files agree with the programs and with each other
	cargo build -p farcast-origin -p farcast-edge --bins
	cd loadtests/infra && npm ci --silent --no-audit --no-fund && npm test --silent
	node loadtests/infra
	@hadolint=target/tools/hadolint/bin/hadolint; if [ -x $$hadolint ]; then $$hadolint infra/docker/Dockerfile; \
	else echo "*** hadolint is missing (make setup-test): the Dockerfile was NOT judged by it ***"; fi

audit: setup-test ## Licences, sources and known advisories of crates and npm packages
	@infra/audit.sh

doc: $(PLAYER) ## Documentation for maintainers, private items included, with warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# Lint leaves the engine out, since programs with it link libfdb_c. To check it only takes headers, which come with the crate.
check-foundationdb: setup $(PLAYER) ## Clippy for the store's FoundationDB engine, with warnings denied
	cargo clippy -p farcast-store-fdb -p farcast-origin -p farcast-edge --features foundationdb --lib -- -D warnings
	cargo clippy -p farcast-store-fdb --features foundationdb --all-targets -- -D warnings

# One build profile throughout, so that nothing is compiled twice.
ci: ## What continuous integration runs: set-up, lint, audit, doc, test
	$(MAKE) setup-test
	$(MAKE) lint
	$(MAKE) lint-infra
	$(MAKE) audit
	$(MAKE) check-foundationdb
	$(MAKE) doc
	$(MAKE) test

##@ Measure
.PHONY: bench bench-latency bench-transcode bench-viewers bench-store bench-ranking bench-api bench-dns bench-chat fuzz
bench: bench-latency bench-transcode bench-viewers bench-store bench-ranking bench-api bench-dns bench-chat ## All benchmarks

bench-latency: $(PLAYER) ## How old the picture is in Chromium, at levels 2 and 0, for two minutes on each edge
	cargo build --workspace --bins --release
	cd loadtests/browser && npm ci --no-audit --no-fund && \
	  FARCAST_BIN_DIR=$(abspath $(RELEASE)) node . --strict --seconds 120

bench-transcode: $(PLAYER) ## CPU of our transcoder beside ffmpeg's
	loadtests/bench-transcode.sh

bench-viewers: $(PLAYER) ## 1,000 viewers on one edge for five minutes: breaches, stalls, parts' delay, memory
	cargo build --workspace --bins --release
	$(RELEASE)/farcast-load bench --clients 1000 --seconds 300

bench-store: $(PLAYER) ## Commits and reads per second of the store, embedded and over QUIC, beside the disk's pace
	cargo bench -p farcast-loadtests --bench store

bench-ranking: ## 10,000 edges ranked for one viewer, on one core
	cargo run --release -p farcast-routing --example rank_10000

bench-chat: $(PLAYER) ## 10,000 connections of the chat on one edge: memory, delay, order, losses
	cargo build --workspace --bins --release
	loadtests/bench-chat.sh

bench-api: $(PLAYER) ## Requests per second of /api/status and /api/config on one core, beside nginx
	cargo build --workspace --bins --release
	loadtests/bench-api.sh

bench-dns: ## DNS queries per second on one core, and CPU of each, beside Knot and NSD with the same zone
	cargo build --release -p farcast-dns --example serve_zone
	loadtests/bench-dns.sh

fuzz: ## A minute of fuzzing for each parser of hostile bytes (FUZZ_SECONDS=60)
	@cargo fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 1; }
	@cargo +nightly --version >/dev/null 2>&1 || \
	  { echo "fuzzing needs a nightly toolchain: rustup toolchain install nightly" >&2; exit 1; }
	@cd loadtests/fuzz && for target in $$(cargo +nightly fuzz list --fuzz-dir .); do \
	  echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
	  cargo +nightly fuzz run --fuzz-dir . "$$target" -- -max_total_time=$(FUZZ_SECONDS) -timeout=10; \
	done

##@ Help
.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
