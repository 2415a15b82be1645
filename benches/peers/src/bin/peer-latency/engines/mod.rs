//! The engines, each with the guest `calls`, and at least one live instance where it can have one.

mod apart;
mod causality;
mod ckb;
mod polkavm;
mod wasmi;
mod wasmtime;

use std::path::{Path, PathBuf};

use crate::subject::{Failure, Subject};

/// This engine.
pub(crate) const OURS: &str = "causality-vm";

const PEERS: [&str; 5] = [wasmtime::ON_DEMAND, wasmtime::POOLING, wasmi::NAME, polkavm::NAME, ckb::NAME];

/// The names of the others.
pub(crate) fn peer_names() -> impl Iterator<Item = &'static str> {
    PEERS.into_iter()
}

/// The engines of those names.
pub(crate) fn named(names: &[&str], built: &Path) -> Result<Vec<Box<dyn Subject>>, Failure> {
    names.iter().map(|name| named_one(name, built)).collect()
}

fn named_one(name: &str, built: &Path) -> Result<Box<dyn Subject>, Failure> {
    let wasm = || read(built.join("wasm/calls.wasm"));
    let elf = || read(built.join("ckb/calls.elf"));
    Ok(match name {
        wasmtime::ON_DEMAND => Box::new(wasmtime::Wasmtime::on_demand(wasm()?)?),
        wasmtime::POOLING => Box::new(wasmtime::Wasmtime::pooling(wasm()?)?),
        wasmi::NAME => Box::new(wasmi::Wasmi::new(wasm()?)?),
        polkavm::NAME => {
            let blob = read(built.join("polkavm/calls.polkavm"))?;
            Box::new(apart::Apart::new(|| polkavm::PolkaVm::new(blob))?)
        }
        ckb::NAME => Box::new(ckb::Ckb::new(elf()?)?),
        _ => Box::new(causality::Causality::new(elf()?)?),
    })
}

fn read(path: PathBuf) -> Result<Vec<u8>, Failure> {
    std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The version of a crate that this program is built with.
fn version(package: &str) -> String {
    peers::origin::crate_version(package).unwrap_or_else(|| package.to_owned())
}
