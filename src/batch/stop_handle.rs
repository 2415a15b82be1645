//! Stopping a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops a batch from any thread, between works, for good. Clones are the same.
///
/// ```
/// use causality_vm::batch::Batch;
/// use causality_vm::store::Store;
/// use causality_vm::{Config, Executable, Task};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let batch = Batch::over(Store::in_memory()?, Config::new().fuel(1_000_000));
/// let program = Executable::new(std::fs::read("examples/hello.elf")?);
/// let handle = batch.stop_handle();
/// std::thread::spawn(move || handle.stop()).join().expect("it does not panic");
/// assert!(batch.stop_handle().is_requested());
/// assert!(batch.run(&[Task::new(program).into()])?.is_empty(), "no work begins any more");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct StopHandle {
    is_requested: Arc<AtomicBool>,
}

impl StopHandle {
    /// No work begins any more. Those that are under way end first.
    pub fn stop(&self) {
        self.is_requested.store(true, Ordering::Release);
    }

    /// Whether somebody has asked for that.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::Acquire)
    }
}
