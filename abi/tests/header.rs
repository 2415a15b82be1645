//! The guests' header compiles without a warning, as C and as C++.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &[u8] = b"
#include <causality.h>
long sum(void) { return causality_call2(causality_resolve(\"add\"), 1, 2); }
long all(void) {
    return causality_call0(1) + causality_call1(1, 2) + causality_call3(1, 2, 3, 4)
         + causality_call4(1, 2, 3, 4, 5) + causality_call5(1, 2, 3, 4, 5, 6);
}
long deferred(void) { return causality_request_hash(\"bytes\", 5); }
double hypotenuse(double a, double b) { return causality_call_double2(CAUSALITY_FIRST_HOST_FUNCTION, a, b); }
";

/// Compiles the program; `None` if there is no such compiler.
fn compile(compiler: &str, language: &str) -> Option<bool> {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let mut child = Command::new(compiler)
        .args([
            "-x",
            language,
            "-O2",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-S",
            "-o",
            "/dev/null",
            "-",
        ])
        .arg("-I")
        .arg(include)
        .stdin(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(PROGRAM).ok()?;
    Some(child.wait().ok()?.success())
}

#[test]
fn the_header_compiles_without_a_warning() {
    for (compiler, language) in
        [("riscv64-linux-gnu-gcc", "c"), ("riscv64-linux-gnu-g++", "c++"), ("riscv64-unknown-elf-gcc", "c")]
    {
        match compile(compiler, language) {
            Some(compiled) => assert!(compiled, "{compiler}"),
            None => println!("SKIPPED: no {compiler}"),
        }
    }
}
