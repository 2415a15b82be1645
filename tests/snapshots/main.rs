//! Snapshots: a guest goes on from its bytes anywhere as if nothing had been, and bytes that are no snapshot do no harm.

mod bytes;
mod damage;
mod futures;
mod machine_state;
mod once;
mod world;

use std::fs;
use std::path::Path;

use causality_testkit::digest::of_memory;
use causality_testkit::elf::{Elf, PF_R, PF_X, Phdr};
use causality_testkit::{Assembler, Source};
use causality_vm::snapshot::Snapshot;
use causality_vm::{
    Access, Capture, Config, Engine, Exit, HostReport, Instance, Linker, Module, Options, Tier,
};

const TIERS: [Tier; 4] = [Tier::Interpreter, Tier::Baseline, Tier::Cranelift, Tier::Auto];

/// A program with all that it is given.
#[derive(Clone)]
struct Guest {
    elf: Vec<u8>,
    args: Vec<String>,
    input: Vec<u8>,
    /// Whether it has a directory, at `/data` if so.
    has_directory: bool,
    config: Config,
    /// What is done before its first instruction.
    prepare: fn(&mut Instance<()>, u64),
    seed: u64,
}

impl Guest {
    fn of(elf: Vec<u8>) -> Self {
        Guest {
            elf,
            args: vec!["guest".to_owned()],
            input: Vec::new(),
            has_directory: false,
            config: Config::new().fuel(1 << 40),
            prepare: |_, _| (),
            seed: 0,
        }
    }

    /// One of `testkit/guests`.
    fn named(name: &str, args: &[&str]) -> Self {
        let elf = fs::read(format!("testkit/guests/{name}.elf")).expect("the guest is there");
        let mut guest = Guest::of(elf);
        guest.args = std::iter::once(name).chain(args.iter().copied()).map(str::to_owned).collect();
        guest.input = fs::read(format!("testkit/guests/{name}.stdin")).unwrap_or_default();
        guest
    }

    fn config(self, config: Config) -> Self {
        Guest { config, ..self }
    }

    fn in_directory(self) -> Self {
        Guest { has_directory: true, ..self }
    }

    fn linker(&self, tier: Tier) -> (Linker<()>, Module) {
        let engine = Engine::new(self.config.clone().tier(tier));
        let module = Module::new(&engine, &self.elf).expect("it is a program");
        (Linker::new(&engine), module)
    }

    /// The world: what is left of its input, where its output goes, its directory.
    fn world(&self, read: u64, output: &Capture, folder: &Path) -> Options {
        let input = self.input[read as usize..].to_vec();
        let options = Options::new().stdin(std::io::Cursor::new(input)).stdout(output.clone());
        match self.has_directory {
            true => options.directory(folder, "/data", Access::ReadWrite).expect("it is there"),
            false => options,
        }
    }

    fn start(&self, tier: Tier, output: &Capture, folder: &Path) -> Instance<()> {
        let (linker, module) = self.linker(tier);
        let options = self.world(0, output, folder).args(&self.args);
        let mut instance = linker.instantiate(&module, options, ()).expect("it can be instantiated");
        (self.prepare)(&mut instance, self.seed);
        instance
    }

    fn resume(&self, tier: Tier, output: &Capture, folder: &Path, snapshot: &Snapshot) -> Instance<()> {
        let (linker, module) = self.linker(tier);
        let options = self.world(snapshot.stdin_read(), output, folder);
        linker.resume(&module, options, (), snapshot).expect("it can go on")
    }
}

/// All that a run leaves behind.
#[derive(Clone, Debug, PartialEq)]
struct End {
    exit: Exit,
    hart: String,
    memory: String,
    registers: String,
    report: String,
    output: Vec<u8>,
    files: Vec<(String, Vec<u8>)>,
}

impl End {
    fn of(exit: Exit, instance: &Instance<()>, output: &Capture, folder: &Path) -> Self {
        let mut report = instance.report();
        report.host = HostReport::default();
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap_or_default())
            })
            .collect();
        files.sort();
        End {
            exit,
            hart: format!("{:?}", instance.hart()),
            memory: of_memory(instance.memory()).to_string(),
            registers: registers(instance),
            report: format!("{report:?}"),
            output: output.bytes(),
            files,
        }
    }
}

/// All slots and what is in them.
fn registers(instance: &Instance<()>) -> String {
    let file = instance.memory().registers();
    let slots = (0..).zip(file.slots()).filter(|(_, slot)| slot.created > 0);
    slots.map(|(number, slot)| format!("{slot:?} {:?}\n", instance.memory().register_bytes(number))).collect()
}

/// An executable of this code.
fn elf_of(asm: Assembler) -> Vec<u8> {
    const CODE: u64 = 0x1_0000;
    Elf::exec(CODE).segment(Phdr::load(PF_R | PF_X, CODE, &asm.finish())).build()
}

/// The guest in one piece.
fn whole(guest: &Guest) -> (End, u64) {
    let (output, folder) = (Capture::new(1 << 20), tempfile::tempdir().unwrap());
    let mut instance = guest.start(Tier::Interpreter, &output, folder.path());
    let exit = instance.run().unwrap();
    (End::of(exit, &instance, &output, folder.path()), instance.retired())
}

/// The guest in pieces: at random points it becomes bytes, and goes on in another tier. Returns how often it did.
fn in_pieces(guest: &Guest, length: u64, pieces: usize, source: &mut Source<'_>) -> (End, usize) {
    let (output, folder) = (Capture::new(1 << 20), tempfile::tempdir().unwrap());
    let mut stops: Vec<u64> = (0..pieces).map(|_| source.bits() % length.max(1)).collect();
    stops.sort_unstable();
    let first = source.below(TIERS.len());
    let mut instance = guest.start(TIERS[first], &output, folder.path());
    let mut hops = 0;
    for (at, stop) in (first + 1..).zip(stops) {
        let exit = instance.run_for(stop.saturating_sub(instance.retired())).unwrap();
        if !matches!(exit, Exit::Paused(_)) {
            return (End::of(exit, &instance, &output, folder.path()), hops);
        }
        // A file that the guest has open may be gone.
        let Ok(snapshot) = Snapshot::of(&mut instance) else { continue };
        let bytes = snapshot.to_bytes();
        drop(instance);
        let again = Snapshot::from_bytes(&bytes).expect("they are a snapshot's");
        assert_eq!(again.root(), snapshot.root());
        assert!(again.to_bytes() == bytes, "one spelling");
        instance = guest.resume(TIERS[at % TIERS.len()], &output, folder.path(), &again);
        let copy = Snapshot::of(&mut instance).expect("it can be copied again");
        assert_eq!(copy.root(), snapshot.root(), "a snapshot of what was resumed is the same");
        hops += 1;
    }
    let exit = instance.run().unwrap();
    (End::of(exit, &instance, &output, folder.path()), hops)
}

/// The guest ends in the same way in one piece and in pieces. Returns how often it became bytes.
fn same_future(name: &str, guest: &Guest, pieces: usize, seed: u64) -> usize {
    let (expected, length) = whole(guest);
    let (end, hops) = in_pieces(guest, length, pieces, &mut Source::Seed(seed));
    assert_eq!(end, expected, "{name}, seed {seed}");
    hops
}
