//! Batches: what comes out is decided by what was declared, for any number of threads, and after any interruption.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;

use causality_testkit::Source;
use causality_vm::batch::{Batch, BatchError, Effect, Finished, Journal, Work, WorkResult};
use causality_vm::resource::{
    Capability, Grant, Intent, KeyPair, Limits, Principal, RegisterDraft, ResourceManager, Rights, RunError,
    RunExit, Target, Token, TrustedRoots,
};
use causality_vm::store::{Roots, Store};
use causality_vm::transaction::{Job, TransactionError, Transactions};
use causality_vm::{Config, ContentId, Executable, ObjectKind, Task, Tier};

const ROOT: u8 = 1;
const ALICE: u8 = 2;
const BOB: u8 = 3;

fn key(number: u8) -> KeyPair {
    KeyPair::from_secret(&[number; 32]).expect("any 32 bytes are a secret")
}

fn who(number: u8) -> Principal {
    key(number).principal()
}

fn hex(principal: Principal) -> String {
    principal.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn example(name: &str) -> Executable {
    std::fs::read(format!("examples/{name}.elf")).expect("the examples are there").into()
}

fn guest(name: &str) -> Executable {
    std::fs::read(format!("testkit/guests/{name}.elf")).expect("the guests are there").into()
}

fn everything(holder: u8) -> Capability {
    Grant::new(who(holder), Target::Any, Rights::ALL).issue(&key(ROOT)).expect("in range")
}

fn manager_of(store: Store) -> ResourceManager {
    ResourceManager::new(store).with_roots(TrustedRoots::new().with_root(who(ROOT)))
}

/// Tokens of Alice's, of 100 each.
fn mint(manager: &ResourceManager, capability: &Capability, count: u64) -> Vec<ContentId> {
    let mut run = manager.begin(who(ROOT)).unwrap();
    run.capability(capability).unwrap();
    let mut run = run.start().unwrap();
    let ids = (0..count).map(|nonce: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&nonce.to_le_bytes());
        let draft = RegisterDraft {
            logic: Token::logic_id(),
            domain: ContentId::of(ObjectKind::Blob, b"gold"),
            quantity: 100,
            controller: who(ALICE),
            nullifier_key: [ALICE; 32],
            nonce: bytes,
            predecessor: None,
            metadata: Vec::new(),
        };
        run.create(draft).unwrap()
    });
    let ids = ids.collect();
    run.finish_host().finalize().unwrap().verify().unwrap().commit().unwrap();
    ids
}

/// What every copy of a scene begins with. Capabilities are made once: two of the same have different signatures.
struct Scene {
    issue: Capability,
    alice: Capability,
    /// Of Alice's, good for five uses together.
    scarce: Capability,
}

const TOKENS: u64 = 60;

impl Scene {
    fn new() -> Self {
        let limits = Limits { max_uses: Some(5), ..Limits::default() };
        let scarce = Grant { limits, ..Grant::new(who(ALICE), Target::Any, Rights::ALL) };
        Scene { issue: everything(ROOT), alice: everything(ALICE), scarce: scarce.issue(&key(ROOT)).unwrap() }
    }

    fn fill(&self, store: Store) -> (ResourceManager, Vec<ContentId>) {
        let manager = manager_of(store);
        let tokens = mint(&manager, &self.issue, TOKENS);
        (manager, tokens)
    }

    fn in_memory(&self) -> (ResourceManager, Vec<ContentId>) {
        self.fill(Store::in_memory().unwrap())
    }

    fn pay(&self, token: ContentId, amount: u64) -> Job {
        let task =
            Task::new(example("transfer")).args(["transfer".to_owned(), amount.to_string(), hex(who(BOB))]);
        Job::of(who(ALICE), task).register(token, Intent::Consume)
    }

    fn look(&self, token: ContentId) -> Job {
        Job::of(who(ALICE), Task::new(example("reader")).args(["reader"])).register(token, Intent::Read)
    }

