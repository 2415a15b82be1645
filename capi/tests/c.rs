//! The header is current, C and C++ compilers take it, and a C program that uses all of it does what it should.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Without a compiler there is nothing to test; where everything is required, that is a failure.
fn has(compiler: &str) -> bool {
    let is_there = Command::new(compiler).arg("--version").output().is_ok();
    assert!(is_there || env::var_os("REQUIRE").is_none_or(|value| value != "1"), "{compiler} is not there");
    if !is_there {
        eprintln!("SKIPPED: {compiler} is not there");
    }
    is_there
}

fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// Where the library is that was built for this test.
fn library() -> PathBuf {
    let test = env::current_exe().unwrap();
    let mut folders = test.ancestors().skip(1).take(2);
    let folder = folders.find(|folder| folder.join("libcausality_vm_c.so").exists());
    folder.expect("the library is beside the test").to_owned()
}

/// Compiles a C program, and runs it from the root of the repository.
fn run(source: &str, argument: &str) -> Option<String> {
    if !has("cc") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let (program, library) = (folder.path().join("program"), library());
    must(
        Command::new("cc")
            .args([
                "-std=c11",
                "-Wall",
                "-Wextra",
                "-Wpedantic",
                "-Werror",
                "-pthread",
                "-D_POSIX_C_SOURCE=200809L",
            ])
            .arg("-I")
            .arg(here().join("include"))
            .arg(here().join(source))
            .arg("-L")
            .arg(&library)
            .args(["-lcausality_vm_c", "-o"])
            .arg(&program),
    );
    let root = here().parent().unwrap();
    Some(must(Command::new(&program).arg(argument).env("LD_LIBRARY_PATH", &library).current_dir(root)))
}

#[test]
fn the_header_is_what_the_crate_says() {
    let config = cbindgen::Config::from_file(here().join("cbindgen.toml")).unwrap();
    let mut header = Vec::new();
    cbindgen::generate_with_config(here(), config).unwrap().write(&mut header);
    let path = here().join("include/causality_vm.h");
    if env::var_os("CAUSALITY_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, &header).unwrap();
    }
    let committed = fs::read(&path).unwrap_or_default();
    assert!(header == committed, "CAUSALITY_BLESS=1 cargo test -p causality-capi writes it anew");
}

#[test]
fn the_header_is_c_and_cxx() {
    for (compiler, language) in [("cc", "-std=c99"), ("c++", "-std=c++11")] {
        if has(compiler) {
            let flags = [language, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-include"];
            let header = here().join("include/causality_vm.h");
            let null = if compiler == "cc" { ["-x", "c", "/dev/null"] } else { ["-x", "c++", "/dev/null"] };
            must(Command::new(compiler).args(flags).arg(header).args(null));
        }
    }
}

#[test]
fn a_c_program_uses_every_function_well_and_badly() {
    if let Some(output) = run("tests/c/tour.c", "testkit/guests/calls.elf") {
        assert!(output.ends_with("0 failures\n"), "{output}");
    }
    let header = fs::read_to_string(here().join("include/causality_vm.h")).unwrap();
    let tour = fs::read_to_string(here().join("tests/c/tour.c")).unwrap();
    let names = header.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let functions = names.filter(|name| header.contains(&format!("{name}(")) && name.starts_with("cvm_"));
    for function in functions {
        assert!(tour.contains(&format!("{function}(")), "the tour leaves out {function}");
    }
}

#[test]
fn the_example_runs() {
    if let Some(output) = run("examples/embed.c", "examples/plugin.elf") {
        assert_eq!(output, "HELLO there!: 50 % loud\n");
    }
}
