#!/usr/bin/env bash
# What fuzz targets are compiled with (RUSTC_WRAPPER): coverage is of what is tested, not of the compiler that this uses.
#
# Cranelift's edges and comparisons would otherwise be most of what the fuzzer follows, and most of its time.
set -euo pipefail

case ${CARGO_PKG_NAME:-} in
cranelift-* | regalloc2) ;;
*) exec "$@" ;;
esac

kept=()
for argument in "$@"; do
    case $argument in
    -Cpasses=sancov-module | -Cllvm-args=-sanitizer-coverage-*) ;;
    *) kept+=("$argument") ;;
    esac
done
exec "${kept[@]}"
