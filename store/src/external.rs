//! Large objects in an object store: a bucket, or a directory.

use std::fmt;
use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use tokio::runtime::{Builder, Runtime};

use crate::StoreError;
use crate::bulk::{Bulk, BulkWriter};

/// Parts of an upload that are sent at the same time.
const PARTS: usize = 4;

/// An object store, below a path, with a runtime to wait for it.
pub(crate) struct External {
    shared: Arc<Shared>,
}

struct Shared {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    /// `None` when it is dropped.
    runtime: Option<Runtime>,
}

/// A runtime may be dropped anywhere if nobody waits for it to end.
impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl External {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self, StoreError> {
        let prefix = Path::parse(prefix).map_err(|error| std::io::Error::other(error.to_string()))?;
        // One thread of its own: waiting must not depend on the runtime that the caller may be in.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(External { shared: Arc::new(Shared { objects, prefix, runtime: Some(runtime) }) })
    }
}

impl Shared {
    fn path(&self, upload: u64) -> Path {
        self.prefix.clone().join(format!("{upload:016x}"))
    }

    /// Waits for work that is done on the runtime's thread, from any thread.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<T, object_store::Error> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move {
                let _ = sender.send(work.await);
            });
        }
        receiver.recv().unwrap_or_else(|_| {
            Err(object_store::Error::Generic { store: "runtime", source: "the work was dropped".into() })
        })
    }
}

impl Bulk for External {
    fn begin(&self, upload: u64) -> Result<Box<dyn BulkWriter>, StoreError> {
        let (objects, path) = (Arc::clone(&self.shared.objects), self.shared.path(upload));
        let multipart =
            self.shared.wait(async move { objects.put_multipart(&path).await }).map_err(failed)?;
        let writer = {
            // Parts are sent by tasks of the runtime that is entered.
            let _entered = self.shared.runtime.as_ref().map(Runtime::enter);
            WriteMultipart::new(multipart)
        };
        Ok(Box::new(Writer { shared: Arc::clone(&self.shared), writer: Some(writer) }))
    }

    fn read(&self, upload: u64, offset: u64, length: u64) -> Result<Vec<u8>, StoreError> {
        let (objects, path) = (Arc::clone(&self.shared.objects), self.shared.path(upload));
        let range = offset..offset.saturating_add(length);
        let bytes = self.shared.wait(async move { objects.get_range(&path, range).await }).map_err(failed)?;
        Ok(bytes.to_vec())
    }

    fn delete(&self, upload: u64) -> Result<(), StoreError> {
        let (objects, path) = (Arc::clone(&self.shared.objects), self.shared.path(upload));
        match self.shared.wait(async move { objects.delete(&path).await }) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

/// An upload in parts.
struct Writer {
    shared: Arc<Shared>,
    /// `None` when it is finished.
    writer: Option<WriteMultipart>,
}

impl BulkWriter for Writer {
    fn write(&mut self, bytes: Vec<u8>) -> Result<(), StoreError> {
        let Some(mut writer) = self.writer.take() else {
            return Ok(());
        };
        let writer = self.shared.wait(async move {
            writer.wait_for_capacity(PARTS).await?;
            writer.put(bytes.into());
            Ok(writer)
        });
        self.writer = Some(writer.map_err(failed)?);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), StoreError> {
        if let Some(writer) = self.writer.take() {
            self.shared.wait(writer.finish()).map_err(failed)?;
        }
        Ok(())
    }
}

/// What was uploaded of something that is not wanted any more goes.
impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            let _ = self.shared.wait(writer.abort());
        }
    }
}

fn failed(error: object_store::Error) -> StoreError {
    let kind = match &error {
        object_store::Error::NotFound { .. } => std::io::ErrorKind::NotFound,
        _ => std::io::ErrorKind::Other,
    };
    StoreError::Io(std::io::Error::new(kind, error))
}

impl fmt::Debug for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "External({} in {})", self.shared.prefix, self.shared.objects)
    }
}
