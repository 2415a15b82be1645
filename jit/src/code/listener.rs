//! Telling others about new code.

use std::fmt;
use std::sync::Arc;

use super::Published;

/// Code that is about to become reachable.
#[derive(Clone, Copy, Debug)]
pub struct NewCode<'a> {
    /// Where it is in the host.
    pub host: usize,
    /// What it is.
    pub bytes: &'a [u8],
    /// What it is for.
    pub origin: Origin<'a>,
}

/// What code is for.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// A region of the guest.
    Region(&'a Published),
    /// The way between host and guest code; its name.
    Runtime(&'static str),
}

type Function = dyn Fn(&NewCode<'_>) + Send + Sync;

/// A function that is told about all code before it can run, on the thread that made it.
#[derive(Clone)]
pub struct Listener(Arc<Function>);

impl Listener {
    /// Tells `function`.
    pub fn new(function: impl Fn(&NewCode<'_>) + Send + Sync + 'static) -> Self {
        Listener(Arc::new(function))
    }

    pub(crate) fn tell(&self, code: &NewCode<'_>) {
        (self.0)(code);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// Equal if they tell the same function.
impl PartialEq for Listener {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Listener {}
