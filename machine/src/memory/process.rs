//! Which process this is. One that was forked has the memory of its parent, and shares with it what is no memory.
//!
//! The kernel makes one page empty in a process that is forked, so that to ask costs a load, not a call.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::mm::{Advice, madvise};

/// A page that begins with the number of the process, or zero where nobody has asked yet.
struct Mark {
    page: MmapRaw,
}

impl Mark {
    fn new() -> io::Result<Self> {
        let page = MmapRaw::from(MmapOptions::new().len(size_of::<AtomicU64>()).map_anon()?);
        // SAFETY: the page was just mapped; after the advice a forked process finds it zero.
        unsafe { madvise(page.as_mut_ptr().cast(), page.len(), Advice::LinuxWipeOnFork)? };
        Ok(Mark { page })
    }

    #[inline]
    fn number(&self) -> &AtomicU64 {
        // SAFETY: the page is aligned, and readable and writable for as long as the map lives, and accessed in this way only.
        unsafe { AtomicU64::from_ptr(self.page.as_mut_ptr().cast()) }
    }

    #[cold]
    fn begin(&self) -> u64 {
        // Counts through all generations: what a parent has counted its children go on from.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let begun = self.number().compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
        begun.map_or_else(|before| before, |_| number)
    }
}

/// A number that stays the same for as long as this process lives, and that none of those has that it was forked from. `None`
/// where the kernel does not help to know.
#[inline]
pub(super) fn marked() -> Option<u64> {
    static MARK: OnceLock<Option<Mark>> = OnceLock::new();
    let mark = MARK.get_or_init(|| Mark::new().ok()).as_ref()?;
    match mark.number().load(Ordering::Relaxed) {
        0 => Some(mark.begin()),
        number => Some(number),
    }
}

/// A number by which a process tells itself from those that it was forked from. Asking takes a nanosecond, or a call of the kernel
/// where that does not empty pages for forked processes (Linux before 4.14).
#[must_use]
#[inline]
pub fn this_process() -> u64 {
    /// Not to be taken for one of the others.
    const BY_KERNEL: u64 = 1 << 32;
    marked().unwrap_or_else(|| BY_KERNEL | u64::from(std::process::id()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_forked_process_has_another_number_than_its_parent() {
        let parent = this_process();
        let mut command = Command::new("true");
        let is_another = move || {
            let child = this_process();
            let is_well = child != parent && child == this_process();
            if is_well { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
        };
        // SAFETY: in the forked process it reads and writes a few words, and allocates nothing.
        unsafe { command.pre_exec(is_another) };
        assert!(command.status().expect("has another number").success());
        assert_eq!(this_process(), parent);
    }

    #[test]
    fn all_threads_of_a_process_have_one_number() {
        let here = this_process();
        let others: Vec<_> = (0..4).map(|_| std::thread::spawn(this_process)).collect();
        assert!(others.into_iter().all(|other| other.join().unwrap() == here));
    }
}
