# The steps of `.ci/run`, one by one: `just --list`.

set shell := ["bash", "-euo", "pipefail", "-c"]

_default:
    @just --list --unsorted

# Cargo.lock is current
lock:
    cargo metadata --locked --format-version 1 >/dev/null

# The sources are formatted
format:
    cargo fmt --all --check

# No warnings
clippy:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# The documentation builds, and its links lead somewhere
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

# Licenses, sources, duplicates and advisories of the dependencies
deny:
    #!/usr/bin/env bash
    set -euo pipefail
    if cargo deny --locked fetch db; then
        cargo deny --locked check
    else
        cargo deny --locked check bans licenses sources
        echo "ADVISORIES WERE NOT CHECKED: their database could not be fetched."
    fi

# No dependency needs a newer Rust than the library says
oldest-rust:
    #!/usr/bin/env bash
    set -euo pipefail
    # Clippy knows what std had in that version; this reads what the dependencies declare.
    cargo metadata --format-version 1 --all-features | python3 -c '
    import json, sys
    packages = json.load(sys.stdin)["packages"]
    needs = {p["name"]: [int(part) for part in (p["rust_version"] or "1.0").split(".")[:2]] for p in packages}
    newer = [name for name in needs if needs[name] > needs["kinto-client"]]
    sys.exit(f"these need a newer Rust than kinto-client says: {newer}" if newer else 0)'

# The library builds without warnings with each feature alone
each-feature:
    #!/usr/bin/env bash
    set -euo pipefail
    features=$(cargo metadata --no-deps --format-version 1 | python3 -c '
    import json, sys
    for package in json.load(sys.stdin)["packages"]:
        if package["name"] == "kinto-client":
            print(*sorted(package["features"].keys() - {"default"}))')
    for feature in '' $features; do
        echo "-- ${feature:-none}"
        cargo clippy -p kinto-client --no-default-features --features "$feature" -- -D warnings
    done

# All tests
test:
    cargo test --workspace --no-fail-fast

# The simulation, for longer than among all tests
simulation:
    KINTO_SIM_SECONDS=60 cargo test --workspace --test simulation

# The number of simulated operations a second, by a program that is optimized across all crates
simulation-speed:
    KINTO_SIM_SECONDS=60 cargo test --profile measured -p kinto-tests --test simulation

# One module of the behaviour suite: `just behaviour batch::`
behaviour filter='':
    cargo test -p kinto-tests --test behaviour -- {{filter}}

# The behaviour suite on PostgreSQL, without the tests that name their backend themselves
test-postgresql:
    KINTO_TEST_BACKEND=postgresql cargo test --workspace --test behaviour --test network --no-fail-fast -- --skip ::memory --skip ::postgresql

# The rules of ARCHITECTURE.md
architecture:
    cargo test -p kinto-tests --test architecture

# An application of a user, and its tests with `testing`
application:
    cargo fmt --manifest-path tests/application/Cargo.toml --check
    cargo test --manifest-path tests/application/Cargo.toml --target-dir target/application --locked

# The packages, as a user gets them
packages:
    cargo run -p kinto-tests --bin package

# A minute of use with faults; hours with KINTO_SOAK_SECONDS
soak:
    KINTO_SOAK_SECONDS="${KINTO_SOAK_SECONDS:-60}" cargo test --workspace --test soak

# The program of the README
example:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo run --example todo 2> >(tee target/example.txt >&2)
    if grep "this one is in memory" target/example.txt; then exit 1; fi

# public-api.txt is current (needs a nightly toolchain)
public-api:
    .ci/public-api --check

# Writes public-api.txt anew
bless-public-api:
    .ci/public-api

# Spelling
typos:
    typos
