//! Makes the calls, and says what came of each.

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use causality_vm::memory::SegmentKind;
use causality_vm::registers::Slot;
use causality_vm::snapshot::Snapshot;
use causality_vm::{
    Engine, Error, Exit, Instance, Linker, Module, Moment, Options, PauseReason, TypedFunction,
};

use super::guest::{Data, Guest, link};
use super::step::{MOST, Step};
use super::way::{Settings, Way};
use crate::digest::of_memory;

/// What all lanes share.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    guest: &'a Guest,
    engine: Engine,
    module: Module,
    linker: Linker<Data>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(guest: &'a Guest, settings: &Settings, way: Way) -> Self {
        let engine = Engine::new(way.config(settings));
        let module = Module::new(&engine, &guest.elf()).expect("it is a program");
        let mut linker = Linker::new(&engine);
        link(&mut linker).expect("names and numbers are free");
        Stage { guest, engine, module, linker }
    }
}

/// One lane: an instance, if there is one, and copies of it.
#[derive(Debug)]
pub struct Player<'a> {
    stage: &'a Stage<'a>,
    instance: Option<Instance<Data>>,
    moments: Vec<Moment<Data>>,
    observed: Arc<AtomicU64>,
}

/// Standard input.
const INPUT: &[u8] = b"input";

/// Copies that are kept.
const MOMENTS: usize = 4;

impl<'a> Player<'a> {
    /// With an instance, if one can be made.
    pub(super) fn new(stage: &'a Stage<'a>) -> Self {
        let mut player = Player { stage, instance: None, moments: Vec::new(), observed: Arc::default() };
        player.instantiate();
        player
    }

    fn instantiate(&mut self) -> String {
        (self.instance, self.moments) = (None, Vec::new());
        let options = Options::new().args(["guest", "argument"]).seed(7).stdin(INPUT);
        match self.stage.linker.instantiate(&self.stage.module, options, 0) {
            Ok(mut instance) => {
                self.stage.guest.prepare(&mut instance);
                self.instance = Some(instance);
                String::from("instantiated")
            }
            Err(error) => error.to_string(),
        }
    }

    /// Does it; says what it returned, and how the instance is afterwards.
    pub(super) fn play(&mut self, step: &Step) -> String {
        let told = match (step, &mut self.instance) {
            (Step::Instantiate, _) => self.instantiate(),
            (Step::Elsewhere(step), _) => {
                thread::scope(|scope| scope.spawn(|| self.play(step)).join()).expect("nothing panics")
            }
            (Step::WaitForCode, _) => {
                self.stage.engine.wait_for_code();
                String::new()
            }
            (_, None) => return String::from("there is none"),
            (Step::Drop, instance) => format!("{:?}", instance.take().map(Instance::into_data)),
            (_, Some(_)) => self.play_on(step),
        };
        format!("{told}; {}", self.state())
    }

    fn play_on(&mut self, step: &Step) -> String {
        let Some(instance) = &mut self.instance else { return String::new() };
        match step {
            Step::GoBack(which) => match self.moments.get(*which) {
                Some(moment) => told(instance.go_back(moment)),
                None => String::from("there is no such moment"),
            },
            Step::Moment => {
                let moment = instance.moment(self.moments.last());
                let said = moment.as_ref().map(|moment| moment.as_ref().map(Moment::retired));
                let said = told(said);
                if let Ok(Some(moment)) = moment {
                    self.moments.truncate(MOMENTS - 1);
                    self.moments.push(moment);
                }
                said
            }
            Step::Observe => {
                let observed = Arc::clone(&self.observed);
                instance.observe(move |_| {
                    observed.fetch_add(1, Ordering::Relaxed);
                });
                String::new()
            }
            Step::Fork | Step::Snapshot => {
                let made = match step {
                    Step::Fork => instance.fork(),
                    _ => resumed(instance, self.stage),
                };
                match made {
                    Ok(made) => {
                        // Moments are of the one before.
                        (self.instance, self.moments) = (Some(made), Vec::new());
                        String::from("made")
                    }
                    Err(error) => format!("error: {error}"),
                }
            }
            Step::ForkAside(length) => {
                let before = self.state();
                let Some(instance) = &mut self.instance else { return String::new() };
                let ran = instance.fork().and_then(|mut fork| fork.run_for(*length));
                assert_eq!(self.state(), before, "a fork shows");
                told(ran)
            }
            _ => run_step(step, instance)
                .or_else(|| call_step(step, instance))
                .or_else(|| memory_step(step, instance))
                .unwrap_or_else(|| simple_step(step, instance, self.stage.guest)),
        }
    }

    fn state(&self) -> String {
        let Some(instance) = &self.instance else { return String::from("gone") };
        let memory = instance.memory();
        let registers = memory.registers_at(instance.hart().instret());
        let slots: Vec<_> = (0..).map_while(|slot| registers.slot(slot)).map(Slot::lifecycle).collect();
        let observed = self.observed.load(Ordering::Relaxed);
        let (state, exit, hart, data) = (instance.state(), instance.exit(), instance.hart(), instance.data());
        let digest = of_memory(memory);
        format!("{state:?} {exit:?} {hart:x?} {data} {observed} {digest} {} {slots:?}", memory.mapped())
    }
}

fn told<T: Debug, E: Display>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("error: {error}"),
    }
}

