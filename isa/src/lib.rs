//! RISC-V facts, written once.
//!
//! This crate owns how instructions are encoded, what their operands are and how they are called. It owns no
//! semantics: what `add` *does* is the business of the executors, each of which implements the visitor traits
//! on its own, so that comparing two executors proves something.
//!
//! Everything is derived from one table of bit diagrams, [`for_each_inst!`], plus the table of compressed
//! instructions in [`compressed`], whose rows name an expansion and nothing else.
//!
//! ```
//! use causality_isa::{Inst, decode, format, reg::X};
//!
//! let decoded = decode(0x02a5_0533).unwrap();
//! assert_eq!(decoded.inst, Inst::Mul(format::R { rd: X::A0, rs1: X::A0, rs2: X::A0 }));
//! assert_eq!(decoded.to_string(), "mul a0, a0, a0");
//! assert_eq!(decoded.encode(), 0x02a5_0533);
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod table;

pub mod compressed;
pub mod csr;
pub mod disasm;
pub mod extension;
pub mod format;
pub mod isa_string;

pub mod reg;
pub mod visit;

mod decode;
mod encode;
mod inst;
mod opcode;
mod pattern;

pub use compressed::{CInst, COpcode};
pub use decode::{Decoded, decode};
pub use extension::{Extension, ExtensionSet};
pub use format::Rm;
pub use inst::Inst;
pub use isa_string::IsaString;
pub use opcode::Opcode;
pub use pattern::Pattern;
