//! The table: its order, its numbers, and the documentation made from it.

use std::fmt::Write;
use std::path::Path;

use crate::{TABLE, syscall_name};

#[test]
fn numbers_ascend_and_name_their_rows() {
    assert!(TABLE.is_sorted_by(|a, b| a.number < b.number));
    for row in TABLE {
        assert_eq!(syscall_name(row.number), Some(row.name));
        assert!(!row.doc.is_empty());
    }
    assert_eq!(syscall_name(1000), None);
}

/// The kernel's own header, where the cross compiler's is installed.
#[test]
fn numbers_are_the_kernels() {
    let Ok(header) = std::fs::read_to_string("/usr/riscv64-linux-gnu/include/asm-generic/unistd.h") else {
        println!("SKIPPED: no kernel headers for riscv64");
        return;
    };
    for row in TABLE.iter().filter(|row| !row.name.starts_with("riscv_")) {
        let define = |prefix| format!("#define {prefix}_{} {}", row.name, row.number);
        let wide = match row.name {
            "newfstatat" => "#define __NR3264_fstatat 79".to_owned(),
            "statx" => define("__NR"),
            _ => define("__NR3264"),
        };
        let lines = || header.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(lines().any(|line| line == define("__NR") || line == wide), "{}", row.name);
    }
}

fn table() -> String {
    let mut text = String::from(
        "| number | call | what it does | what is deterministic, what is refused |\n|---|---|---|---|\n",
    );
    for row in TABLE {
        let names = row.arguments.iter().filter_map(|argument| argument.split(':').next());
        let names: Vec<_> = names.collect();
        let _ = writeln!(
            text,
            "| {} | `{}({})` | {} | {} |",
            row.number,
            row.name,
            names.join(", "),
            row.doc,
            row.note
        );
    }
    text
}

#[test]
fn the_page_holds_the_table() {
    const BEGIN: &str = "<!-- calls: begin, made from abi/src/linux/table.rs -->\n";
    const END: &str = "<!-- calls: end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/abi.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has no begin marker");
    let (shown, after) = rest.split_once(END).expect("the page has no end marker");
    let table = table();
    if shown == table {
        return;
    }
    assert!(
        std::env::var_os("CAUSALITY_BLESS").is_some(),
        "docs/abi.md is not what the table says; CAUSALITY_BLESS=1 rewrites it"
    );
    std::fs::write(&path, [before, BEGIN, &table, END, after].concat()).unwrap();
}
