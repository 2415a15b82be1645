//! What a recorder of metrics and a subscriber of spans see of a run. `docs/observability.md` lists it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use causality_testkit::elf::Elf;
use causality_vm::{Config, Engine, Exit, Linker, Module, Options, Tier};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

/// Sums by name and labels; of histograms how often something was recorded.
#[derive(Clone, Default)]
struct Sums(Arc<Mutex<BTreeMap<String, u64>>>);

struct Sum {
    key: String,
    sums: Sums,
}

impl Sums {
    fn of(&self, key: &Key) -> Sum {
        let labels = key.labels().map(|label| format!("{}={}", label.key(), label.value()));
        let key = [key.name().to_owned()].into_iter().chain(labels).collect::<Vec<_>>().join(" ");
        Sum { key, sums: self.clone() }
    }
}

impl CounterFn for Sum {
    fn increment(&self, value: u64) {
        *self.sums.0.lock().unwrap().entry(self.key.clone()).or_default() += value;
    }

    fn absolute(&self, _: u64) {}
}

impl HistogramFn for Sum {
    fn record(&self, _: f64) {
        self.increment(1);
    }
}

impl Recorder for Sums {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(self.of(key)))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(self.of(key)))
    }
}

/// Spans by name, with their fields.
#[derive(Clone, Default)]
struct Spans {
    names: Arc<Mutex<BTreeMap<u64, &'static str>>>,
    fields: Arc<Mutex<BTreeMap<&'static str, BTreeSet<String>>>>,
    next: Arc<AtomicU64>,
}

struct Fields<'a>(&'a mut BTreeSet<String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, _: &dyn Debug) {
        self.0.insert(field.name().to_owned());
    }
}

impl Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let name = span.metadata().name();
        self.names.lock().unwrap().insert(id, name);
        span.record(&mut Fields(self.fields.lock().unwrap().entry(name).or_default()));
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let name = self.names.lock().unwrap()[&id.into_u64()];
        values.record(&mut Fields(self.fields.lock().unwrap().entry(name).or_default()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Guests run one after the other: whether a span is recorded is settled when its place in the code is first reached, by
/// what the thread that reaches it listens to, and settled anew only when somebody begins to listen.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// `ebreak`, after some instructions.
const TRAPS: [u32; 4] = [0x0000_0513, 0x0015_0513, 0x0015_0513, 0x0010_0073];

fn run(elf: &[u8], tier: Tier, runs: &[u64]) -> Exit {
    let engine = Engine::new(Config::new().tier(tier));
    let module = Module::new(&engine, elf).unwrap();
    let mut instance = Linker::new(&engine).instantiate(&module, Options::new(), ()).unwrap();
    for &instructions in runs {
        instance.run_for(instructions).unwrap();
    }
    instance.run().unwrap()
}

#[test]
fn a_recorder_sees_what_engines_did() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let sums = Sums::default();
    metrics::with_local_recorder(&sums, || {
        run(&Elf::of_words(&TRAPS).build(), Tier::Interpreter, &[2]);
        let exit = run(&std::fs::read("testkit/guests/sieve.elf").unwrap(), Tier::Baseline, &[]);
        assert_eq!(exit, Exit::Completed(0));
    });
    let sums = sums.0.lock().unwrap();
    let sum = |name: &str| *sums.get(name).unwrap_or_else(|| panic!("no {name} in {sums:?}"));
    assert_eq!((sum("causality_modules"), sum("causality_load_seconds")), (2, 2));
    assert_eq!(sum("causality_instances"), 2);
    assert_eq!(
        (sum("causality_runs"), sum("causality_run_seconds"), sum("causality_run_instructions")),
        (3, 3, 3)
    );
    assert_eq!((sum("causality_exits kind=step"), sum("causality_exits kind=trap")), (1, 1));
    assert_eq!((sum("causality_exits kind=completed"), sum("causality_traps cause=breakpoint")), (1, 1));
    assert!(sum("causality_instructions") > 1000);
    assert!(sum("causality_translated_regions tier=baseline") > 1);
    assert!(sum("causality_translated_bytes tier=baseline") > 100);
    assert_eq!(
        sum("causality_translate_seconds tier=baseline"),
        sum("causality_translated_regions tier=baseline")
    );
}

#[test]
fn a_subscriber_sees_spans_with_their_fields() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let spans = Spans::default();
    tracing::subscriber::with_default(spans.clone(), || {
        run(&std::fs::read("testkit/guests/sieve.elf").unwrap(), Tier::Cranelift, &[]);
    });
    let fields = spans.fields.lock().unwrap();
    let has = |span: &str, names: &[&str]| {
        let found = fields.get(span).unwrap_or_else(|| panic!("no span {span} in {fields:?}"));
        names.iter().all(|&name| found.contains(name))
    };
    assert!(has("load", &["module", "bytes", "microseconds"]), "{fields:?}");
    assert!(has("run", &["module", "exit", "instructions", "microseconds"]), "{fields:?}");
    assert!(has("compile", &["pc", "instructions"]), "{fields:?}");
}

#[test]
fn every_metric_is_in_the_documentation() {
    let documented = include_str!("../docs/observability.md");
    let sources = [
        include_str!("../src/measured.rs"),
        include_str!("../jit/src/statistics.rs"),
        include_str!("../jit/src/promotion.rs"),
    ];
    let names: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| source.split('"'))
        .filter(|text| text.starts_with("causality_") && !text.contains(' '))
        .collect();
    assert!(names.len() >= 14, "{names:?}");
    for name in names {
        assert!(documented.contains(&format!("`{name}`")), "{name} is not documented");
    }
}
