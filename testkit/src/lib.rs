//! Test material: program generators, oracles and builders of input files. Never a dependency of the product.

pub mod elf;
