//! `causality-vm batch`.

use std::io::{self, Write};

use causality_store::Store;
use causality_vm::batch::{Batch, Finished, Progress, StopHandle};
use causality_vm::transaction::Transactions;
use causality_vm::{Config, Limits};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::BatchArgs;
use crate::batch_jobs::{self, Jobs};
use crate::batch_results::{self, Results};
use crate::failure::Failure;
use crate::{exit_code, resources};

/// Not all programs succeeded.
const SOME_FAILED: u8 = 1;

/// Runs what a file says, and writes down what came of it.
pub(crate) fn batch(args: &BatchArgs) -> Result<u8, Failure> {
    let jobs = batch_jobs::read(&args.jobs)?;
    Store::open(&args.store).map_err(Failure::new)?;
    let manager = resources::open(&args.store, &args.root, args.tier.into())?;
    let batch = Batch::new(Transactions::new(manager, config(args)));
    let batch = batch.caching(!args.no_cache).output(args.output_limit);
    let batch = match args.threads {
        Some(threads) => batch.threads(threads),
        None => batch,
    };
    stop_on_ctrl_c(batch.stop_handle())?;
    match &args.results {
        Some(path) => {
            let ids: Result<Vec<_>, _> = jobs.works.iter().map(|work| batch.id(work)).collect();
            let results = Results::open(path, &ids.map_err(Failure::new)?)?;
            run_to_file(&batch, &jobs, results)
        }
        None => run_to_stdout(&batch, &jobs),
    }
}

fn config(args: &BatchArgs) -> Config {
    let limits = Limits { on_memory_limit: args.on_memory_limit.into(), ..Limits::default() };
    let config = args.limits.of(Config::new().tier(args.tier.into()).limits(limits));
    match &args.cache {
        Some(directory) => config.cache(directory),
        None => config,
    }
}

/// The first Ctrl-C lets works that are under way end, a second one ends this process.
fn stop_on_ctrl_c(stop: StopHandle) -> Result<(), Failure> {
    let handler = move || {
        if stop.is_requested() {
            std::process::exit(exit_code::INTERRUPTED.into());
        }
        eprintln!("causality-vm: what is under way is finished; press Ctrl-C again to break it off");
        stop.stop();
    };
    ctrlc::set_handler(handler).map_err(Failure::new)
}

fn run_to_stdout(batch: &Batch, jobs: &Jobs) -> Result<u8, Failure> {
    let mut account = Account::new(jobs, batch.stop_handle());
    let ran = batch.run_with(&jobs.works, |progress| {
        account.tell(progress, |lines| {
            let mut out = io::stdout().lock();
            out.write_all(lines.as_bytes()).and_then(|()| out.flush())
        });
    });
    account.end(ran.map_err(Failure::new))
}

fn run_to_file(batch: &Batch, jobs: &Jobs, mut results: Results) -> Result<u8, Failure> {
    let total = jobs.works.len();
    let journal = results.journal(|| batch.open().map_err(Failure::new))?;
    let mut account = Account::new(jobs, batch.stop_handle());
    (account.told, account.failed) = (results.known, results.failed);
    if results.known > 0 {
        eprintln!("causality-vm: going on after {} results that are there", results.known);
    }
    let ran = batch.run_from(journal, results.known, &jobs.works, |progress| {
        account.tell(progress, |lines| results.append(lines));
    });
    let (told, is_written) = (account.told, account.failure.is_none());
    let code = account.end(ran.map_err(Failure::new))?;
    if told == total && is_written {
        results.complete(|| batch.close(journal, total).map_err(Failure::new))?;
    }
    Ok(code)
}

/// What has been told so far.
struct Account<'a> {
    jobs: &'a Jobs,
    stop: StopHandle,
    bar: ProgressBar,
    told: usize,
    failed: usize,
    cached: usize,
    /// Why results cannot be written.
    failure: Option<io::Error>,
}

impl<'a> Account<'a> {
    fn new(jobs: &'a Jobs, stop: StopHandle) -> Self {
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed} eta {eta}{msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        // Draws on a terminal only.
        let bar = ProgressBar::new(jobs.works.len() as u64).with_style(style);
        Account { jobs, stop, bar, told: 0, failed: 0, cached: 0, failure: None }
    }

    fn tell(&mut self, progress: Progress<'_>, write: impl FnOnce(&str) -> io::Result<()>) {
        let first = self.told;
        let numbered = self.jobs.lines[first..].iter().zip(progress.ready);
        let lines: String = numbered.map(|(line, finished)| batch_results::line(*line, finished)).collect();
        if self.failure.is_none()
            && !lines.is_empty()
            && let Err(error) = write(&lines)
        {
            self.failure = Some(error);
            self.stop.stop();
        }
        self.told += progress.ready.len();
        self.failed += count(progress.ready, |finished| !finished.result.is_success());
        self.cached += count(progress.ready, |finished| finished.is_cached);
        if self.failed > 0 {
            self.bar.set_message(format!(", {} failed", self.failed));
        }
        self.bar.set_position(progress.done as u64);
    }

    /// Says how it went, and gives the exit code.
    fn end(self, ran: Result<(), Failure>) -> Result<u8, Failure> {
        self.bar.finish_and_clear();
        ran?;
        if let Some(error) = self.failure
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(Failure::new(format!("cannot write results: {error}")));
        }
        let (total, told) = (self.jobs.works.len(), self.told);
        let succeeded = told - self.failed;
        eprintln!(
            "causality-vm: {told} of {total} done: {succeeded} succeeded, {} did not; {} were not run, as their results were known",
            self.failed, self.cached
        );
        Ok(match () {
            () if told < total => exit_code::INTERRUPTED,
            () if self.failed > 0 => SOME_FAILED,
            () => 0,
        })
    }
}

fn count(finished: &[Finished], is_counted: impl Fn(&Finished) -> bool) -> usize {
    finished.iter().filter(|finished| is_counted(finished)).count()
}
