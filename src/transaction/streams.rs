//! Where the output of a transaction's guest goes.

use core::fmt;
use std::io::Write;

use crate::Options;

/// Where standard output and standard error go: nowhere, unless set. Nothing of it is recorded, and the guest sees no
/// difference.
#[derive(Default)]
pub struct Streams {
    stdout: Option<Box<dyn Write + Send>>,
    stderr: Option<Box<dyn Write + Send>>,
}

impl Streams {
    /// Nowhere.
    #[must_use]
    pub fn new() -> Self {
        Streams::default()
    }

    /// Sets where standard output goes.
    #[must_use]
    pub fn stdout(mut self, stdout: impl Write + Send + 'static) -> Self {
        self.stdout = Some(Box::new(stdout));
        self
    }

    /// Sets where standard error goes.
    #[must_use]
    pub fn stderr(mut self, stderr: impl Write + Send + 'static) -> Self {
        self.stderr = Some(Box::new(stderr));
        self
    }

    pub(super) fn of(self, options: Options) -> Options {
        let options = match self.stdout {
            Some(stdout) => options.stdout(stdout),
            None => options,
        };
        match self.stderr {
            Some(stderr) => options.stderr(stderr),
            None => options,
        }
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Streams { stdout, stderr } = self;
        let (stdout, stderr) = (stdout.is_some(), stderr.is_some());
        f.debug_struct("Streams").field("stdout", &stdout).field("stderr", &stderr).finish()
    }
}
