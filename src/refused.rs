//! What must not compile: each promise of the types, beside what it refuses.
//!
//! An item has its promise as its name and two programs: one that compiles, and the same with a change of a few lines that
//! must not. So nothing is refused for another reason than the one that is meant; `tests/architecture.rs` sees to the pairs,
//! and `ci/test.sh` has error codes compared, which plain `cargo test` does not.

/// ```
/// use causality_vm::Instance;
///
/// type Data = std::sync::Arc<u64>;
///
/// fn send(mut guest: Instance<Data>) {
///     std::thread::spawn(move || guest.run());
/// }
/// ```
///
/// ```compile_fail,E0277
/// use causality_vm::Instance;
///
/// type Data = std::rc::Rc<u64>;
///
/// fn send(mut guest: Instance<Data>) {
///     std::thread::spawn(move || guest.run());
/// }
/// ```
fn an_instance_goes_to_another_thread_only_with_data_that_can() {}

/// ```
/// fn run(guest: &mut causality_vm::Instance<()>) {
///     std::thread::scope(|scope| {
///         scope.spawn(|| guest.run());
///     });
/// }
/// ```
///
/// ```compile_fail,E0499
/// fn run(guest: &mut causality_vm::Instance<()>) {
///     std::thread::scope(|scope| {
///         scope.spawn(|| guest.run());
///         scope.spawn(|| guest.step());
///     });
/// }
/// ```
fn nobody_runs_an_instance_on_two_threads_at_once() {}

/// ```
/// use causality_vm::Checkpoint;
///
/// type Data = std::sync::OnceLock<u64>;
///
/// fn share(checkpoint: Checkpoint<Data>) {
///     std::thread::spawn(move || checkpoint.retired());
/// }
/// ```
///
/// ```compile_fail,E0277
/// use causality_vm::Checkpoint;
///
/// type Data = std::cell::OnceCell<u64>;
///
/// fn share(checkpoint: Checkpoint<Data>) {
///     std::thread::spawn(move || checkpoint.retired());
/// }
/// ```
fn a_checkpoint_is_shared_only_with_data_that_can_be() {}

/// ```
/// use causality_vm::{Checkpoint, Error};
///
/// #[derive(Clone)]
/// struct Data;
///
/// fn fork(checkpoint: &Checkpoint<Data>) -> Result<(), Error> {
///     checkpoint.fork().map(drop)
/// }
/// ```
///
/// ```compile_fail,E0599
/// use causality_vm::{Checkpoint, Error};
///
/// struct Data;
///
/// fn fork(checkpoint: &Checkpoint<Data>) -> Result<(), Error> {
///     checkpoint.fork().map(drop)
/// }
/// ```
fn data_that_cannot_be_there_twice_are_not_forked() {}

/// ```
/// use causality_vm::Instance;
///
/// fn add(guest: &mut Instance<Vec<u8>>) -> usize {
///     let data = guest.data().clone();
///     let _ = guest.run();
///     data.len()
/// }
/// ```
///
/// ```compile_fail,E0502
/// use causality_vm::Instance;
///
/// fn add(guest: &mut Instance<Vec<u8>>) -> usize {
///     let data = guest.data();
///     let _ = guest.run();
///     data.len()
/// }
/// ```
fn nobody_holds_data_while_the_guest_runs() {}

/// ```
/// use causality_vm::{Fault, Instance};
///
/// fn first(guest: &mut Instance<()>) -> Result<u8, Fault> {
///     let bytes = guest.memory_mut().slice_mut(0x10000, 16)?.to_vec();
///     let _ = guest.call::<_, ()>("change", ());
///     Ok(bytes[0])
/// }
/// ```
///
/// ```compile_fail,E0499
/// use causality_vm::{Fault, Instance};
///
/// fn first(guest: &mut Instance<()>) -> Result<u8, Fault> {
///     let bytes = guest.memory_mut().slice_mut(0x10000, 16)?;
///     let _ = guest.call::<_, ()>("change", ());
///     Ok(bytes[0])
/// }
/// ```
fn nobody_holds_bytes_of_a_guest_while_it_is_called() {}

