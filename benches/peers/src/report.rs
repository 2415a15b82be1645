//! The tables, in Markdown.

use std::fmt::Write;

use crate::engine::Engine;
use crate::guest::Guest;
use crate::measure::Measurements;

/// Seconds that one engine takes for one guest.
type Time<'a> = &'a dyn Fn(&Guest, &Engine) -> f64;

/// Steady state, then everything, then start-up.
pub(crate) fn markdown(guests: &[Guest], engines: &[Engine], measured: &Measurements) -> String {
    let steady = ratios(guests, engines, &|guest, engine| measured.steady(guest, engine));
    let total = ratios(guests, engines, &|guest, engine| measured.total(guest, engine));
    let start = start_up(guests, engines, &|guest, engine| measured.start(guest, engine));
    format!(
        "Steady state, processor time as a ratio to native:\n\n{steady}\n\
         The same with start-up and compiling:\n\n{total}\n\
         Start-up, compiling and one round, milliseconds of processor time:\n\n{start}"
    )
}

/// A row per guest and the geometric means; `engines` begins with the two native builds.
fn ratios(guests: &[Guest], engines: &[Engine], time: Time) -> String {
    let (native, without_vectors) = (&engines[0], &engines[1]);
    let mut table = head("guest | native, ms", &engines[1..]);
    for guest in guests {
        let base = time(guest, native);
        let cells = engines[1..].iter().map(|engine| time(guest, engine) / base);
        let label = format!("{} | {:.0}", guest.name, base * 1e3);
        row(&mut table, &label, cells);
    }
    let all: Vec<&Guest> = guests.iter().collect();
    let plain: Vec<&Guest> = guests.iter().filter(|guest| !guest.is_vectorised).collect();
    let mean = |over: &[&Guest], base, engine| {
        geometric_mean(over.iter().map(|guest| time(guest, engine) / time(guest, base)))
    };
    let rest = || engines[1..].iter();
    row(&mut table, "**geomean** | ", rest().map(|e| mean(&all, native, e)));
    row(&mut table, "**geomean, to native-novec** | ", rest().map(|e| mean(&all, without_vectors, e)));
    if !plain.is_empty() {
        let label = format!("**geomean of the {} that gcc does not vectorise** | ", plain.len());
        row(&mut table, &label, rest().map(|e| mean(&plain, native, e)));
    }
    table
}

/// The least, the middle and the most over all guests.
fn start_up(guests: &[Guest], engines: &[Engine], time: Time) -> String {
    let mut table = head("guests", engines);
    let sorted = |engine| {
        let mut times: Vec<f64> = guests.iter().map(|guest| time(guest, engine) * 1e3).collect();
        times.sort_by(f64::total_cmp);
        times
    };
    row(&mut table, "least", engines.iter().map(|engine| sorted(engine)[0]));
    row(&mut table, "median", engines.iter().map(|engine| sorted(engine)[guests.len() / 2]));
    row(&mut table, "most", engines.iter().map(|engine| sorted(engine)[guests.len() - 1]));
    table
}

fn head(label: &str, engines: &[Engine]) -> String {
    let names: Vec<&str> = engines.iter().map(|engine| engine.name.as_str()).collect();
    let columns = label.split('|').count() + names.len();
    format!("| {label} | {} |\n|{}\n", names.join(" | "), "---|".repeat(columns))
}

fn row(table: &mut String, label: &str, cells: impl Iterator<Item = f64>) {
    let _ = write!(table, "| {label} |");
    for cell in cells {
        let _ = write!(table, " {cell:.2} |");
    }
    table.push('\n');
}

fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = values.map(f64::ln).collect();
    (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}