    /// Payments and looks that get into each other's way, and tasks of all kinds between them.
    fn works(&self, tokens: &[ContentId], count: usize) -> Vec<Work> {
        let mut source = Source::Seed(6);
        let works = (0..count).map(|number| {
            let token = tokens[source.below(tokens.len())];
            match source.below(10) {
                0 | 1 => self.pay(token, 1 + source.below(99) as u64).capability(self.alice.clone()).into(),
                2 | 3 => self.look(token).capability(self.alice.clone()).into(),
                4 => self.look(token).capability(self.scarce.clone()).into(),
                // More than there is, without a capability, a register that is not there.
                5 => self.pay(token, 101).capability(self.alice.clone()).into(),
                6 if number % 3 == 0 => self.pay(token, 5).into(),
                6 => self.look(ContentId::of(ObjectKind::Register, &[number as u8])).into(),
                7 => Task::new(example("hello")).args(["hello", ["Ada", "Grace"][number % 2]]).into(),
                8 => Task::new(guest("args")).args(["args".to_owned(), number.to_string()]).into(),
                _ => Task::new(match number % 4 {
                    0 => guest("loop_forever"),
                    1 => guest("trap_null"),
                    2 => Executable::from(&b"no program"[..]),
                    _ => guest("cat"),
                })
                .stdin(*b"meow\n")
                .into(),
            }
        });
        works.collect()
    }
}

fn batch(manager: &ResourceManager, tier: Tier, threads: usize) -> Batch {
    let config = Config::new().tier(tier).fuel(1_000_000);
    Batch::new(Transactions::new(manager.clone(), config)).threads(NonZero::new(threads).unwrap())
}

/// The roots that a state has, and the list of records. How many commits it took depends on how many works ended at a time.
fn traces(store: &Store) -> (Roots, Vec<ContentId>) {
    let snapshot = store.snapshot().unwrap();
    let records = snapshot.records().unwrap().map(Result::unwrap).collect();
    (Roots { commits: 0, ..snapshot.roots() }, records)
}

fn record_of(finished: &Finished) -> Option<ContentId> {
    match finished.result.effect {
        Effect::Committed { record } => Some(record),
        _ => None,
    }
}

fn refusal(result: &WorkResult) -> &str {
    match &result.effect {
        Effect::Refused { reason } => reason,
        effect => panic!("{effect:?}"),
    }
}

#[test]
fn what_comes_out_is_the_same_for_any_number_of_threads() {
    let scene = Scene::new();
    let mut first = None;
    for (threads, tier) in [
        (1, Tier::Auto),
        (2, Tier::Auto),
        (3, Tier::Baseline),
        (8, Tier::Interpreter),
        (2, Tier::Cranelift),
        (16, Tier::Auto),
    ] {
        let (manager, tokens) = scene.in_memory();
        let works = scene.works(&tokens, 160);
        let finished = batch(&manager, tier, threads).run(&works).unwrap();
        let found = (finished, traces(manager.store()));
        let expected = first.get_or_insert_with(|| found.clone());
        assert_eq!(found.0.len(), works.len());
        for (number, (found, expected)) in found.0.iter().zip(&expected.0).enumerate() {
            assert_eq!(found, expected, "work {number} with {threads} threads on {tier:?}");
        }
        assert_eq!(found.1, expected.1, "{threads} threads");
    }
    // It is the workload that it is meant to be.
    let (finished, (_, records)) = first.unwrap();
    let count = |is: &dyn Fn(&Finished) -> bool| finished.iter().filter(|it| is(it)).count();
    assert_eq!(count(&|it| record_of(it).is_some()) + 1, records.len(), "one is the issue");
    assert!(records.len() > 30, "{}", records.len());
    assert!(count(&|it| it.is_cached) > 10);
    let reasons = |text: &str| {
        count(&|it| matches!(&it.result.effect, Effect::Refused { reason } if reason.contains(text)))
    };
    for text in ["consumed", "denied", "there is no register", "exited", "ELF"] {
        assert!(reasons(text) > 0, "nothing was refused because of `{text}`");
    }
    assert!(count(&|it| it.result.exit == Some(RunExit::OutOfFuel)) > 0);
    assert!(count(&|it| matches!(it.result.exit, Some(RunExit::Trapped { .. }))) > 0);
}

