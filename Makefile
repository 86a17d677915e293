.PHONY: run build test check bench fuzz clean

# Starts the server on 127.0.0.1:7070 with its data in ./tiebreak-data.
run:
	cargo run --release --package tiebreak-server --bin tiebreak -- serve

build:
	cargo build --release --package tiebreak-server

# Installs what the tests need (Debian packages, npm packages) and runs everything.
test:
	tests/setup
	$(MAKE) check
	cargo build --workspace --all-targets
	cargo test --workspace
	npm --prefix tests/interop test

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# Measures this server next to a bare WebSocket broadcast; `make bench ARGS="--help"` lists more.
bench:
	cargo build --release --package tiebreak-server --package tiebreak-bench
	target/release/tiebreak-bench run $(ARGS)

clean:
	cargo clean
