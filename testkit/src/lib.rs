//! Test material: program generators, oracles and builders of input files. Never a dependency of the product.
//!
//! The heart of it is a comparison. A [`Program`] is an initial [`State`] and some code; a [`Batch`] makes one
//! executable of many programs, each run between loading all registers and dumping them; [`qemu`] and [`vm`] run
//! that same executable, and their [`Record`]s must be equal in everything. Programs come from [`sweep`], which
//! applies every row of the instruction table to corner operands, and from [`mod@generate`], which makes them up.
//!
//! What an embedder may do is made up too, by [`sequence`]. [`targets`] is what the fuzz targets do with their inputs.
//!
//! What no other implementation at hand knows is compared with [`model`], the manual's text as plain arithmetic.

#![forbid(unsafe_code)]

pub mod agree;
pub mod asm;
pub mod batch;
pub mod corners;
pub mod digest;
pub mod duel;
pub mod elf;
pub mod generate;
pub mod model;
pub mod operands;
pub mod program;
pub mod property;
pub mod qemu;
pub mod record;
pub mod sequence;
pub mod snapshots;
pub mod source;
pub mod sweep;
pub mod syscalls;
pub mod targets;
pub mod vm;

pub use asm::{Assembler, Label};
pub use batch::Batch;
pub use generate::{Shape, generate};
pub use program::{Program, State, WINDOW, WINDOW_SIZE};
pub use record::Record;
pub use source::Source;
