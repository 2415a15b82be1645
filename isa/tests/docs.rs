//! `docs/isa.md` is the table in another form, so it is generated and this test keeps it current.

use causality_isa::{COpcode, Extension, Opcode};
use std::fmt::Write;
use std::{env, fs};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/isa.md");

const INTRODUCTION: &str = "\
# Instruction set

Every instruction the engine executes, generated from the tables in `isa/src/table.rs` and `isa/src/compressed.rs`; do not
edit. After a change to a table, `CAUSALITY_BLESS=1 cargo test -p causality-isa --test docs` writes this page again.

A diagram is the instruction word, most significant bit first: `0` and `1` are fixed, `.` belongs to an operand. Where two
diagrams match a word, the one with more fixed bits wins. Instructions whose effect names a rounding take it from `rm`.
";

#[test]
fn the_instruction_set_page_is_current() {
    let page = page();
    if env::var_os("CAUSALITY_BLESS").is_some() {
        fs::write(PATH, &page).unwrap();
    }
    let written = fs::read_to_string(PATH).unwrap_or_default();
    assert!(written == page, "docs/isa.md is out of date; CAUSALITY_BLESS=1 writes it again");
}

#[test]
fn every_row_says_what_it_does_in_one_line() {
    let docs = Opcode::ALL.iter().map(|row| row.doc()).chain(COpcode::ALL.iter().map(|row| row.doc()));
    assert!(docs.clone().all(|doc| !doc.is_empty() && !doc.contains('\n')), "{:?}", docs.collect::<Vec<_>>());
}

fn page() -> String {
    let mut page = INTRODUCTION.to_string();
    for &extension in Extension::ALL {
        let rows = Opcode::ALL.iter().filter(|row| row.extension() == extension);
        let rows = rows.map(|row| [row.mnemonic(), row.syntax(), row.diagram(), row.doc()]);
        let compressed = COpcode::ALL.iter().filter(|row| row.extension() == extension);
        let compressed = compressed.map(|row| [row.mnemonic(), row.syntax(), row.diagram(), row.doc()]);
        write_extension(&mut page, extension, rows.chain(compressed).collect()).unwrap();
    }
    page
}

fn write_extension(page: &mut String, extension: Extension, rows: Vec<[&str; 4]>) -> std::fmt::Result {
    writeln!(page, "\n## {extension:?}\n\n{}", extension.doc())?;
    if !rows.is_empty() {
        writeln!(page, "\n| instruction | operands | diagram | effect |\n|---|---|---|---|")?;
    }
    for [mnemonic, syntax, diagram, doc] in rows {
        let operands = if syntax.is_empty() { "" } else { &format!("`{syntax}`") };
        writeln!(page, "| `{mnemonic}` | {operands} | `{diagram}` | {} |", escape(doc))?;
    }
    Ok(())
}

/// A bar would end the table cell.
fn escape(doc: &str) -> String {
    doc.replace('|', "\\|")
}
