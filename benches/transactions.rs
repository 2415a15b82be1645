//! What does it cost that a run is a transaction?
//!
//! The example `transfer` consumes a token and creates two. Its time from the job to the commit, with a store in memory and one
//! on disk; that of its repetition by the record; and, for comparison, what the engine alone takes to instantiate the same program
//! and run it until it finds that it has no registers.

use causality_vm::resource::{
    Capability, Grant, Intent, KeyPair, Principal, RegisterDraft, ResourceManager, Rights, Target, Token,
    TrustedRoots,
};
use causality_vm::store::Store;
use causality_vm::transaction::{Job, Transactions};
use causality_vm::{Capture, Config, ContentId, Engine, Linker, Module, ObjectKind, Options};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const ROOT: u8 = 1;
const ALICE: u8 = 2;
const BOB: u8 = 3;

fn key(number: u8) -> KeyPair {
    KeyPair::from_secret(&[number; 32]).expect("any 32 bytes are a secret")
}

fn everything(holder: u8) -> Capability {
    let grant = Grant::new(key(holder).principal(), Target::Any, Rights::ALL);
    grant.issue(&key(ROOT)).expect("in range")
}

fn program() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/transfer.elf")).expect("a committed guest")
}

fn hex(principal: Principal) -> String {
    principal.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tokens of one store, each to be spent once.
struct Purse {
    transactions: Transactions,
    capability: Capability,
    program: Vec<u8>,
    minted: u64,
}

impl Purse {
    fn new(store: Store) -> Self {
        let trusted = TrustedRoots::new().with_root(key(ROOT).principal());
        let manager = ResourceManager::new(store).with_roots(trusted);
        let transactions = Transactions::new(manager, Config::new().fuel(1_000_000));
        Purse { transactions, capability: everything(ALICE), program: program(), minted: 0 }
    }

    fn mint(&mut self) -> ContentId {
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&self.minted.to_le_bytes());
        self.minted += 1;
        let manager = self.transactions.manager();
        let mut run = manager.begin(key(ROOT).principal()).expect("begins");
        run.capability(&everything(ROOT)).expect("genuine");
        let mut run = run.start().expect("starts");
        let draft = RegisterDraft {
            logic: Token::logic_id(),
            domain: ContentId::of(ObjectKind::Blob, b"gold"),
            quantity: 100,
            controller: key(ALICE).principal(),
            nullifier_key: [ALICE; 32],
            nonce,
            predecessor: None,
            metadata: Vec::new(),
        };
        let id = run.create(draft).expect("within limits");
        let verified = run.finish_host().finalize().and_then(|run| run.verify()).expect("allowed");
        verified.commit().expect("commits");
        id
    }

    fn job(&mut self) -> Job {
        let token = self.mint();
        Job::new(key(ALICE).principal(), self.program.clone())
            .args(["transfer".to_owned(), "30".to_owned(), hex(key(BOB).principal())])
            .register(token, Intent::Consume)
            .capability(self.capability.clone())
    }
}

fn transactions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transfer");
    group.sample_size(50);

    let engine = Engine::new(Config::new().fuel(1_000_000));
    let module = Module::new(&engine, &program()).expect("a program");
    let linker = Linker::new(&engine);
    group.bench_function("without a transaction", |bencher| {
        bencher.iter(|| {
            let sink = Capture::new(4096);
            let args = ["transfer".to_owned(), "30".to_owned(), hex(key(BOB).principal())];
            let options = Options::new().args(args).stdout(sink.clone()).stderr(sink);
            let mut instance = linker.instantiate(&module, options, ()).expect("instantiates");
            instance.run().expect("the host does its part")
        });
    });

    let directory = tempfile::tempdir().expect("a directory");
    let on_disk = Store::open(directory.path().join("store")).expect("opens");
    for (name, store) in [("in memory", Store::in_memory().expect("opens")), ("on disk", on_disk)] {
        let mut purse = Purse::new(store);
        let transactions = purse.transactions.clone();
        group.bench_function(name, |bencher| {
            let run = |job: Job| transactions.run(&job).expect("takes effect");
            bencher.iter_batched(|| purse.job(), run, BatchSize::PerIteration);
        });
        if name == "in memory" {
            let job = purse.job();
            let id = transactions.run(&job).expect("takes effect").id();
            group.bench_function("verified", |bencher| {
                bencher.iter(|| assert!(transactions.verify(id).expect("repeats").is_confirmed()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, transactions);
criterion_main!(benches);