/// ```
/// use causality_vm::Instance;
///
/// fn copy(guest: &mut Instance<[u8; 8]>) {
///     let (memory, data) = guest.parts();
///     let _ = memory.store(0x10000, *data);
/// }
/// ```
///
/// ```compile_fail,E0499
/// use causality_vm::Instance;
///
/// fn copy(guest: &mut Instance<[u8; 8]>) {
///     let (memory, data) = (guest.memory_mut(), guest.data_mut());
///     let _ = memory.store(0x10000, *data);
/// }
/// ```
fn memory_and_data_are_had_at_once_by_parts_only() {}

/// ```
/// use causality_vm::Instance;
///
/// fn end(mut guest: Instance<u64>) -> u64 {
///     let _ = guest.run();
///     guest.into_data()
/// }
/// ```
///
/// ```compile_fail,E0382
/// use causality_vm::Instance;
///
/// fn end(mut guest: Instance<u64>) -> u64 {
///     let data = guest.into_data();
///     let _ = guest.run();
///     data
/// }
/// ```
fn an_instance_ends_when_it_gives_its_data_back() {}

/// ```
/// use causality_vm::Instance;
///
/// async fn look(guest: &mut Instance<()>) -> u64 {
///     let run = guest.run_async();
///     let _ = run.await;
///     guest.fuel()
/// }
/// ```
///
/// ```compile_fail,E0502
/// use causality_vm::Instance;
///
/// async fn look(guest: &mut Instance<()>) -> u64 {
///     let run = guest.run_async();
///     let fuel = guest.fuel();
///     let _ = run.await;
///     fuel
/// }
/// ```
fn nobody_looks_at_a_guest_that_runs_as_a_future() {}

/// ```
/// use causality_vm::{Engine, Error, Instance, Linker, Module, Options};
///
/// fn instantiate(linker: &Linker<u64>, module: &Module) -> Result<Instance<u64>, Error> {
///     linker.instantiate(module, Options::new(), 5)
/// }
/// ```
///
/// ```compile_fail,E0308
/// use causality_vm::{Engine, Error, Instance, Linker, Module, Options};
///
/// fn instantiate(linker: &Linker<u64>, module: &Module) -> Result<Instance<u64>, Error> {
///     linker.instantiate(module, Options::new(), "5")
/// }
/// ```
fn instances_have_the_data_that_host_functions_work_with() {}

/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// fn observe(guest: &mut causality_vm::Instance<()>) {
///     let count = Arc::new(AtomicU64::new(0));
///     guest.observe(move |_| drop(count.fetch_add(1, Ordering::Relaxed)));
/// }
/// ```
///
/// ```compile_fail,E0277
/// use std::rc::Rc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// fn observe(guest: &mut causality_vm::Instance<()>) {
///     let count = Rc::new(AtomicU64::new(0));
///     guest.observe(move |_| drop(count.fetch_add(1, Ordering::Relaxed)));
/// }
/// ```
fn an_observer_goes_where_its_instance_goes() {}

/// ```
/// fn observe(guest: &mut causality_vm::Instance<()>) {
///     let mut count = 0;
///     guest.observe(move |_| count += 1);
/// }
/// ```
///
/// ```compile_fail,E0373
/// fn observe(guest: &mut causality_vm::Instance<()>) {
///     let mut count = 0;
///     guest.observe(|_| count += 1);
/// }
/// ```
fn an_observer_borrows_nothing() {}

/// ```
/// let mut linker = causality_vm::Linker::<u64>::new(&causality_vm::Engine::default());
/// let kept = std::sync::Mutex::new(None);
/// let _ = linker.function("keep", move |caller: &mut causality_vm::Caller<'_, u64>| {
///     *kept.lock().unwrap() = Some(*caller.data());
/// });
/// ```
///
/// ```compile_fail,E0521
/// let mut linker = causality_vm::Linker::<u64>::new(&causality_vm::Engine::default());
/// let kept = std::sync::Mutex::new(None);
/// let _ = linker.function("keep", move |caller: &mut causality_vm::Caller<'_, u64>| {
///     *kept.lock().unwrap() = Some(caller.data());
/// });
/// ```
fn what_a_caller_lends_is_back_when_the_call_returns() {}

