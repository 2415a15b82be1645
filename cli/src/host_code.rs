//! Host machine code as text.

use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

/// One instruction of the host.
#[derive(Debug)]
pub(crate) struct HostInst {
    /// Its first byte.
    pub(crate) offset: usize,
    /// Its bytes, as digits.
    pub(crate) raw: String,
    /// What it is.
    pub(crate) text: String,
}

/// The instructions of position-independent code; jump targets are offsets in it.
#[cfg(target_arch = "x86_64")]
pub(crate) fn disassemble(code: &[u8]) -> Vec<HostInst> {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_space_after_operand_separator(true);
    options.set_space_between_memory_add_operators(false);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    let describe = |inst| {
        let mut text = String::new();
        formatter.format(&inst, &mut text);
        HostInst { offset: inst.ip() as usize, raw: digits(&code[inst.ip() as usize..][..inst.len()]), text }
    };
    Decoder::with_ip(64, code, 0, DecoderOptions::NONE).into_iter().map(describe).collect()
}

/// Words, on hosts whose code nobody here can read.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn disassemble(code: &[u8]) -> Vec<HostInst> {
    let _ = (Decoder::with_ip, DecoderOptions::NONE, IntelFormatter::new().options_mut());
    let words = code.chunks(4).enumerate();
    words
        .map(|(index, word)| HostInst { offset: 4 * index, raw: digits(word), text: String::new() })
        .collect()
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
