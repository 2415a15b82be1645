#!/usr/bin/env bash
# rustdoc as ci/test.sh has cargo use it: it compares the error codes of programs that must not compile, which that of a
# stable toolchain does only if it may use what is unstable.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
