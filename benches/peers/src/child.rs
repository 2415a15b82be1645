//! One child process: what it said, and what it used of the machine.

use std::io::Read;
use std::process::Command;

use wait4::{ResUse, Wait4};

use crate::error::Error;

/// What a child used, with the children that it waited for itself.
#[derive(Debug)]
pub(crate) struct Used {
    /// Of processor time, all threads, user and system.
    pub(crate) seconds: f64,
    /// Most bytes that were resident at once. Linux counts what the parent had when it made the child, so this is never less
    /// than [`own_memory`].
    pub(crate) memory: u64,
    /// What it computed.
    pub(crate) checksum: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Used, Error> {
    let text = text_of(command);
    let (said, used) = ended(command).map_err(|source| Error::Run { command: text.clone(), source })?;
    if !used.status.success() {
        return Err(Error::Failed { command: text, status: used.status, said: said.trim().to_owned() });
    }
    let checksum = said.rsplit_once("checksum ").and_then(|(_, rest)| rest.split_whitespace().next());
    let checksum = checksum.ok_or(Error::NoChecksum { command: text })?.to_owned();
    let seconds = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    Ok(Used { seconds, memory: used.rusage.maxrss, checksum })
}

/// Both streams come through one pipe, so that reading one cannot wait for the other.
fn ended(command: &mut Command) -> std::io::Result<(String, ResUse)> {
    let (mut reader, writer) = std::io::pipe()?;
    let child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command has the writing ends of the pipe, which would never end.
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut said = Vec::new();
    reader.read_to_end(&mut said)?;
    Ok((String::from_utf8_lossy(&said).into_owned(), child.wait4()?))
}

/// Most bytes of this program that were resident at once, if the system says so.
pub(crate) fn own_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn text_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_child_gives_its_checksum_time_and_memory() {
        let script =
            "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo noise >&2; echo x checksum 0abc";
        let used = run(&mut shell(script)).expect("it runs");
        assert_eq!(used.checksum, "0abc");
        assert!(used.seconds > 0.0 && used.memory > 100_000, "{used:?}");
    }

    #[test]
    fn a_child_that_fails_is_quoted() {
        let error = run(&mut shell("echo checksum 1; echo why >&2; exit 3")).expect_err("it fails");
        assert!(error.to_string().contains("why"), "{error}");
    }

    #[test]
    fn a_child_without_a_checksum_is_an_error() {
        assert!(matches!(run(&mut shell("echo hello")), Err(Error::NoChecksum { .. })));
    }
}