/// What became of a transaction, without what depends on when it happened.
fn told(result: Result<RunExit, &TransactionError>) -> String {
    match result {
        Ok(exit) => format!("{exit:?}"),
        Err(TransactionError::Run(RunError::AlreadyConsumed { register, .. })) => {
            format!("consumed {register}")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn conflicts_happen_in_the_declared_order() {
    let scene = Scene::new();
    let (manager, tokens) = scene.in_memory();
    let jobs: Vec<Job> = scene
        .works(&tokens, 200)
        .into_iter()
        .filter_map(|work| match work {
            Work::Transaction(job) => Some(job),
            Work::Task(_) => None,
        })
        .collect();
    let works: Vec<Work> = jobs.iter().cloned().map(Work::from).collect();
    let finished = batch(&manager, Tier::Baseline, 4).run(&works).unwrap();
    // One after the other, each for itself. Records have other times then, and so have other names.
    let (alone, same) = scene.in_memory();
    assert_eq!(tokens, same);
    let transactions = Transactions::new(alone.clone(), Config::new().tier(Tier::Baseline).fuel(1_000_000));
    for (job, finished) in jobs.iter().zip(&finished) {
        let expected = transactions.run(job);
        let result = &finished.result;
        match (&expected, &result.effect) {
            (Ok(outcome), Effect::Committed { .. }) => {
                assert_eq!(Some(&outcome.committed.record.exit), result.exit.as_ref());
            }
            (Err(error), Effect::Refused { reason }) => {
                // The record that consumed it has another name.
                let text = told(Err(error));
                assert!(
                    text == *reason || reason.starts_with(text.trim_start_matches("consumed ")),
                    "{text}, {reason}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    let counts = |manager: &ResourceManager| {
        let snapshot = manager.store().snapshot().unwrap();
        (snapshot.nullifier_count().unwrap(), snapshot.records().unwrap().count())
    };
    assert_eq!(counts(&manager), counts(&alone));
}

#[test]
fn every_record_of_a_batch_can_be_verified() {
    let scene = Scene::new();
    let (manager, tokens) = scene.in_memory();
    let finished = batch(&manager, Tier::Auto, 2).run(&scene.works(&tokens, 60)).unwrap();
    let transactions = Transactions::new(manager.clone(), Config::new().fuel(1_000_000));
    let records: Vec<_> = finished.iter().filter_map(record_of).collect();
    assert!(records.len() > 10, "{}", records.len());
    for record in records {
        let verification = transactions.verify(record).unwrap();
        assert!(
            verification.is_confirmed(),
            "{:?} {:?}",
            verification.differences,
            verification.contradictions
        );
    }
    assert_eq!(manager.store().verify(|_| ()).unwrap().damage, []);
}

#[test]
fn a_budget_is_spent_in_the_declared_order_and_not_overdrawn() {
    let scene = Scene::new();
    let (manager, tokens) = scene.in_memory();
    let works: Vec<Work> =
        tokens[..8].iter().map(|token| scene.look(*token).capability(scene.scarce.clone()).into()).collect();
    let finished = batch(&manager, Tier::Baseline, 8).run(&works).unwrap();
    let took: Vec<_> = finished.iter().map(|it| record_of(it).is_some()).collect();
    assert_eq!(took, [true, true, true, true, true, false, false, false]);
    assert!(refusal(&finished[5].result).contains("denied"), "{:?}", finished[5]);
}

/// The registers that each work created.
fn created(manager: &ResourceManager, finished: &[Finished]) -> Vec<Vec<ContentId>> {
    let created = |finished: &Finished| {
        let record = record_of(finished).map(|id| manager.store().get(id).unwrap());
        record.map_or(Vec::new(), |record: causality_vm::resource::Record| {
            record.created.iter().map(|it| it.register).collect()
        })
    };
    finished.iter().map(created).collect()
}

#[test]
fn what_an_earlier_work_makes_a_later_one_can_use() {
    let scene = Scene::new();
    let pay = |token, amount| scene.pay(token, amount).capability(scene.alice.clone()).into();
    // Each link names the change of the one before, whose identifier a rehearsal tells.
    let mut chain: Vec<Work> = Vec::new();
    let mut next = scene.in_memory().1[0];
    for amount in [10, 20, 30] {
        chain.push(pay(next, amount));
        let (manager, _) = scene.in_memory();
        let finished = batch(&manager, Tier::Baseline, 2).run(&chain).unwrap();
        assert!(finished.iter().all(|it| it.result.is_success()), "{finished:#?}");
        next = created(&manager, &finished).last().unwrap()[1];
    }
    // A work that comes before what it names is refused, with however many threads.
    for threads in [1, 4] {
        let (manager, tokens) = scene.in_memory();
        let mut works = chain.clone();
        works.insert(0, scene.look(tokens[1]).capability(scene.alice.clone()).into());
        works.swap(1, 2);
        let finished = batch(&manager, Tier::Baseline, threads).run(&works).unwrap();
        let took: Vec<_> = finished.iter().map(|it| record_of(it).is_some()).collect();
        assert_eq!(took[..2], [true, false], "{finished:#?}");
        assert!(refusal(&finished[1].result).contains("there is no register"), "{finished:#?}");
    }
}

#[test]
fn the_same_transaction_twice_is_two_transactions() {
    let scene = Scene::new();
    let (manager, tokens) = scene.in_memory();
    let pay: Work = scene.pay(tokens[0], 10).capability(scene.alice.clone()).into();
    let look: Work = scene.look(tokens[1]).capability(scene.alice.clone()).into();
    let works = [pay.clone(), look.clone(), pay.clone(), look.clone()];
    let finished = batch(&manager, Tier::Baseline, 3).run(&works).unwrap();
    assert!(finished.iter().all(|it| !it.is_cached));
    assert_eq!(finished[0].result.work, finished[2].result.work);
    assert!(finished[0].result.is_success() && refusal(&finished[2].result).contains("consumed"));
    // Two looks at the same moment have the same record, and it is twice in the list.
    assert!(finished[1].result.is_success() && finished[3].result.is_success());
    assert_eq!(traces(manager.store()).1.len(), 4);
    // Neither is it served another time.
    let again = batch(&manager, Tier::Baseline, 3).run(&[pay, look]).unwrap();
    assert!(again.iter().all(|it| !it.is_cached));
    assert!(refusal(&again[0].result).contains("consumed") && again[1].result.is_success());
    assert_ne!(record_of(&again[1]), record_of(&finished[1]), "it looked at another time");
}

fn hello(name: &str) -> Work {
    Task::new(example("hello")).args(["hello", name]).into()
}

#[test]
fn an_equal_task_is_served_from_the_store_and_says_so() {
    let store = Store::in_memory().unwrap();
    let over = |config: Config| Batch::over(store.clone(), config);
    let config = || Config::new().fuel(1_000_000);
    let endless: Work = Task::new(guest("loop_forever")).into();
    let works = [hello("Ada"), hello("Grace"), endless];
    let first = over(config()).run(&works).unwrap();
    assert!(first.iter().all(|it| !it.is_cached));
    let output = first[0].result.stdout.unwrap();
    let text = store.snapshot().unwrap().bytes(output.id, 1000).unwrap();
    assert!(text.starts_with(b"Hello, Ada!"), "{}", String::from_utf8_lossy(&text));
    assert_eq!((text.len() as u64, output.dropped), (output.length, 0));
    // On another tier, too; running out of fuel is a result like any other.
    let second = over(config().tier(Tier::Interpreter)).run(&works).unwrap();
    assert!(second.iter().all(|it| it.is_cached));
    assert!(first.iter().zip(&second).all(|(first, second)| first.result == second.result));
    assert_eq!(second[2].result.exit, Some(RunExit::OutOfFuel));
    // Whatever a result depends on makes another task.
    let task = |task: Task| Work::from(task);
    let base = || Task::new(example("hello")).args(["hello", "Ada"]);
    let others = [
        task(base().args(["more"])),
        task(base().env("A", "B")),
        task(base().seed(1)),
        task(base().stdin(*b"x")),
        task(Task::new(example("reader")).args(["hello", "Ada"])),
    ];
    assert!(over(config()).run(&others).unwrap().iter().all(|it| !it.is_cached));
    let other_limits = [
        over(Config::new().fuel(999_999)),
        over(config().memory(1 << 28)),
        over(config().stack(1 << 20)),
        over(config()).output(5),
    ];
    for batch in other_limits {
        assert!(!batch.run(&works[..1]).unwrap()[0].is_cached);
    }
    // Without a cache nothing is looked up, nor run once for two.
    let uncached = over(config()).caching(false).run(&[hello("Ada"), hello("Ada")]).unwrap();
    assert!(uncached.iter().all(|it| !it.is_cached && it.result == first[0].result));
}

#[test]
fn what_was_collected_is_run_again() {
    let store = Store::in_memory().unwrap();
    let batch = Batch::over(store.clone(), Config::new().fuel(1_000_000));
    let works = [hello("Ada")];
    let first = batch.run(&works).unwrap();
    store.collect(|_| ()).unwrap();
    let second = batch.run(&works).unwrap();
    assert!(!second[0].is_cached);
    assert_eq!(first[0].result, second[0].result);
    assert!(store.contains(second[0].result.stdout.unwrap().id).unwrap());
    assert!(batch.run(&works).unwrap()[0].is_cached);
}

#[test]
fn a_result_under_the_name_of_another_task_is_none() {
    let store = Store::in_memory().unwrap();
    let batch = Batch::over(store.clone(), Config::new().fuel(1_000_000));
    let works = [hello("Ada"), hello("Grace")];
    let first = batch.run(&works).unwrap();
    let [ada, grace] = [&works[0], &works[1]].map(|work| batch.id(work).unwrap());
    let snapshot = store.snapshot().unwrap();
    let of_grace = snapshot.result(grace).unwrap().unwrap();
    for planted in [of_grace, first[0].result.stdout.unwrap().id] {
        let mut commit = causality_vm::store::Commit::new();
        commit.result(ada, planted);
        store.commit(commit).unwrap();
        let again = batch.run(&works[..1]).unwrap();
        assert!(!again[0].is_cached);
        assert_eq!(again[0].result, first[0].result);
    }
}

#[test]
fn output_beyond_the_limit_is_counted() {
    let batch = Batch::over(Store::in_memory().unwrap(), Config::new()).output(5);
    let finished = batch.run(&[hello("Ada")]).unwrap();
    let output = finished[0].result.stdout.unwrap();
    assert_eq!(batch.store().snapshot().unwrap().bytes(output.id, 100).unwrap(), b"Hello");
    assert_eq!(output.length, 5);
    assert!(output.dropped > 0);
}

#[test]
fn nothing_to_do_is_done() {
    let batch = Batch::over(Store::in_memory().unwrap(), Config::new());
    assert_eq!(batch.run(&[]).unwrap(), []);
    let journal = batch.open().unwrap();
    batch.run_from(journal, 7, &[], |_| ()).unwrap();
}

/// A batch with a journal that is stopped after each so many results, until all are there.
fn in_steps(batch: impl Fn() -> Batch, works: &[Work], step: usize) -> (Vec<Finished>, Journal) {
    let journal = batch().open().unwrap();
    let mut all: Vec<Finished> = Vec::new();
    while all.len() < works.len() {
        let (batch, known) = (batch(), all.len());
        let stop = batch.stop_handle();
        let told = batch.run_from(journal, known, works, |progress| {
            all.extend_from_slice(progress.ready);
            if all.len() >= known + step {
                stop.stop();
            }
        });
        told.unwrap();
    }
    (all, journal)
}

#[test]
fn a_batch_that_is_stopped_goes_on_to_the_same_end() {
    let scene = Scene::new();
    let mut first = None;
    for step in [1000, 1, 3, 17] {
        let (manager, tokens) = scene.in_memory();
        let works = scene.works(&tokens, 80);
        let (all, journal) = in_steps(|| batch(&manager, Tier::Baseline, 3), &works, step);
        let found = (all, traces(manager.store()));
        let expected = first.get_or_insert_with(|| found.clone());
        for (number, (found, expected)) in found.0.iter().zip(&expected.0).enumerate() {
            assert_eq!(found, expected, "work {number}, {step} at a time");
        }
        assert_eq!(found, *expected, "{step} at a time");
        // Whoever has lost all results finds them, and nothing happens again.
        let batch = batch(&manager, Tier::Baseline, 2);
        let mut recalled = Vec::new();
        batch.run_from(journal, 0, &works, |progress| recalled.extend_from_slice(progress.ready)).unwrap();
        assert_eq!(recalled, expected.0);
        assert_eq!(traces(manager.store()), expected.1);
        // Not so with other works, or after the end.
        let error = batch.run_from(journal, 0, &works[1..], |_| ()).unwrap_err();
        assert!(matches!(error, BatchError::OtherWork { index: 0, .. }), "{error}");
        batch.close(journal, works.len()).unwrap();
        let mut again = Vec::new();
        batch.run_from(journal, 0, &works, |progress| again.extend_from_slice(progress.ready)).unwrap();
        assert!(again.iter().zip(&expected.0).any(|(again, first)| again.result != first.result));
    }
}

#[test]
fn others_who_change_a_register_meanwhile_are_seen() {
    // The transactions of a batch begin; while they run somebody else pays with the same tokens.
    let scene = Scene::new();
    let (manager, tokens) = scene.in_memory();
    let works: Vec<Work> =
        tokens.iter().map(|token| scene.pay(*token, 10).capability(scene.alice.clone()).into()).collect();
    let transactions = Transactions::new(manager.clone(), Config::new().fuel(1_000_000));
    let (finished, mine) = std::thread::scope(|scope| {
        let (scene, other) = (&scene, &transactions);
        let mine = scope.spawn(move || {
            let mut mine = BTreeMap::new();
            for token in &scene.in_memory().1 {
                let paid = other.run(&scene.pay(*token, 20).capability(scene.alice.clone()));
                mine.insert(*token, paid.is_ok());
            }
            mine
        });
        (batch(&manager, Tier::Baseline, 2).run(&works).unwrap(), mine.join().unwrap())
    });
    for (token, finished) in tokens.iter().zip(&finished) {
        assert_ne!(record_of(finished).is_some(), mine[token], "{finished:?}");
    }
    assert_eq!(manager.store().snapshot().unwrap().nullifier_count().unwrap(), TOKENS);
}

const DIRECTORY: &str = "CAUSALITY_TEST_BATCH";

/// The scene of a directory: capabilities as they were issued there.
fn scene_in(directory: &Path) -> Scene {
    let read = |name: &str| {
        std::fs::read_to_string(directory.join(name)).unwrap().trim().parse::<Capability>().unwrap()
    };
    Scene { issue: read("issue"), alice: read("alice"), scarce: read("scarce") }
}

/// What the process that is killed does: goes on with the batch, and says so at each commit.
fn go_on(directory: &Path) {
    let scene = scene_in(directory);
    let tokens = std::fs::read_to_string(directory.join("tokens")).unwrap();
    let tokens: Vec<ContentId> = tokens.lines().map(|line| line.parse().unwrap()).collect();
    let journal = std::fs::read_to_string(directory.join("journal")).unwrap().parse().unwrap();
    let manager = manager_of(Store::open(directory.join("store")).unwrap());
    let works = scene.works(&tokens, 100);
    batch(&manager, Tier::Auto, 3).run_from(journal, 0, &works, |_| println!("told")).unwrap();
    println!("all done");
}

/// A directory with a scene, or a copy of another one.
fn directory(of: Option<&Path>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("store")).unwrap();
    let files = ["issue", "alice", "scarce", "tokens", "journal", "store/store.redb"];
    if let Some(of) = of {
        for file in files {
            std::fs::copy(of.join(file), at(file)).unwrap();
        }
        return directory;
    }
    let scene = Scene::new();
    let (manager, tokens) = scene.fill(Store::open(at("store")).unwrap());
    let journal = batch(&manager, Tier::Auto, 1).open().unwrap();
    let tokens: String = tokens.iter().map(|token| format!("{token}\n")).collect();
    let Scene { issue, alice, scarce } = &scene;
    let texts = [issue.to_string(), alice.to_string(), scarce.to_string(), tokens, journal.to_string()];
    files.iter().zip(texts).for_each(|(file, text)| std::fs::write(at(file), text).unwrap());
    directory
}

/// All results that the journal has, and what the batch left in the store.
fn left_in(directory: &Path) -> (Vec<Finished>, (Roots, Vec<ContentId>)) {
    let scene = scene_in(directory);
    let tokens = std::fs::read_to_string(directory.join("tokens")).unwrap();
    let tokens: Vec<ContentId> = tokens.lines().map(|line| line.parse().unwrap()).collect();
    let journal = std::fs::read_to_string(directory.join("journal")).unwrap().parse().unwrap();
    let manager = manager_of(Store::open(directory.join("store")).unwrap());
    let mut all = Vec::new();
    let works = scene.works(&tokens, 100);
    let batch = batch(&manager, Tier::Auto, 2);
    batch.run_from(journal, 0, &works, |progress| all.extend_from_slice(progress.ready)).unwrap();
    assert_eq!(manager.store().verify(|_| ()).unwrap().damage, []);
    (all, traces(manager.store()))
}

#[test]
fn a_batch_that_is_killed_goes_on_to_the_same_end() {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return go_on(Path::new(&directory));
    }
    let whole = directory(None);
    let (own, name) = (std::env::current_exe().unwrap(), "a_batch_that_is_killed_goes_on_to_the_same_end");
    // After how many commits it is killed, each time.
    let killed = [&[][..], &[1, 2, 3, 4], &[0, 6, 6], &[9, 1, 1, 1, 1, 5]];
    let copies = killed.map(|_| directory(Some(whole.path())));
    let mut interruptions = 0;
    for (directory, after) in copies.iter().zip(killed) {
        for lines in after.iter().copied().chain([usize::MAX]) {
            let mut child = Command::new(&own)
                .args(["--exact", name, "--nocapture"])
                .env(DIRECTORY, directory.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut told = 0;
            let mut is_done = false;
            for line in BufReader::new(child.stdout.take().unwrap()).lines() {
                let line = line.unwrap();
                is_done |= line.contains("all done");
                told += usize::from(line.contains("told"));
                if told > lines {
                    break;
                }
            }
            let _ = child.kill();
            let status = child.wait().unwrap();
            interruptions += usize::from(!status.success());
            assert!(is_done || lines < usize::MAX);
            if is_done {
                break;
            }
        }
    }
    assert!(interruptions >= 6, "it was killed {interruptions} times only");
    let expected = left_in(copies[0].path());
    assert_eq!(expected.0.len(), 100);
    for copy in &copies[1..] {
        assert_eq!(left_in(copy.path()), expected);
    }
}
