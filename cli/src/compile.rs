//! `causality-vm compile`.

use std::num::NonZero;
use std::time::Instant;

use causality_vm::{AheadStatistics, Config, Engine, Module};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::CompileArgs;
use crate::failure::{Failure, read_program};

/// Translates a program and says what came of it.
pub(crate) fn compile(args: &CompileArgs) -> Result<u8, Failure> {
    let elf = read_program(&args.program)?;
    let engine = Engine::new(config(args));
    let of_program = |error| Failure::of_program(&args.program, error);
    let module = Module::new(&engine, &elf).map_err(of_program)?;
    let jobs =
        args.jobs.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN);
    // Draws on a terminal only.
    let bar = ProgressBar::new(0).with_style(style());
    let progress = |done: usize, known: usize| {
        bar.set_length(known as u64);
        bar.set_position(done as u64);
    };
    let start = Instant::now();
    let statistics = module.translate_ahead(&engine, jobs, &progress).map_err(of_program)?;
    bar.finish_and_clear();
    println!("{}in {:.2} s with {jobs} threads", describe(&statistics), start.elapsed().as_secs_f64());
    Ok(0)
}

fn config(args: &CompileArgs) -> Config {
    let mut config = Config::new().cache(&args.cache);
    if let Some(bytes) = args.stack {
        config = config.stack(bytes);
    }
    if let Some(bytes) = args.address_space {
        config = config.address_space(bytes);
    }
    config
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} regions {elapsed}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn describe(statistics: &AheadStatistics) -> String {
    let AheadStatistics { functions, regions, failed, insts, bytes, time, .. } = *statistics;
    let per_inst = |value: f64| if insts == 0 { 0.0 } else { value / insts as f64 };
    format!(
        "functions           {functions}\n\
         regions             {regions}, and {failed} that will be interpreted\n\
         guest instructions  {insts}\n\
         host code           {bytes} bytes, {:.1} per instruction\n\
         translating         {:.2} s of processor time, {:.1} us per instruction\n",
        per_inst(bytes as f64),
        time.as_secs_f64(),
        per_inst(time.as_micros() as f64),
    )
}
