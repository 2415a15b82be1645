//! The tables, in Markdown.

use std::collections::BTreeSet;
use std::fmt::Write;

use peers::origin;

use crate::child;
use crate::cli::Args;
use crate::engine::Engine;
use crate::guest::Guest;
use crate::measure::Measurements;

/// What one engine takes for one guest, if it runs it.
type Quantity<'a> = &'a dyn Fn(&Guest, &Engine) -> Option<f64>;

/// Who was asked to do what, and what came out.
pub(crate) struct Report<'a> {
    pub(crate) args: &'a Args,
    pub(crate) guests: &'a [Guest],
    /// Both native builds, and the others.
    pub(crate) engines: &'a [Engine],
    pub(crate) measured: &'a Measurements,
}

impl Report<'_> {
    /// Where the figures come from, then steady state, and everything, start-up and memory if they are wanted.
    pub(crate) fn markdown(&self) -> String {
        let Report { args, guests, engines, measured } = self;
        let steady = ratios(guests, engines, &|guest, engine| measured.steady(guest, engine));
        let (origin, refused) = (self.origin(), self.refused());
        let rest = if args.steady { String::new() } else { self.others() };
        format!("{origin}\n\nSteady state, processor time as a ratio to native:\n\n{steady}\n{refused}{rest}")
    }

    fn others(&self) -> String {
        let Report { guests, engines, measured, .. } = self;
        let total = ratios(guests, engines, &|guest, engine| measured.total(guest, engine));
        let start = spread(guests, engines, &|guest, engine| Some(measured.start(guest, engine)? * 1e3));
        let memory = spread(guests, engines, &|guest, engine| Some(measured.memory(guest, engine)? / 1e6));
        format!(
            "The same with start-up and compiling:\n\n{total}\n\
             Start-up, compiling and one round, milliseconds of processor time:\n\n{start}\n\
             Memory, most megabytes resident at once{}:\n\n{memory}",
            self.least_memory(),
        )
    }

    fn origin(&self) -> String {
        let mut versions: Vec<&str> = Vec::new();
        for version in self.engines.iter().filter_map(|engine| engine.version.as_deref()) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        let clang = origin::program_version("clang-19").map(|clang| format!("; {clang} for the guests"));
        format!(
            "{}, medians of {} rounds, by `{}`; {}{}.",
            origin::today(),
            self.args.rounds,
            self.args.command(),
            versions.join("; "),
            clang.unwrap_or_default(),
        )
    }

    /// Who runs not all guests.
    fn refused(&self) -> String {
        let runs_all = |engine: &&Engine| self.guests.iter().all(|guest| engine.runs(guest));
        let names = shortest(self.engines.iter().filter(|engine| !runs_all(engine)));
        let floats = list(self.guests.iter().filter(|guest| guest.has_floats).map(|guest| guest.name));
        match names.is_empty() {
            true => String::new(),
            false => format!("Without floating-point numbers are {names}, so they do not run {floats}.\n\n"),
        }
    }

    fn least_memory(&self) -> String {
        child::own_memory().map_or_else(String::new, |bytes| {
            format!("; up to {:.1} may be the measuring program's own", bytes as f64 / 1e6)
        })
    }
}

/// A row per guest and the geometric means; `engines` begins with the two native builds.
fn ratios(guests: &[Guest], engines: &[Engine], time: Quantity) -> String {
    let (native, without_vectors, rest) = (&engines[0], &engines[1], &engines[1..]);
    let mut table = head("guest | native, ms", rest);
    for guest in guests {
        let ratio = |engine| Some(time(guest, engine)? / time(guest, native)?);
        let label = format!("{} | {}", guest.name, cell(time(guest, native).map(|base| base * 1e3), 0));
        row(&mut table, &label, rest.iter().map(ratio));
    }
    let mut means = |label: &str, over: &[&Guest], base| {
        let label = format!("**geomean{label}** | ");
        row(&mut table, &label, rest.iter().map(|engine| mean(over, time, base, engine)));
    };
    means("", &guests.iter().collect::<Vec<_>>(), native);
    for (names, subset) in subsets(guests, rest) {
        means(&format!(" of the {} that {names} run", subset.len()), &subset, native);
    }
    means(", to native-novec", &guests.iter().collect::<Vec<_>>(), without_vectors);
    let plain: Vec<&Guest> = guests.iter().filter(|guest| !guest.is_vectorised).collect();
    if !plain.is_empty() {
        means(&format!(" of the {} that gcc does not vectorise", plain.len()), &plain, native);
    }
    table
}

