//! `causality-vm run --as`: a run that is a transaction.

use std::io::{self, IsTerminal, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use causality_vm::Exit;
use causality_vm::resource::{Intent, Record, Rejected, ResourceManager, RunError, Transition, Verdict};
use causality_vm::transaction::{Job, Outcome, Streams, Transaction, TransactionError, Transactions};

use crate::args::RunArgs;
use crate::ending::{self, Ending};
use crate::failure::{Failure, read_program};
use crate::streams::{Errors, Input, Output};
use crate::{capability_file, exit_code, key_file, names, printing, record_file, resources, run};

/// The most bytes of standard input. All of it is kept, for the repetition.
const MOST_INPUT: u64 = 1 << 30;

/// Runs a program for whom the key is, makes that take effect, and gives the exit code.
pub(crate) fn run(args: &RunArgs, key: &Path) -> Result<u8, Failure> {
    let path = Path::new(&args.guest.program[0]);
    let elf = read_program(path)?;
    let named = &args.transaction;
    let manager = resources::open(&named.directory(), &named.root, args.guest.engine.tier.into())?;
    let transactions = Transactions::new(manager, run::config(&args.guest.engine));
    let job = job(args, key, &elf)?;
    let output = Output::new();
    let streams = Streams::new().stdout(output.clone()).stderr(Errors);
    let transaction = match transactions.begin_with(&job, streams) {
        Ok(transaction) => transaction,
        Err(TransactionError::Engine(error)) => return Err(Failure::of_program(path, error)),
        Err(TransactionError::Rejected(rejected)) => return refused(args, transactions.manager(), &rejected),
        Err(error) => return Err(not_begun(&error)),
    };
    output.stop_when_broken(transaction.pause_handle());
    run::stop_on_ctrl_c(transaction.pause_handle())?;
    tracing::info!(program = %path.display(), id = %transaction.module().id(), "running");
    finish(args, transactions.manager(), transaction, &elf, output)
}

fn job(args: &RunArgs, key: &Path, elf: &[u8]) -> Result<Job, Failure> {
    let named = &args.transaction;
    let mut job = Job::new(key_file::read(key)?.principal(), elf)
        .args(args.guest.program.iter().map(|arg| arg.as_bytes()))
        .seed(args.guest.seed);
    job = args.guest.env.iter().fold(job, |job, (name, value)| job.env(name, value));
    job = named.input.iter().fold(job, |job, input| match input.is_later {
        true => job.register_later(input.register, input.intent),
        false => job.register(input.register, input.intent),
    });
    job = named.parent.iter().fold(job, |job, parent| job.parent(*parent));
    job = capability_file::read_all(&named.capability)?.into_iter().fold(job, Job::capability);
    Ok(job.stdin(stdin()?))
}

/// All of standard input, unless somebody would have to type it.
fn stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    if !io::stdin().is_terminal() {
        let read = Input.take(MOST_INPUT + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::new(format!("cannot read stdin: {error}")))?;
    }
    match bytes.len() as u64 > MOST_INPUT {
        true => Err(Failure::new("stdin is too long for a transaction, which keeps all of it")),
        false => Ok(bytes),
    }
}

/// Why there is nothing to run; nothing is recorded of that.
fn not_begun(error: &TransactionError) -> Failure {
    match error {
        TransactionError::Run(cause) if !resources::is_host_failure(cause) => {
            Failure::of_transaction(format!("not committed: {error}"))
        }
        _ => Failure::new(error),
    }
}

fn finish(
    args: &RunArgs,
    manager: &ResourceManager,
    mut transaction: Transaction,
    elf: &[u8],
    output: Output,
) -> Result<u8, Failure> {
    let result = transaction.run();
    ending::flush(&output)?;
    let report = transaction.report();
    let exit = result.map_err(Failure::new)?;
    let (hart, memory, module) = (transaction.hart(), transaction.memory(), transaction.module());
    let code = Ending { exit, hart, memory, module, report: report.clone(), elf }.tell(&output)?;
    ending::write_report(args.report.as_deref(), &report, output)?;
    if let Exit::Paused(_) = exit {
        eprintln!("causality-vm: not committed: the run was broken off");
        return Ok(code);
    }
    match transaction.commit() {
        Ok(outcome) => committed(args, &outcome).map(|()| code),
        Err(TransactionError::Rejected(rejected)) => {
            let refused = refused(args, manager, &rejected)?;
            // How the guest ended tells more, unless that looks like success.
            let is_guests = matches!(*rejected.error, RunError::Failed(_)) && code != 0;
            Ok(if is_guests { code } else { refused })
        }
        Err(error) => Err(not_begun(&error)),
    }
}

fn committed(args: &RunArgs, outcome: &Outcome) -> Result<(), Failure> {
    let record = &outcome.committed.record;
    eprintln!("causality-vm: committed {}: {}", outcome.id(), effects(record));
    record_file::write(record, args.transaction.record.as_deref())
}

/// What a run did to registers, in numbers.
pub(crate) fn effects(record: &Record) -> String {
    let reads = record.accesses.iter().filter(|access| access.intent == Intent::Read);
    let changes = record.transitions.iter().filter(|change| change.transition != Transition::Consume);
    let effects = [
        printing::count("read", reads.count()),
        printing::count("consumed", record.consumed.len()),
        printing::count("updated", record.updated.len()),
        printing::count("created", record.created.len()),
        printing::count("changed the state of", changes.count()),
    ];
    let effects: Vec<_> = effects.into_iter().flatten().collect();
    if effects.is_empty() { "no register was used".to_owned() } else { effects.join(", ") }
}

/// Says why a run must not take effect, and keeps the record of it.
/// With `--record`, the record is kept, and what it takes to repeat the run.
fn refused(args: &RunArgs, manager: &ResourceManager, rejected: &Rejected) -> Result<u8, Failure> {
    tell_refusal(rejected);
    if let Some(path) = args.transaction.record.as_deref() {
        manager.keep(rejected).map_err(Failure::new)?;
        record_file::write(&rejected.record, Some(path))?;
    }
    Ok(code_of(&rejected.error))
}

/// The reason on stderr, and what was denied besides.
pub(crate) fn tell_refusal(rejected: &Rejected) {
    let reason = reason(&rejected.error);
    eprintln!("causality-vm: not committed: {reason}");
    for decision in &rejected.record.decisions {
        let Verdict::Denied(why) = &decision.verdict else { continue };
        if !reason.contains(&why.to_string()) {
            eprintln!("  {decision}");
        }
    }
}

/// Why a run is refused.
pub(crate) fn reason(error: &RunError) -> String {
    match error {
        RunError::Failed(exit) => format!("the run did not succeed: {}", names::exit(exit)),
        error => error.to_string(),
    }
}

/// The exit code of a refusal.
pub(crate) fn code_of(error: &RunError) -> u8 {
    if resources::is_host_failure(error) { exit_code::FAILURE } else { exit_code::NOT_COMMITTED }
}
