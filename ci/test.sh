#!/usr/bin/env bash
# The test command: everything that shows the engine is right, on this machine.
#
# Installs the cross compilers and oracles it needs when it can (root and apt-get), and names each check it
# has to skip without them. With REQUIRE=1 a skipped check is a failure. FULL=0 leaves out the long runs.
# Corner operands are complete, random tests as on every day: CAUSALITY_FULL=1 COUNT=200 is everything.
set -euo pipefail
cd "$(dirname "$0")/.."

ci/install.sh

if [ "${REQUIRE:-0}" = 1 ]; then
    export CAUSALITY_REQUIRE_ORACLES=1
fi
if [ "${FULL:-1}" = 1 ]; then
    export CAUSALITY_FULL=${CAUSALITY_FULL:-corners}
fi
# Programs that must not compile must not for the reason they give, which rustdoc sees to for those who may use what is unstable.
RUSTDOC=$PWD/ci/rustdoc.sh cargo test --workspace --locked
cargo test -p causality-store --features object-store --test external --locked

cargo build --release --locked
ci/guests.sh
if [ "${FULL:-1}" = 1 ]; then
    ci/real-programs.sh
    COUNT=${COUNT:-60} ci/csmith.sh
fi
