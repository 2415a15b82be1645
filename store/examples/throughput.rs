//! What a store costs: `cargo run --release -p causality-store --example throughput [DIRECTORY]`.

use std::env;
use std::io::{self, Read};
use std::time::Instant;

use causality_store::{
    Blob, Commit, Commitment, ContentId, Nullifier, ObjectKind, StateKey, Store, verify_state,
};

fn hash(number: u64) -> [u8; 32] {
    *ContentId::of(ObjectKind::Blob, &number.to_le_bytes()).as_bytes()
}

fn commits(store: &Store, from: u64, commits: u64, size: u64) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    for number in from..from + commits {
        let mut commit = Commit::new();
        let record = commit.object(&Blob::from(&number.to_le_bytes()))?;
        commit.record(record);
        for at in number * size..(number + 1) * size {
            commit.set(StateKey::from_bytes(hash(at)), Commitment::from_bytes(hash(at + 1)));
            commit.consume(Nullifier::from_bytes(hash(at)), record);
        }
        store.commit(commit)?;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = env::args().nth(1);
    let open = |name: &str| match &directory {
        Some(directory) => Store::open(format!("{directory}/{name}")),
        None => Store::in_memory(),
    };
    let store = open("small")?;
    let seconds = commits(&store, 0, 500, 1)?;
    println!("commits of one nullifier and one key   {:8.0} a second", 500.0 / seconds);
    let store = open("large")?;
    let seconds = commits(&store, 0, 100, 1000)?;
    println!("commits of 1000 of each, up to 100,000 {:8.0} leaves a second", 200_000.0 / seconds);
    let seconds = commits(&store, 100_000, 500, 1)?;
    println!("commits of one of each, at 100,000     {:8.0} a second", 500.0 / seconds);
    let snapshot = store.snapshot()?;
    let start = Instant::now();
    let mut proofs = Vec::new();
    for at in 0..10_000 {
        proofs.push(snapshot.prove_state(StateKey::from_bytes(hash(at * 7)))?);
    }
    println!("reading with proof and check           {:8.1} us", start.elapsed().as_secs_f64() * 100.0);
    let start = Instant::now();
    for (at, (value, proof)) in (0..).zip(&proofs) {
        verify_state(snapshot.roots().state, StateKey::from_bytes(hash(at * 7)), *value, proof)?;
    }
    println!("verifying a proof                      {:8.1} us", start.elapsed().as_secs_f64() * 100.0);
    println!("a proof                                {:8} bytes", borsh::to_vec(&proofs[0].1)?.len());
    let start = Instant::now();
    let id = store.put_stream(ObjectKind::Blob, io::repeat(7).take(1 << 30))?;
    println!("streaming 1 GiB in                     {:8.0} MiB/s", 1024.0 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    io::copy(&mut store.open_object(id)?, &mut io::sink())?;
    println!("streaming it out, verified             {:8.0} MiB/s", 1024.0 / start.elapsed().as_secs_f64());
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    peak.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    Ok(())
}
