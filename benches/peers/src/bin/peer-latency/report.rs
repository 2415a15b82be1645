//! The table, in Markdown.

use std::fmt::Write;

use peers::origin;

use crate::cli::Args;
use crate::measure::Series;
use crate::subject::Quantity;

/// Where the figures come from, then a row for each engine: best and, in brackets, median.
pub(crate) fn markdown(args: &Args, measured: &[Series]) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut versions: Vec<&str> = Vec::new();
    for series in measured {
        if !names.contains(&series.engine) {
            names.push(series.engine);
        }
        if !versions.contains(&series.version.as_str()) {
            versions.push(&series.version);
        }
    }
    let mut text = format!(
        "{}, best and (median) of {} batches, wall clock, by `{}`; {}.\n\n\
         | engine | bytes to result, µs | instance, µs | host to guest, ns | guest to host, ns |\n\
         |---|---|---|---|---|\n",
        origin::today(),
        args.rounds,
        args.command(),
        versions.join("; "),
    );
    for name in names {
        let _ = write!(text, "| {name} |");
        for quantity in Quantity::ALL {
            let series = measured.iter().find(|series| series.engine == name && series.quantity == quantity);
            let _ = write!(text, " {} |", cell(series));
        }
        text.push('\n');
    }
    text
}

fn cell(series: Option<&Series>) -> String {
    let both = series.and_then(|series| Some((series, series.best()?, series.median()?)));
    both.map_or_else(
        || "–".to_owned(),
        |(series, best, median)| {
            let unit = unit_of(series.quantity);
            format!("{:.1} ({:.1})", best / unit, median / unit)
        },
    )
}

/// In nanoseconds.
fn unit_of(quantity: Quantity) -> f64 {
    match quantity {
        Quantity::Cold | Quantity::Instance => 1000.0,
        Quantity::Call | Quantity::HostCall => 1.0,
    }
}
