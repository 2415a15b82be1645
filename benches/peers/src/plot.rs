//! The steady state as a picture: for each guest and for their mean, how many times native each engine takes.

use std::path::Path;

use plotters::coord::ranged1d::{IntoSegmentedCoord, SegmentValue};
use plotters::prelude::*;

use crate::engine::Engine;
use crate::error::Error;
use crate::guest::Guest;
use crate::measure::Measurements;
use crate::report;

/// Width and height in pixels, and the width of the names on the right.
const SIZE: (u32, u32) = (1480, 600);
const NAMES: u32 = 190;

const FONT: (&str, i32) = ("sans-serif", 14);

/// One engine's points: the place of a guest, and the ratio.
type Points = Vec<(usize, f64)>;

/// Draws all engines but the first, native, which is the line at 1.
pub(crate) fn draw(
    path: &Path,
    guests: &[Guest],
    engines: &[Engine],
    measured: &Measurements,
) -> Result<(), Error> {
    let series: Vec<(&str, Points)> =
        engines[1..].iter().map(|e| (e.name.as_str(), points(guests, &engines[0], e, measured))).collect();
    let names: Vec<&str> = guests.iter().map(|guest| guest.name).chain(["geomean"]).collect();
    picture(path, &names, &series).map_err(|error| Error::Plot(error.to_string()))
}

fn points(guests: &[Guest], native: &Engine, engine: &Engine, measured: &Measurements) -> Points {
    let time = |guest: &Guest, engine: &Engine| measured.steady(guest, engine);
    let ratio = |guest: &Guest| Some(time(guest, engine)? / time(guest, native)?);
    let all: Vec<&Guest> = guests.iter().collect();
    let ratios = guests.iter().map(ratio).chain([report::mean(&all, &time, native, engine)]);
    // A logarithm has no place for what noise made nothing, or less.
    ratios.enumerate().filter_map(|(at, ratio)| Some((at, ratio.filter(|&ratio| ratio > 0.0)?))).collect()
}

fn picture(path: &Path, names: &[&str], series: &[(&str, Points)]) -> Result<(), Box<dyn std::error::Error>> {
    let ratios = || series.iter().flat_map(|(_, points)| points.iter().map(|(_, ratio)| *ratio));
    let (least, most) = (ratios().fold(1.0, f64::min), ratios().fold(1.0, f64::max));
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let places = (0..names.len() - 1).into_segmented();
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .margin_right(NAMES)
        .x_label_area_size(36)
        .y_label_area_size(60)
        .build_cartesian_2d(places, (least / 1.3..most * 1.3).log_scale())?;
    let name_at = |place: &SegmentValue<usize>| match place {
        SegmentValue::CenterOf(at) => names.get(*at).copied().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(names.len())
        .x_label_formatter(&name_at)
        .label_style(FONT)
        .y_desc("time as a ratio to gcc -O2")
        .draw()?;
    let across = [(SegmentValue::Exact(0), 1.0), (SegmentValue::Last, 1.0)];
    chart.draw_series(LineSeries::new(across, BLACK))?;
    for (number, (name, points)) in series.iter().enumerate() {
        let colour = Palette99::pick(number).to_rgba();
        let dot = move |at| Circle::new(at, 4, colour.filled());
        let dots = points.iter().map(|&(at, ratio)| dot((SegmentValue::CenterOf(at), ratio)));
        chart
            .draw_series(dots)?
            .label(*name)
            .legend(move |(x, y)| Circle::new((x + 8, y), 4, colour.filled()));
    }
    let (width, _) = chart.plotting_area().dim_in_pixel();
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::Coordinate(width as i32 + 10, 0))
        .label_font(FONT)
        .draw()?;
    Ok(root.present()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_names_guests_and_engines() {
        let dir = std::env::temp_dir().join(format!("peers-plot-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let path = dir.join("plot.svg");
        let series = [("one", vec![(0, 1.5), (1, 20.0)]), ("other", vec![(1, 0.5)])];
        picture(&path, &["fib", "geomean"], &series).expect("a picture");
        let text = std::fs::read_to_string(&path).expect("the picture");
        std::fs::remove_dir_all(&dir).expect("nothing stays");
        for word in ["fib", "geomean", "one", "other"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert_eq!(text.matches("<circle").count(), 3 + 2, "points and the legend");
    }
}
