//! The page: one HTML file with its data, style and script inside.

use std::collections::HashMap;
use std::fs;

use causality_vm::{Exit, Module};
use serde_json::{Map, Value, json};

use super::Run;
use super::region_view::View;
use crate::location::Locations;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Longer source lines are cut.
const MAX_LINE: usize = 400;

/// What is on the page so far.
pub(super) struct Page {
    title: String,
    about: Value,
    regions: Vec<Value>,
    lines: Lines,
    sources: Map<String, Value>,
}

/// Source lines that instructions come from, each once.
#[derive(Default)]
pub(super) struct Lines {
    names: Vec<(String, Option<u32>)>,
    index: HashMap<(String, Option<u32>), usize>,
}

impl Lines {
    /// The number of this line.
    pub(super) fn index(&mut self, file: &str, line: Option<u32>) -> usize {
        let key = (file.to_owned(), line);
        *self.index.entry(key.clone()).or_insert_with(|| {
            self.names.push(key);
            self.names.len() - 1
        })
    }

    fn text((file, line): &(String, Option<u32>)) -> String {
        line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"))
    }
}

impl Page {
    /// A page without regions.
    pub(super) fn new(title: &str, module: &Module, run: Option<&Run>) -> Self {
        let about = json!({
            "title": title,
            "id": module.id().to_string(),
            "arch": module.program().arch(),
            "run": run.map(|run| json!({ "end": describe(run.exit), "retired": run.retired })),
            "elsewhere": 0,
            "version": env!("CARGO_PKG_VERSION"),
            "host": std::env::consts::ARCH,
        });
        Page {
            title: title.to_owned(),
            about,
            regions: Vec::new(),
            lines: Lines::default(),
            sources: Map::new(),
        }
    }

    /// Says how many instructions were executed in code that is not shown.
    pub(super) fn elsewhere(&mut self, count: u64) {
        self.about["elsewhere"] = count.into();
    }

    /// Adds a region below those that are there.
    pub(super) fn add(&mut self, view: &View<'_>, clif: &(String, String), locations: &Locations<'_>) {
        self.regions.push(view.json(clif, locations, &mut self.lines));
    }

    /// Adds the text of source lines, as far as there are such files.
    pub(super) fn add_sources(&mut self) {
        let mut files: HashMap<&str, Option<Vec<String>>> = HashMap::new();
        for (index, (file, line)) in self.lines.names.iter().enumerate() {
            let read = || fs::read_to_string(file).ok().map(|text| text.lines().map(str::to_owned).collect());
            let text = files.entry(file).or_insert_with(read);
            let text = text.as_ref().zip(line.and_then(|line| line.checked_sub(1)));
            if let Some(text) = text.and_then(|(text, line)| text.get(line as usize)) {
                let text: String = text.trim().chars().take(MAX_LINE).collect();
                self.sources.insert(index.to_string(), text.into());
            }
        }
    }

    /// The file.
    pub(super) fn html(&self) -> String {
        let data = json!({
            "about": self.about,
            "lines": self.lines.names.iter().map(Lines::text).collect::<Vec<_>>(),
            "sources": self.sources,
            "regions": self.regions,
        });
        // Within a script element only `<` could end it, and JSON has it in strings only.
        let data = data.to_string().replace('<', "\\u003c");
        let title = escape(&self.title);
        let parts = [("@TITLE@", &*title), ("@STYLE@", STYLE), ("@SCRIPT@", SCRIPT), ("@DATA@", &data)];
        fill(TEMPLATE, &parts)
    }
}

/// Puts each part where its mark is; parts are not searched for marks.
fn fill(template: &str, parts: &[(&str, &str)]) -> String {
    let found = parts.iter().filter_map(|part| Some((template.find(part.0)?, part))).min();
    match found {
        None => template.to_owned(),
        Some((at, (mark, text))) => {
            template[..at].to_owned() + text + &fill(&template[at + mark.len()..], parts)
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// How a run ended, in words.
fn describe(exit: Exit) -> String {
    match exit {
        Exit::Completed(code) => format!("ended with {code}"),
        Exit::Trap(trap) => format!("trapped: {} at {:#x}", trap.cause, trap.pc),
        Exit::OutOfFuel => "stopped by its fuel".to_owned(),
        Exit::Paused(_) => "paused".to_owned(),
    }
}