/// The geometric mean of an engine's ratios to another's, if it runs all those guests.
pub(crate) fn mean(over: &[&Guest], time: Quantity, base: &Engine, engine: &Engine) -> Option<f64> {
    let ratios = over.iter().map(|guest| Some(time(guest, engine)? / time(guest, base)?));
    let logs: Vec<f64> = ratios.map(|ratio| ratio.map(f64::ln)).collect::<Option<_>>()?;
    (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
}

/// What engines run that do not run all, with the names of those engines.
pub(crate) fn subsets<'a>(guests: &'a [Guest], engines: &[Engine]) -> Vec<(String, Vec<&'a Guest>)> {
    let names_of = |engine: &Engine| -> Vec<&str> {
        guests.iter().filter(|guest| engine.runs(guest)).map(|guest| guest.name).collect()
    };
    let sets: BTreeSet<Vec<&str>> = engines.iter().map(names_of).collect();
    let some = sets.into_iter().filter(|set| !set.is_empty() && set.len() < guests.len());
    some.map(|set| {
        let names = shortest(engines.iter().filter(|engine| names_of(engine) == set));
        (names, guests.iter().filter(|guest| set.contains(&guest.name)).collect())
    })
    .collect()
}

/// The least, the middle and the most over all guests that run.
fn spread(guests: &[Guest], engines: &[Engine], what: Quantity) -> String {
    let values = |engine| {
        let mut values: Vec<f64> = guests.iter().filter_map(|guest| what(guest, engine)).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let mut table = head("guests", engines);
    row(&mut table, "least", engines.iter().map(|engine| values(engine).first().copied()));
    row(&mut table, "median", engines.iter().map(|engine| peers::median(&mut values(engine))));
    row(&mut table, "most", engines.iter().map(|engine| values(engine).last().copied()));
    table
}

fn head(label: &str, engines: &[Engine]) -> String {
    let names: Vec<&str> = engines.iter().map(|engine| engine.name.as_str()).collect();
    let columns = label.split('|').count() + names.len();
    format!("| {label} | {} |\n|{}\n", names.join(" | "), "---|".repeat(columns))
}

fn row(table: &mut String, label: &str, cells: impl Iterator<Item = Option<f64>>) {
    let _ = write!(table, "| {label} |");
    for value in cells {
        let _ = write!(table, " {} |", cell(value, 2));
    }
    table.push('\n');
}

fn cell(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

/// The names of engines, without those that are another one with an option.
fn shortest<'a>(engines: impl Iterator<Item = &'a Engine>) -> String {
    let names: Vec<&str> = engines.map(|engine| engine.name.as_str()).collect();
    let has_option = |name: &str| {
        names.iter().any(|other| name.strip_prefix(other).is_some_and(|option| option.starts_with('-')))
    };
    list(names.iter().copied().filter(|name| !has_option(name)))
}

/// `a`, `a and b`, `a, b and c`.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::guest;

    fn engines() -> Vec<Engine> {
        let peers = ["wasmtime", "polkavm", "polkavm-gas", "ckb-vm"]
            .map(|name| Engine::peer(name, Path::new("built")));
        Engine::natives(Path::new("built")).into_iter().chain(peers.into_iter().flatten()).collect()
    }

    fn guests() -> Vec<Guest> {
        guest::chosen(&["fib".to_owned(), "nbody".to_owned(), "sieve".to_owned()], 1.0).expect("three guests")
    }

    /// Each engine takes one second more than the one before, for guests that it runs.
    fn seconds(engines: &[Engine], guest: &Guest, engine: &Engine) -> Option<f64> {
        let place = engines.iter().position(|e| e.name == engine.name)?;
        engine.runs(guest).then_some(place as f64 + 1.0)
    }

    #[test]
    fn an_engine_that_does_not_run_all_guests_has_a_mean_of_those_it_runs_only() {
        let (engines, guests) = (engines(), guests());
        let table = ratios(&guests, &engines, &|guest, engine| seconds(&engines, guest, engine));
        let row =
            |label: &str| table.lines().find(|line| line.starts_with(label)).unwrap_or_default().to_owned();
        assert_eq!(row("| nbody"), "| nbody | 1000 | 2.00 | 3.00 | – | – | – |");
        assert_eq!(row("| **geomean**"), "| **geomean** |  | 2.00 | 3.00 | – | – | – |");
        let subset = "| **geomean of the 2 that polkavm and ckb-vm run** |";
        assert_eq!(row(subset), format!("{subset}  | 2.00 | 3.00 | 4.00 | 5.00 | 6.00 |"));
    }

    #[test]
    fn every_row_has_as_many_cells_as_the_head() {
        let (engines, guests) = (engines(), guests());
        let time = |guest: &Guest, engine: &Engine| seconds(&engines, guest, engine);
        for table in [ratios(&guests, &engines, &time), spread(&guests, &engines, &time)] {
            let bars: BTreeSet<usize> = table.lines().map(|line| line.matches('|').count()).collect();
            assert_eq!(bars.len(), 1, "{table}");
        }
    }

    #[test]
    fn lists_are_sentences() {
        assert_eq!(list(["a"].into_iter()), "a");
        assert_eq!(list(["a", "b", "c"].into_iter()), "a, b and c");
    }
}