/// ```
/// use causality_vm::{Caller, HostFault, Ptr};
///
/// fn take(caller: &mut Caller<'_, ()>, from: Ptr) -> Result<u8, HostFault> {
///     let bytes = caller.bytes(from.0, 16)?.to_vec();
///     caller.write_pod(from.0, 0_u8)?;
///     Ok(bytes[0])
/// }
/// ```
///
/// ```compile_fail,E0502
/// use causality_vm::{Caller, HostFault, Ptr};
///
/// fn take(caller: &mut Caller<'_, ()>, from: Ptr) -> Result<u8, HostFault> {
///     let bytes = caller.bytes(from.0, 16)?;
///     caller.write_pod(from.0, 0_u8)?;
///     Ok(bytes[0])
/// }
/// ```
fn a_host_function_holds_no_bytes_while_it_changes_memory() {}

/// ```
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let answer = std::sync::Arc::new(42_u64);
/// let _ = linker.function("answer", move |_: &mut causality_vm::Caller<'_, ()>| *answer);
/// ```
///
/// ```compile_fail,E0277
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let answer = std::rc::Rc::new(42_u64);
/// let _ = linker.function("answer", move |_: &mut causality_vm::Caller<'_, ()>| *answer);
/// ```
fn host_functions_go_to_other_threads() {}

/// ```
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let answer = std::sync::OnceLock::new();
/// let _ = linker.function("answer", move |_: &mut causality_vm::Caller<'_, ()>| *answer.get_or_init(|| 42_u64));
/// ```
///
/// ```compile_fail,E0277
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let answer = std::cell::OnceCell::new();
/// let _ = linker.function("answer", move |_: &mut causality_vm::Caller<'_, ()>| *answer.get_or_init(|| 42_u64));
/// ```
fn host_functions_are_called_on_many_threads_at_once() {}

/// ```
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let answer = 42_u64;
/// let _ = linker.function("answer", move |_: &mut causality_vm::Caller<'_, ()>| answer);
/// ```
///
/// ```compile_fail,E0373
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let answer = 42_u64;
/// let _ = linker.function("answer", |_: &mut causality_vm::Caller<'_, ()>| answer);
/// ```
fn host_functions_borrow_nothing() {}

/// ```
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let count = std::sync::atomic::AtomicU64::new(0);
/// let _ = linker.function("count", move |_: &mut causality_vm::Caller<'_, ()>| {
///     count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
/// });
/// ```
///
/// ```compile_fail,E0525
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let mut count = 0_u64;
/// let _ = linker.function("count", move |_: &mut causality_vm::Caller<'_, ()>| {
///     count += 1;
/// });
/// ```
fn host_functions_change_nothing_of_their_own() {}

