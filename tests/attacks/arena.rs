//! Runs an attack in every tier, side by side with neighbours that must not notice.

use std::fmt::Debug;

use causality_testkit::digest::of_memory;
use causality_vm::{Config, Engine, Instance, Limits, Linker, Module, Options, Promotion, Tier};

use crate::guest;

/// All ways to execute guests; what all others must be as comes first.
pub(crate) fn ways(limits: &Limits) -> [(&'static str, Config); 6] {
    let config = |tier| Config::new().limits(limits.clone()).tier(tier);
    let eager =
        |in_background| config(Tier::Auto).hot(1).promotion(Promotion { in_background, ..Promotion::EAGER });
    [
        ("interpreter", config(Tier::Interpreter)),
        ("baseline", config(Tier::Baseline)),
        ("cranelift", config(Tier::Cranelift)),
        ("auto", config(Tier::Auto)),
        ("auto, promoting at once", eager(false)),
        ("auto, promoting in the background", eager(true)),
    ]
}

/// What lies around the attacker in the host: other guests, and memory of the host's own.
pub(crate) struct Neighbours {
    guests: Vec<(Instance<()>, String)>,
    host: Vec<Box<[u8]>>,
}

const CANARY: u8 = 0xc5;

impl Neighbours {
    pub(crate) fn new() -> Self {
        Neighbours { guests: Vec::new(), host: Vec::new() }
    }

    /// Large enough for the host to give each a mapping of its own, beside those made before and after.
    pub(crate) fn add(&mut self) {
        const HOST: usize = 256 << 10;
        self.host.push(vec![CANARY; HOST].into());
        let engine = Engine::new(Config::new().limits(guest::limits()));
        let module = Module::new(&engine, &guest::elf(guest::exit)).expect("it is a program");
        let mut instance =
            Linker::new(&engine).instantiate(&module, Options::new(), ()).expect("the host has memory");
        let data = instance.memory_mut().slice_mut(guest::DATA, guest::DATA_SIZE).expect("it is writable");
        data.fill(CANARY);
        let digest = of_memory(instance.memory()).to_string();
        self.guests.push((instance, digest));
    }

    /// Fails if anything has changed.
    pub(crate) fn check(&self) {
        assert!(
            self.host.iter().all(|bytes| bytes.iter().all(|&byte| byte == CANARY)),
            "host memory has changed"
        );
        for (instance, digest) in &self.guests {
            assert_eq!(
                of_memory(instance.memory()).to_string(),
                *digest,
                "another guest's memory has changed"
            );
        }
    }
}

/// All that a guest can have an influence on.
pub(crate) fn state<T>(instance: &Instance<T>) -> (String, String) {
    let memory = of_memory(instance.memory());
    let registers: Vec<_> = (0..).map_while(|slot| instance.memory().registers().slot(slot)).collect();
    (format!("{:?} {:x?} {registers:?}", instance.exit(), instance.hart()), memory.to_string())
}

/// An attack: a guest, its limits, its host, and what the embedder does with it.
pub(crate) struct Attack<'a, T> {
    pub(crate) elf: &'a [u8],
    pub(crate) limits: Limits,
    pub(crate) link: fn(&mut Linker<T>),
    pub(crate) data: fn() -> T,
}

impl<'a> Attack<'a, ()> {
    /// By code alone.
    pub(crate) fn new(elf: &'a [u8]) -> Self {
        Attack { elf, limits: guest::limits(), link: |_| (), data: || () }
    }
}

impl<T> Attack<'_, T> {
    /// Makes it in every tier. What `drive` says of it, and the guest afterwards, must be the same in all of them.
    pub(crate) fn everywhere<R: PartialEq + Debug>(&self, drive: impl Fn(&mut Instance<T>) -> R) -> R {
        let mut neighbours = Neighbours::new();
        neighbours.add();
        let mut all: Vec<_> = ways(&self.limits)
            .into_iter()
            .map(|(name, config)| {
                let instance = self.instance(config);
                neighbours.add();
                (name, instance)
            })
            .collect();
        let mut ends = all.iter_mut().map(|(name, instance)| {
            let told = drive(instance);
            neighbours.check();
            (*name, told, state(instance))
        });
        let (_, expected, expected_state) = ends.next().expect("there is one");
        for (name, told, state) in ends {
            assert!(told == expected, "{name}: {}", difference(&told, &expected));
            assert_eq!(state, expected_state, "{name}");
        }
        expected
    }

    fn instance(&self, config: Config) -> Instance<T> {
        let engine = Engine::new(config);
        let module = Module::new(&engine, self.elf).expect("it is a program");
        let mut linker = Linker::new(&engine);
        (self.link)(&mut linker);
        linker.instantiate(&module, Options::new(), (self.data)()).expect("the host has memory")
    }
}

/// The first lines in which two differ.
fn difference(one: &impl Debug, other: &impl Debug) -> String {
    let (one, other) = (format!("{one:#x?}"), format!("{other:#x?}"));
    let different = one.lines().zip(other.lines()).enumerate().filter(|(_, (a, b))| a != b);
    let lines: Vec<_> =
        different.take(10).map(|(at, (a, b))| format!("line {at}: {a} instead of {b}")).collect();
    format!("{}\n{} lines, {} lines", lines.join("\n"), one.lines().count(), other.lines().count())
}
