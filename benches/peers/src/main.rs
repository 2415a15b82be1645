//! How fast is the interpreter, and how does it compare with wasmi on the same C sources?
//!
//!     benches/peers/build-wasm.sh target/wasm
//!     cargo run --release --manifest-path benches/peers/Cargo.toml -- target/wasm
//!
//! Every guest computes the same checksum on both engines, which is checked. Rounds are interleaved;
//! the table shows the best time of each, the ratio, and guest instructions per second.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use causality_vm::{Config, Engine, Exit, Linker, Module, Options, Tier};

/// What one measurement run aims to take.
const AIM: Duration = Duration::from_millis(150);
const INTERLEAVED: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let wasm = std::env::args().nth(1).ok_or("usage: peers WASM_FOLDER [GUEST...]")?;
    let only: Vec<String> = std::env::args().skip(2).collect();
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testkit/guests");
    let mut names: Vec<String> = std::fs::read_dir(&wasm)?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .filter(|name| only.is_empty() || only.contains(name))
        .collect();
    names.sort();

    println!("| guest | interpreter, ms | wasmi, ms | wasmi / interpreter | million instructions/s |");
    println!("|---|---|---|---|---|");
    let (mut ratio, mut speed) = (Mean::default(), Mean::default());
    for name in &names {
        let elf = std::fs::read(guests.join(format!("{name}.elf")))?;
        let module = std::fs::read(Path::new(&wasm).join(format!("{name}.wasm")))?;
        let (one, _, _) = run_ours(&elf, 1)?;
        let rounds = (AIM.as_secs_f64() / one.as_secs_f64()).clamp(1.0, 1e6) as u32;
        let (mut ours, mut theirs, mut retired) = (Duration::MAX, Duration::MAX, 0);
        for _ in 0..INTERLEAVED {
            let (time, instructions, printed) = run_ours(&elf, rounds)?;
            let (peer_time, checksum) = run_wasmi(&module, rounds)?;
            if !printed.contains(&format!("checksum {checksum:08x}")) {
                return Err(format!("{name}: `{}` but wasmi has {checksum:08x}", printed.trim()).into());
            }
            ours = ours.min(time);
            theirs = theirs.min(peer_time);
            retired = instructions;
        }
        let factor = theirs.as_secs_f64() / ours.as_secs_f64();
        let mips = retired as f64 / ours.as_secs_f64() / 1e6;
        ratio.add(factor);
        speed.add(mips);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!("| {name} | {:.1} | {:.1} | {factor:.2} | {mips:.0} |", ms(ours), ms(theirs));
    }
    println!("| **geomean** | | | **{:.2}** | **{:.0}** |", ratio.geometric(), speed.geometric());
    Ok(())
}

/// Time, instructions retired, standard output.
fn run_ours(elf: &[u8], rounds: u32) -> Result<(Duration, u64, String), Box<dyn Error>> {
    let engine = Engine::new(Config::new().tier(Tier::Interpreter));
    let module = Module::new(&engine, elf)?;
    let stdout = causality_vm::Capture::new(1 << 16);
    let options = Options::new().arg("guest").arg(rounds.to_string()).stdout(stdout.clone());
    let mut instance = Linker::<()>::new(&engine).instantiate(&module, options, ())?;
    let start = Instant::now();
    let exit = instance.run()?;
    let time = start.elapsed();
    if exit != Exit::Completed(0) {
        return Err(format!("{exit:?}").into());
    }
    Ok((time, instance.retired(), stdout.text()))
}

/// Time, checksum.
fn run_wasmi(bytes: &[u8], rounds: u32) -> Result<(Duration, u32), Box<dyn Error>> {
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, bytes)?;
    let mut store = wasmi::Store::new(&engine, ());
    let instance = wasmi::Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
    let run = instance.get_typed_func::<u32, u32>(&store, "run")?;
    let start = Instant::now();
    let checksum = run.call(&mut store, rounds)?;
    Ok((start.elapsed(), checksum))
}

/// A geometric mean.
#[derive(Default)]
struct Mean {
    logs: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.logs += value.ln();
        self.count += 1.0;
    }

    fn geometric(&self) -> f64 {
        (self.logs / self.count).exp()
    }
}