/// Steps that run the guest.
fn run_step(step: &Step, instance: &mut Instance<Data>) -> Option<String> {
    Some(match step {
        // Guests with more fuel than this may go on for ever.
        Step::Run if instance.fuel() > 2 * MOST => told(instance.run_for(MOST)),
        Step::Run => told(instance.run()),
        Step::RunFor(length) => told(instance.run_for(*length)),
        Step::StepOnce => told(instance.step()),
        Step::RunPaused if instance.fuel() > 2 * MOST => told(instance.run_for(MOST)),
        Step::RunPaused => run_paused(instance),
        _ => return None,
    })
}

/// How often a function is called that returns: the second call finds a way in that was prepared, the third looks at little.
const TIMES: usize = 4;

/// Steps that call functions.
fn call_step(step: &Step, instance: &mut Instance<Data>) -> Option<String> {
    type Function = TypedFunction<(u64, u64), u64>;
    // Whether it comes to an end, nobody knows.
    let may_run = instance.fuel() <= 2 * MOST;
    Some(match step {
        Step::Call(..) | Step::ResumeCall(_) if !may_run => String::from("too much fuel"),
        Step::Call(addr, a, b) => {
            let function: Function = instance.function_at(*addr);
            let mut said = String::new();
            for _ in 0..TIMES {
                let result = function.call(instance, (*a, *b));
                let has_returned = result.is_ok();
                said += &told(result);
                if !has_returned {
                    break;
                }
            }
            said
        }
        Step::ResumeCall(addr) => {
            let function: Function = instance.function_at(*addr);
            told(function.resume(instance))
        }
        Step::AbandonCall => format!("{} {}", instance.abandon_call(), instance.pending_calls()),
        _ => return None,
    })
}

/// What comes back of an instance that was bytes in between.
fn resumed(instance: &mut Instance<Data>, stage: &Stage<'_>) -> Result<Instance<Data>, Error> {
    let snapshot = Snapshot::of(instance)?;
    let same = Snapshot::from_bytes(&snapshot.to_bytes()).expect("it was written so");
    assert_eq!(same.root(), snapshot.root());
    let rest = &INPUT[(snapshot.stdin_read() as usize).min(INPUT.len())..];
    let made = stage.linker.resume(&stage.module, Options::new().stdin(rest), *instance.data(), &same)?;
    assert_eq!((made.hart(), made.fuel()), (instance.hart(), instance.fuel()));
    Ok(made)
}

/// Runs to whatever else ends it while another thread pauses it. How often that comes to pass is not told.
fn run_paused(instance: &mut Instance<Data>) -> String {
    let (handle, is_over) = (instance.pause_handle(), AtomicBool::new(false));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                handle.pause();
                thread::yield_now();
            }
        });
        let result = loop {
            match instance.run() {
                Ok(Exit::Paused(PauseReason::Requested)) => {}
                result => break result,
            }
        };
        is_over.store(true, Ordering::Relaxed);
        result
    });
    let _ = handle.take();
    told(result)
}

/// Steps that change memory.
fn memory_step(step: &Step, instance: &mut Instance<Data>) -> Option<String> {
    let memory = instance.memory_mut();
    Some(match step {
        Step::Map(range, perms) => told(memory.map(range.clone(), *perms, SegmentKind::Heap, "mapped")),
        Step::Unmap(range) => told(memory.unmap(range.clone())),
        Step::Protect(range, perms) => told(memory.protect(range.clone(), *perms)),
        Step::Zero(range) => told(memory.zero(range.clone())),
        Step::Store(addr, bytes) => {
            told(memory.slice_mut(*addr, bytes.len() as u64).map(|place| place.copy_from_slice(bytes)))
        }
        Step::SyncCode => {
            memory.sync_code();
            String::new()
        }
        Step::CreateRegister(slot, length) => told(memory.create_register(*slot, *length)),
        Step::SealRegister(slot) => told(memory.seal_register(*slot)),
        Step::ConsumeRegister(slot) => told(memory.consume_register(*slot)),
        _ => return None,
    })
}

/// All other steps.
fn simple_step(step: &Step, instance: &mut Instance<Data>, guest: &Guest) -> String {
    match step {
        Step::AddFuel(amount) => instance.add_fuel(*amount),
        Step::SetX(x, value) => instance.set_x(*x, *value),
        Step::SetF(f, bits) => instance.set_f(*f, *bits),
        Step::SetFcsr(value) => instance.set_fcsr(*value),
        Step::SetPc(pc) => instance.set_pc(*pc),
        Step::Break(pc) => return format!("{}", instance.breakpoints_mut().insert(*pc)),
        Step::Unbreak => {
            let all: Vec<_> = instance.breakpoints().iter().collect();
            for pc in all {
                instance.breakpoints_mut().remove(pc);
            }
        }
        Step::PassBreakpoint => instance.pass_breakpoint(),
        Step::Pause => instance.pause_handle().pause(),
        Step::Reset => {
            let reset = instance.reset();
            if reset.is_ok() {
                guest.prepare(instance);
            }
            return told(reset);
        }
        Step::Abort => return told(instance.abort()),
        Step::Revive => instance.revive(),
        Step::GoBackToStart => return told(instance.go_back_to_start()),
        Step::KeepAnswers => instance.keep_answers(),
        Step::ForgetLater => instance.forget_later(),
        Step::StopObserving => instance.stop_observing(),
        Step::Report => {
            let mut report = instance.report();
            report.host = Default::default();
            return format!("{report:?} {:?}", instance.backtrace());
        }
        _ => {}
    }
    String::new()
}
