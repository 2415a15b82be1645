//! Files that tell a sampling profiler, Linux `perf`, whose code it has found.
//!
//! Both kinds are written while code is made, so they are of use even if the process is killed.

mod jit_dump;
mod perf_map;

use std::io;
use std::sync::{Mutex, PoisonError};

pub use jit_dump::JitDump;
pub use perf_map::PerfMap;

use crate::code::{Listener, NewCode, Origin};

/// What the guest's addresses are called, and where they come from.
pub trait Names: Send {
    /// What code for `pc` is called, as `main` or `main+0x10`.
    fn name(&self, pc: u64) -> String;

    /// Source file and line of the instruction at `pc`.
    fn line(&self, _pc: u64) -> Option<(String, u32)> {
        None
    }
}

/// A file that takes notes of code.
pub trait Profile: Send + 'static {
    /// Notes `code`.
    ///
    /// # Errors
    /// If the file cannot be written.
    fn write(&mut self, code: &NewCode<'_>, names: &dyn Names) -> io::Result<()>;
}

/// A listener that has `profile` note all code. `failed` is called with the first error; nothing is noted after it.
pub fn listener(
    profile: impl Profile,
    names: impl Names + 'static,
    failed: impl Fn(io::Error) + Send + Sync + 'static,
) -> Listener {
    let state = Mutex::new((Some(profile), names));
    Listener::new(move |code| {
        let (profile, names) = &mut *state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = profile.as_mut().map(|profile| profile.write(code, names)) {
            *profile = None;
            failed(error);
        }
    })
}

/// The name a profiler shows.
fn name_of(code: &NewCode<'_>, names: &dyn Names) -> String {
    let name = match code.origin {
        Origin::Region(region) => format!("guest:{}", names.name(region.start)),
        Origin::Runtime(name) => format!("causality:{name}"),
    };
    name.replace(|c: char| c.is_control(), "?")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::code::Published;

    /// Bytes that can be looked at while they are written.
    pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(super) fn new() -> (Self, Arc<Mutex<Vec<u8>>>) {
            let bytes = Arc::default();
            (Shared(Arc::clone(&bytes)), bytes)
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(super) struct TwoNames;

    impl Names for TwoNames {
        fn name(&self, _: u64) -> String {
            "a b\n".to_owned()
        }

        fn line(&self, pc: u64) -> Option<(String, u32)> {
            Some(("a.c".to_owned(), (pc / 0x100) as u32))
        }
    }

    impl Published {
        pub(super) fn at(start: u64, host: usize) -> Self {
            Published {
                start,
                host: host..host + 17,
                insts: 1,
                map: Vec::new(),
                time: None,
                entries: Vec::new(),
                longest: 1,
            }
        }
    }

    #[test]
    fn only_the_first_failure_is_told() {
        struct Full;
        impl Profile for Full {
            fn write(&mut self, _: &NewCode<'_>, _: &dyn Names) -> io::Result<()> {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
        let failures = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&failures);
        let failed = move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let listener = listener(Full, TwoNames, failed);
        for _ in 0..2 {
            listener.tell(&NewCode { host: 0, bytes: &[], origin: Origin::Runtime("enter") });
        }
        assert_eq!(failures.load(Ordering::Relaxed), 1);
    }
}
