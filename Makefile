.PHONY: run build web test check deny bench fuzz clean

# Starts the server on 127.0.0.1:7070 with its data in ./tiebreak-data, and prints where its demo is.
run: web
	cargo run --release --package tiebreak-server --bin tiebreak -- serve

build: web
	cargo build --release --package tiebreak-server

# The page of the demo, which the server embeds: built when its sources have changed. Needs Node.
web:
	server/web/build

# Installs what the tests need (Debian packages, npm packages) and runs everything.
test:
	tests/setup
	$(MAKE) check
	cargo build --workspace --all-targets
	tests/as-root cargo test --workspace
	npm --prefix tests/interop test
	npm --prefix client-sdk/js test
	npm --prefix tests/browser test

check: web
	cargo fmt --all --check
	npm --prefix server/web run --silent check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	tests/surface

# What may enter the dependency tree: licences, sources, known vulnerabilities. Asks the network for the last.
deny:
	@cargo deny --version >/dev/null 2>&1 || { echo "install it first: cargo install --locked cargo-deny"; exit 1; }
	cargo deny check

# Feeds the gatekeeper with made-up bytes until it is stopped; `make fuzz ARGS=-max_total_time=60` for a minute.
fuzz:
	@cargo +nightly fuzz --version >/dev/null 2>&1 || { \
	  echo "needs a nightly toolchain and cargo-fuzz: rustup toolchain install nightly; cargo install --locked cargo-fuzz"; \
	  exit 1; }
	cd crates/document && cargo +nightly fuzz run gatekeeper -- $(ARGS)

# Measures this server next to a bare WebSocket broadcast; `make bench ARGS="--help"` lists more.
bench:
	bench/data
	cargo build --release --package tiebreak-server --package tiebreak-bench
	target/release/tiebreak-bench run $(ARGS)

clean:
	cargo clean