/// ```
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let _ = linker.function("half", |_: &mut causality_vm::Caller<'_, ()>, value: f64| value / 2.0);
/// ```
///
/// ```compile_fail,E0277
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let _ = linker.function("half", |_: &mut causality_vm::Caller<'_, ()>, value: Vec<f64>| value[0] / 2.0);
/// ```
fn parameters_are_what_registers_hold() {}

/// ```
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let _ = linker.function("name", |_: &mut causality_vm::Caller<'_, ()>| 5_u64);
/// ```
///
/// ```compile_fail,E0277
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let _ = linker.function("name", |_: &mut causality_vm::Caller<'_, ()>| "five");
/// ```
fn results_are_what_registers_hold() {}

/// ```
/// fn sum(_: &mut causality_vm::Caller<'_, ()>, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) {}
///
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let _ = linker.function("sum", sum);
/// ```
///
/// ```compile_fail,E0277
/// fn sum(_: &mut causality_vm::Caller<'_, ()>, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) {}
///
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let _ = linker.function("sum", sum);
/// ```
fn host_functions_have_no_more_than_seven_parameters() {}

/// ```
/// use causality_vm::{Caller, Engine, Linker};
///
/// fn later(caller: &mut Caller<'_, u64>) -> impl Future<Output = u64> + use<> {
///     let data = *caller.data();
///     async move { data }
/// }
///
/// let _ = Linker::new(&Engine::default()).function_async("later", later);
/// ```
///
/// ```compile_fail,E0277
/// use causality_vm::{Caller, Engine, Linker};
///
/// fn later(caller: &mut Caller<'_, u64>) -> impl Future<Output = u64> {
///     let data = *caller.data();
///     async move { data }
/// }
///
/// let _ = Linker::new(&Engine::default()).function_async("later", later);
/// ```
fn a_future_has_no_caller() {}

/// ```
/// async fn later(answer: std::sync::Arc<u64>) -> u64 {
///     std::future::ready(()).await;
///     *answer
/// }
///
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let _ = linker.function_async("later", |_: &mut causality_vm::Caller<'_, ()>| later(42.into()));
/// ```
///
/// ```compile_fail,E0277
/// async fn later(answer: std::rc::Rc<u64>) -> u64 {
///     std::future::ready(()).await;
///     *answer
/// }
///
/// let mut linker = causality_vm::Linker::new(&causality_vm::Engine::default());
/// let _ = linker.function_async("later", |_: &mut causality_vm::Caller<'_, ()>| later(42.into()));
/// ```
fn a_future_goes_where_its_instance_goes() {}

/// ```
/// use causality_vm::{CallError, Instance, TypedFunction};
///
/// fn call(add: &TypedFunction<(u64, u64), u64>, guest: &mut Instance<()>) -> Result<u64, CallError> {
///     add.call(guest, (40, 2))
/// }
/// ```
///
/// ```compile_fail,E0308
/// use causality_vm::{CallError, Instance, TypedFunction};
///
/// fn call(add: &TypedFunction<(u64, u64), u64>, guest: &mut Instance<()>) -> Result<u64, CallError> {
///     add.call(guest, (40, 2, 0))
/// }
/// ```
fn a_typed_function_is_called_with_as_many_arguments_as_it_has() {}

/// ```
/// use causality_vm::{CallError, Instance, TypedFunction};
///
/// fn call(add: &TypedFunction<(u64, u64), u64>, guest: &mut Instance<()>) -> Result<u64, CallError> {
///     add.call(guest, (40, 2))
/// }
/// ```
///
/// ```compile_fail,E0308
/// use causality_vm::{CallError, Instance, TypedFunction};
///
/// fn call(add: &TypedFunction<(u64, u64), u64>, guest: &mut Instance<()>) -> Result<u64, CallError> {
///     add.call(guest, (40, 2.0))
/// }
/// ```
fn a_typed_function_is_called_with_arguments_of_its_types() {}

/// ```
/// use causality_vm::{CallError, Instance, TypedFunction};
///
/// fn call(add: &TypedFunction<(u64, u64), u64>, guest: &mut Instance<()>) -> Result<u64, CallError> {
///     add.call(guest, (40, 2))
/// }
/// ```
///
/// ```compile_fail,E0308
/// use causality_vm::{CallError, Instance, TypedFunction};
///
/// fn call(add: &TypedFunction<(u64, u64), u64>, guest: &mut Instance<()>) -> Result<f64, CallError> {
///     add.call(guest, (40, 2))
/// }
/// ```
fn a_typed_function_returns_its_type() {}

/// ```
/// use causality_vm::{CallError, Instance, Ptr};
///
/// fn call(guest: &mut Instance<()>) -> Result<u64, CallError> {
///     guest.call("length", Ptr(0x10000))
/// }
/// ```
///
/// ```compile_fail,E0277
/// use causality_vm::{CallError, Instance, Ptr};
///
/// fn call(guest: &mut Instance<()>) -> Result<u64, CallError> {
///     guest.call("length", "text")
/// }
/// ```
fn arguments_are_what_registers_hold() {}

/// ```
/// use causality_vm::{CallError, Instance, Ptr};
///
/// fn call(guest: &mut Instance<()>) -> Result<Ptr, CallError> {
///     guest.call("name", ())
/// }
/// ```
///
/// ```compile_fail,E0277
/// use causality_vm::{CallError, Instance, Ptr};
///
/// fn call(guest: &mut Instance<()>) -> Result<String, CallError> {
///     guest.call("name", ())
/// }
/// ```
fn what_a_call_returns_is_what_registers_hold() {}

/// ```
/// fn call(guest: &mut causality_vm::Instance<()>) {
///     let _ = guest.call::<_, ()>("eight", (1, 2, 3, 4, 5, 6, 7, 8));
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn call(guest: &mut causality_vm::Instance<()>) {
///     let _ = guest.call::<_, ()>("eight", (1, 2, 3, 4, 5, 6, 7, 8, 9));
/// }
/// ```
fn a_call_has_no_more_than_eight_arguments() {}

/// ```
/// let text = String::from("text");
/// let options = causality_vm::Options::new().stdin(std::io::Cursor::new(text));
/// ```
///
/// ```compile_fail,E0597
/// let text = String::from("text");
/// let options = causality_vm::Options::new().stdin(text.as_bytes());
/// ```
fn streams_borrow_nothing() {}

/// ```
/// let options = causality_vm::Options::new().stdout(std::io::stdout());
/// ```
///
/// ```compile_fail,E0277
/// let options = causality_vm::Options::new().stdout(std::io::stdout().lock());
/// ```
fn streams_go_where_their_instance_goes() {}

/// ```
/// use causality_vm::batch::{Batch, BatchError, Work};
///
/// fn keep(batch: &Batch, works: &[Work]) -> Result<(), BatchError> {
///     let mut kept = None;
///     batch.run_with(works, |progress| kept = Some(progress.ready.to_vec()))
/// }
/// ```
///
/// ```compile_fail,E0521
/// use causality_vm::batch::{Batch, BatchError, Work};
///
/// fn keep(batch: &Batch, works: &[Work]) -> Result<(), BatchError> {
///     let mut kept = None;
///     batch.run_with(works, |progress| kept = Some(progress.ready))
/// }
/// ```
fn what_a_batch_tells_is_copied_or_gone() {}

/// ```
/// fn describe(error: &causality_vm::CallError) -> &str {
///     use causality_vm::CallError::{Host, NoFunction, NotCalled, OtherProgram, Stopped};
///     match error {
///         NoFunction(_) | OtherProgram | NotCalled => "mine",
///         Stopped(_) => "the guest's",
///         Host(_) => "the host's",
///         _ => "somebody else's",
///     }
/// }
/// ```
///
/// ```compile_fail,E0004
/// fn describe(error: &causality_vm::CallError) -> &str {
///     use causality_vm::CallError::{Host, NoFunction, NotCalled, OtherProgram, Stopped};
///     match error {
///         NoFunction(_) | OtherProgram | NotCalled => "mine",
///         Stopped(_) => "the guest's",
///         Host(_) => "the host's",
///     }
/// }
/// ```
fn there_may_be_new_errors() {}

/// ```
/// use causality_vm::store::{Commitment, ContentId, Nullifier, Snapshot, StoreError};
///
/// fn consumed_by(snapshot: &Snapshot, nullifier: Nullifier) -> Result<Option<ContentId>, StoreError> {
///     snapshot.consumed_by(nullifier)
/// }
/// ```
///
/// ```compile_fail,E0308
/// use causality_vm::store::{Commitment, ContentId, Nullifier, Snapshot, StoreError};
///
/// fn consumed_by(snapshot: &Snapshot, nullifier: ContentId) -> Result<Option<ContentId>, StoreError> {
///     snapshot.consumed_by(nullifier)
/// }
/// ```
fn digests_of_different_things_are_different_types() {}

/// ```
/// use causality_vm::resource::{Finalizing, Rejected, RunContext, Verifying};
///
/// fn go_on(run: RunContext<Finalizing>) -> Result<RunContext<Verifying>, Rejected> {
///     run.finalize()
/// }
/// ```
///
/// ```compile_fail,E0599
/// use causality_vm::resource::{Executing, Rejected, RunContext, Verifying};
///
/// fn go_on(run: RunContext<Executing>) -> Result<RunContext<Verifying>, Rejected> {
///     run.finalize()
/// }
/// ```
fn no_phase_of_a_run_is_left_out() {}

/// ```
/// use causality_vm::resource::{Committed, Rejected, VerifiedRun};
///
/// fn commit(run: VerifiedRun) -> Result<Committed, Rejected> {
///     run.commit()
/// }
/// ```
///
/// ```compile_fail,E0382
/// use causality_vm::resource::{Committed, Rejected, VerifiedRun};
///
/// fn commit(run: VerifiedRun) -> Result<Committed, Rejected> {
///     run.commit()?;
///     run.commit()
/// }
/// ```
fn a_run_takes_effect_once() {}
