//! `include/poseidon2.h`: its constants, and what the guest `poseidon2` prints.

mod reference;

use std::fmt::Write as _;

use causality_zk::{Domain, Poseidon2};
use reference::Reference;

/// Lengths that the guest hashes.
const LENGTHS: [usize; 17] = [0, 1, 2, 3, 4, 22, 23, 24, 25, 47, 48, 49, 72, 191, 192, 193, 1000];

fn rows(name: &str, rows: &[&[u64]], text: &mut String) {
    let dimensions = if rows.len() == 1 { String::new() } else { format!("[{}]", rows.len()) };
    let _ = writeln!(text, "static const uint32_t poseidon2_{name}{dimensions}[{}] = {{", rows[0].len());
    for row in rows {
        let _ = if rows.len() == 1 { Ok(()) } else { writeln!(text, "    {{") };
        for line in row.chunks(4) {
            let words: Vec<_> = line.iter().map(|word| format!("0x{word:08x},")).collect();
            let _ = writeln!(text, "        {}", words.join(" "));
        }
        let _ = if rows.len() == 1 { Ok(()) } else { writeln!(text, "    }},") };
    }
    let _ = writeln!(text, "}};");
}

#[test]
fn the_constants_of_the_header_are_those_of_the_grain_generator() {
    let reference = Reference::new();
    let mut text = String::from(
        "/* Constants of Poseidon2, width 16 over KoalaBear: written by `BLESS=1 cargo test -p causality-zk`. */\n",
    );
    text += "#ifndef CAUSALITY_POSEIDON2_CONSTANTS_H\n#define CAUSALITY_POSEIDON2_CONSTANTS_H\n\n";
    text += "#include <stdint.h>\n\n";
    let full: Vec<_> = reference.full().iter().map(|row| &row[..]).collect();
    rows("full", &full, &mut text);
    rows("partial", &[reference.partial()], &mut text);
    rows("diagonal", &[&reference.diagonal()], &mut text);
    text += "\n#endif\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/include/poseidon2_constants.h");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &text).expect("the tree is writable");
    }
    assert_eq!(text, std::fs::read_to_string(path).expect("the header is there"));
}

#[test]
fn the_guest_prints_the_hashes_of_this_crate() {
    let hasher = Poseidon2::new();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/guests/poseidon2.expected");
    let printed = std::fs::read_to_string(path).expect("the guest's output is there");
    let mut lines = printed.lines();
    for domain in ["object", "twelve bytes"] {
        for length in LENGTHS {
            let bytes: Vec<_> = (0..length).map(|i| (i * 151 + length * 31 + 7) as u8).collect();
            let hash = hasher.hash(Domain::new(domain).expect("a domain"), &bytes).to_string();
            assert_eq!(lines.next(), hash.strip_prefix("poseidon2:"), "{domain}, {length} bytes");
        }
    }
}
