//! What must not compile says why, and stands beside what does: a program can be refused for reasons that nobody meant.

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines that differ between a program and what is refused of it.
const DIFFERENT: usize = 2;

/// All Rust files in `src` folders of the repository.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the tree is readable") {
        let path = entry.expect("the tree is readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if name.ends_with(".rs") && path.components().any(|part| part.as_os_str() == "src") {
            found.push(path);
        }
    }
}

/// The first line of a program that must not compile, after its comment signs.
fn refusal(line: &str) -> Option<&str> {
    line.trim_start().trim_start_matches(['/', '!']).trim_start().strip_prefix("```compile_fail")
}

fn is_error_code(text: &str) -> bool {
    let digits = text.strip_prefix(",E").unwrap_or_default();
    digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[test]
fn every_program_that_must_not_compile_names_its_error() {
    let (mut files, mut count) = (Vec::new(), 0);
    sources(Path::new(env!("CARGO_MANIFEST_DIR")), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("source is UTF-8");
        for code in text.lines().filter_map(refusal) {
            assert!(is_error_code(code), "{}: compile_fail{code}", file.display());
            count += 1;
        }
    }
    assert!(count > 40, "only {count} were found");
}

/// A program of a comment: what is after its first three backticks, and its lines.
type Program = (String, Vec<String>);

/// The promises in `src/refused.rs`: name, and programs.
fn promises() -> Vec<(String, Vec<Program>)> {
    let (mut promises, mut programs, mut is_inside) = (Vec::new(), Vec::new(), false);
    for line in include_str!("../src/refused.rs").lines() {
        let text = line.strip_prefix("///").map(|text| text.strip_prefix(' ').unwrap_or(text));
        match text {
            Some(text) if text.starts_with("```") => {
                is_inside = !is_inside;
                if is_inside {
                    programs.push((text[3..].to_owned(), Vec::new()));
                }
            }
            Some(text) if is_inside => {
                programs.last_mut().expect("it has begun").1.push(text.to_owned());
            }
            _ => {
                if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.strip_suffix("() {}")) {
                    promises.push((name.to_owned(), std::mem::take(&mut programs)));
                }
            }
        }
    }
    promises
}

/// How many lines of `a` are not in `b`.
fn missing(a: &[String], b: &[String]) -> usize {
    a.iter().filter(|line| !b.contains(line)).count()
}

#[test]
fn every_promise_has_a_program_that_compiles_and_nearly_the_same_that_does_not() {
    let promises = promises();
    assert!(promises.len() > 35, "{}", promises.len());
    for (name, programs) in promises {
        let [(compiles, good), (refused, bad)] = &programs[..] else { panic!("{name}: {}", programs.len()) };
        assert!(compiles.is_empty() && refused.starts_with("compile_fail,E"), "{name}");
        assert!(good != bad, "{name}");
        assert!(missing(good, bad) <= DIFFERENT && missing(bad, good) <= DIFFERENT, "{name}");
    }
}
