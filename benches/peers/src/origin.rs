//! Where figures come from: the day, the versions of what was measured, the command that measures it again. Nothing about the
//! machine but what a reader needs: figures are ratios.

use std::process::Command;

use time::UtcDateTime;

/// The day, in UTC, as `2026-01-31`.
#[must_use]
pub fn today() -> String {
    UtcDateTime::now().date().to_string()
}

/// A crate and the version of it that this package is built with.
#[must_use]
pub fn crate_version(name: &str) -> Option<String> {
    let package = format!("name = \"{name}\"\nversion = \"");
    let (_, rest) = include_str!("../Cargo.lock").split_once(&package)?;
    let (version, _) = rest.split_once('"')?;
    Some(format!("{name} {version}"))
}

/// The first line of what a program says of its version, if there is such a program.
#[must_use]
pub fn program_version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let clap = crate_version("clap").unwrap_or_default();
        assert!(clap.starts_with("clap 4."), "{clap}");
        assert_eq!(crate_version("no-such-crate"), None);
    }
}
