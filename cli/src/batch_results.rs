//! Where the results of a batch go: a JSON object on each line, in the order of the jobs.
//!
//! Beside a file of results that are not complete is its journal, `FILE.journal`: the name under which the store has what is finished
//! and not in the file yet.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use causality_vm::ContentId;
use causality_vm::batch::{Effect, Finished, Journal, Output};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account_json;
use crate::failure::Failure;

/// What is read of a line that is there already.
#[derive(Deserialize)]
struct Known {
    work: ContentId,
    success: bool,
}

/// A file of results, for nobody else while it is open.
#[derive(Debug)]
pub(crate) struct Results {
    path: PathBuf,
    file: File,
    /// How many there were when it was opened.
    pub(crate) known: usize,
    /// How many of these say that their program did not succeed.
    pub(crate) failed: usize,
}

impl Results {
    /// Opens a file, or makes it. What is there has to be results of these works; half a line at the end is dropped.
    pub(crate) fn open(path: &Path, works: &[ContentId]) -> Result<Self, Failure> {
        let named = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|error| named(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(named(&"another batch writes to it")),
            Err(TryLockError::Error(error)) => return Err(named(&error)),
        }
        let mut results = Results { path: path.to_owned(), file, known: 0, failed: 0 };
        let end = results.read(works).map_err(|failure| failure.at(format_args!("{}", path.display())))?;
        results.file.set_len(end).map_err(|error| named(&error))?;
        results.file.seek(SeekFrom::Start(end)).map_err(|error| named(&error))?;
        Ok(results)
    }

    /// Counts and checks the lines that are there; gives where they end.
    fn read(&mut self, works: &[ContentId]) -> Result<u64, Failure> {
        let (mut end, mut line) = (0, Vec::new());
        let mut reader = BufReader::new(&self.file);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(Failure::new)?;
            if line.last() != Some(&b'\n') {
                return Ok(end);
            }
            let number = self.known + 1;
            let wrong = |error: String| Failure::new(format!("line {number}: {error}"));
            let known: Known = serde_json::from_slice(&line)
                .map_err(|error| wrong(format!("this is no result, so nothing is appended: {error}")))?;
            match works.get(self.known) {
                Some(work) if *work == known.work => {}
                Some(work) => {
                    return Err(wrong(format!(
                        "this is the result of {}, and the job is {work}",
                        known.work
                    )));
                }
                None => return Err(wrong("there are more results than jobs".to_owned())),
            }
            self.known += 1;
            self.failed += usize::from(!known.success);
            end += length as u64;
        }
    }

    fn journal_path(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".journal");
        name.into()
    }

    /// The journal that is beside the file, or a new one.
    pub(crate) fn journal(
        &self,
        open: impl FnOnce() -> Result<Journal, Failure>,
    ) -> Result<Journal, Failure> {
        let path = self.journal_path();
        let named = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
        match std::fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|error| named(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let journal = open()?;
                write_whole(&path, &format!("{journal}\n")).map_err(|error| named(&error))?;
                Ok(journal)
            }
            Err(error) => Err(named(&error)),
        }
    }

    /// Appends lines.
    pub(crate) fn append(&mut self, lines: &str) -> io::Result<()> {
        self.file.write_all(lines.as_bytes())
    }

    /// All results are there: makes them durable, has the journal closed, and removes its name.
    pub(crate) fn complete(self, close: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        let named = |error: io::Error| Failure::new(format!("{}: {error}", self.path.display()));
        self.file.sync_all().map_err(named)?;
        close()?;
        std::fs::remove_file(self.journal_path()).map_err(named)
    }
}

/// All of it or nothing: who is killed meanwhile leaves no half of a name.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut new = path.to_owned().into_os_string();
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// The line of a result.
pub(crate) fn line(line: u64, finished: &Finished) -> String {
    let result = &finished.result;
    let (record, reason) = match &result.effect {
        Effect::None => (None, None),
        Effect::Committed { record } => (Some(record), None),
        Effect::Refused { reason } => (None, Some(reason)),
    };
    let json = json!({
        "line": line,
        "work": result.work,
        "success": result.is_success(),
        "cached": finished.is_cached,
        "exit": result.exit.as_ref().map(account_json::exit),
        "fuel": result.fuel,
        "stdout": output(result.stdout),
        "stderr": output(result.stderr),
        "record": record,
        "refused": reason,
    });
    format!("{json}\n")
}

fn output(output: Option<Output>) -> Value {
    output.map_or(
        Value::Null,
        |Output { id, length, dropped }| json!({"id": id, "bytes": length, "dropped": dropped}),
    )
}
