//! Files with jobs: a JSON object on each line. All of them are read before anything runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causality_vm::batch::Work;
use causality_vm::resource::{Capability, Principal};
use causality_vm::transaction::Job;
use causality_vm::{ContentId, Executable, Task};
use serde::Deserialize;

use crate::args::InputArg;
use crate::failure::{self, Failure};
use crate::{capability_file, key_file};

/// The most bytes of a line.
const LONGEST: u64 = 16 << 20;
/// The most bytes of a program's standard input.
const MOST_INPUT: u64 = 1 << 30;

/// One line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    program: PathBuf,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    seed: u64,
    stdin: Option<PathBuf>,
    /// What follows is for transactions only.
    #[serde(rename = "as")]
    initiator: Option<PathBuf>,
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    capability: Vec<PathBuf>,
    #[serde(default)]
    parent: Vec<ContentId>,
}

/// Works, each with the number of its line.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    pub(crate) works: Vec<Work>,
    pub(crate) lines: Vec<u64>,
}

/// What lines name. Each file is read once.
#[derive(Debug, Default)]
struct Files {
    programs: BTreeMap<PathBuf, Executable>,
    inputs: BTreeMap<PathBuf, Arc<[u8]>>,
    capabilities: BTreeMap<PathBuf, Capability>,
    keys: BTreeMap<PathBuf, Principal>,
}

/// What `read` makes of a file, or made of it before.
fn known<T: Clone>(
    files: &mut BTreeMap<PathBuf, T>,
    path: PathBuf,
    read: impl FnOnce(&Path) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if let Some(known) = files.get(&path) {
        return Ok(known.clone());
    }
    let value = read(&path)?;
    files.insert(path, value.clone());
    Ok(value)
}

/// All jobs of a file. Paths in it are relative to where it is.
pub(crate) fn read(path: &Path) -> Result<Jobs, Failure> {
    let cannot = |error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let mut file = BufReader::new(File::open(path).map_err(cannot)?);
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut jobs, mut files, mut bytes) = (Jobs::default(), Files::default(), Vec::new());
    for number in 1.. {
        let at = |failure: Failure| failure.at(format_args!("{}:{number}", path.display()));
        bytes.clear();
        file.by_ref().take(LONGEST + 1).read_until(b'\n', &mut bytes).map_err(cannot)?;
        if bytes.is_empty() {
            break;
        }
        if bytes.len() as u64 > LONGEST {
            return Err(at(Failure::new(format!("a line has {LONGEST} bytes at most"))));
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line = serde_json::from_slice(&bytes).map_err(|error| at(Failure::new(error)))?;
        jobs.works.push(work(line, folder, &mut files).map_err(at)?);
        jobs.lines.push(number);
    }
    Ok(jobs)
}

fn work(line: Line, folder: &Path, files: &mut Files) -> Result<Work, Failure> {
    let name = line.program.to_string_lossy().into_owned();
    let read = |path: &Path| failure::read_program(path).map(Executable::from);
    let program = known(&mut files.programs, folder.join(&line.program), read)?;
    let mut task = Task::new(program).args([name]).args(&line.args).seed(line.seed);
    task = line.env.iter().fold(task, |task, (name, value)| task.env(name, value));
    if let Some(stdin) = line.stdin {
        task = task.stdin(known(&mut files.inputs, folder.join(stdin), read_input)?);
    }
    let Some(key) = line.initiator else {
        let is_plain = line.input.is_empty() && line.capability.is_empty() && line.parent.is_empty();
        return match is_plain {
            true => Ok(task.into()),
            false => Err(Failure::new("`input`, `capability` and `parent` need `as`")),
        };
    };
    let principal = |path: &Path| key_file::read(path).map(|key| key.principal());
    let mut job = Job::of(known(&mut files.keys, folder.join(key), principal)?, task);
    for input in &line.input {
        let input: InputArg = input.parse().map_err(|error| Failure::new(format!("`{input}`: {error}")))?;
        job = job.register(input.register, input.intent);
    }
    for path in line.capability {
        let read = |path: &Path| capability_file::read(path).map(|(capability, _)| capability);
        job = job.capability(known(&mut files.capabilities, folder.join(path), read)?);
    }
    Ok(line.parent.into_iter().fold(job, Job::parent).into())
}

fn read_input(path: &Path) -> Result<Arc<[u8]>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_INPUT + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(Failure::new(format!("cannot read {}: {error}", path.display()))),
        Ok(_) if bytes.len() as u64 > MOST_INPUT => {
            Err(Failure::new(format!("{} is too long: all of it is kept in memory", path.display())))
        }
        Ok(_) => Ok(bytes.into()),
    }
}
