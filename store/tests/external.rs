//! Large objects in an object store, everything else in the database.
#![cfg(feature = "object-store")]

use std::io::{self, Read};
use std::sync::Arc;

use causality_store::{Blob, Commit, ContentId, ObjectKind, Store, StoreError};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

fn bytes(length: u64) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 255) as u8).collect()
}

/// Names of what is in the object store.
fn names(objects: &Arc<dyn ObjectStore>) -> Vec<Path> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let listed = runtime.block_on(objects.list_with_delimiter(Some(&Path::from("store/objects")))).unwrap();
    listed.objects.into_iter().map(|object| object.location).collect()
}

fn backends(directory: &std::path::Path) -> [Arc<dyn ObjectStore>; 2] {
    [Arc::new(InMemory::new()), Arc::new(LocalFileSystem::new_with_prefix(directory).unwrap())]
}

#[test]
fn large_objects_are_there_and_small_ones_are_not() {
    let bucket = tempfile::tempdir().unwrap();
    for objects in backends(bucket.path()) {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Store::open_with_objects(directory.path(), Arc::clone(&objects), "store/objects").unwrap();
        let small = store.put(&Blob::new(bytes(1000))).unwrap();
        assert!(names(&objects).is_empty());
        let mut ids = Vec::new();
        for length in [20_000, 300_000, 12_000_000] {
            let contents = bytes(length);
            let id = store.put_stream(ObjectKind::Blob, contents.as_slice()).unwrap();
            let mut commit = Commit::new();
            let journal = commit.bytes(ObjectKind::Journal, contents.clone(), vec![id]);
            commit.pin(journal);
            store.commit(commit).unwrap();
            assert_eq!(id, ContentId::of(ObjectKind::Blob, &contents));
            ids.push((id, journal, contents));
        }
        assert_eq!(names(&objects).len(), 6);
        drop(store);
        let store =
            Store::open_with_objects(directory.path(), Arc::clone(&objects), "store/objects").unwrap();
        for (id, journal, contents) in &ids {
            assert_eq!(store.get::<Blob>(*id).unwrap().as_slice(), contents);
            assert_eq!(&store.snapshot().unwrap().bytes(*journal, u64::MAX).unwrap(), contents);
        }
        assert_eq!(store.verify(|_| ()).unwrap().damage, []);
        // Without the object store, what is in it is an error, and the rest is not.
        let without = Store::open(directory.path()).unwrap();
        assert!(
            matches!(without.get::<Blob>(ids[0].0), Err(StoreError::NoObjectStore(id)) if id == ids[0].0)
        );
        without.get::<Blob>(small).unwrap();
        // What nothing refers to goes from there too.
        let mut commit = Commit::new();
        ids.iter().for_each(|(id, journal, _)| {
            commit.unpin(*id).unpin(*journal);
        });
        commit.pin(ids[1].1);
        store.commit(commit).unwrap();
        let collected = store.collect(|_| ()).unwrap();
        assert_eq!((collected.dropped, collected.uploads), (4, 4));
        assert_eq!(names(&objects).len(), 2);
        assert_eq!(store.get::<Blob>(ids[1].0).unwrap().as_slice(), ids[1].2);
    }
}

#[test]
fn what_was_changed_or_is_gone_there_is_noticed() {
    let bucket = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for objects in backends(bucket.path()) {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Store::open_with_objects(directory.path(), Arc::clone(&objects), "store/objects").unwrap();
        let contents = bytes(600_000);
        let id = store.put_stream(ObjectKind::Blob, contents.as_slice()).unwrap();
        let name = names(&objects).remove(0);
        let mut changed = contents.clone();
        changed[300_000] ^= 1;
        runtime.block_on(objects.put(&name, changed.into())).unwrap();
        let mut read = Vec::new();
        let error = store.open_object(id).unwrap().read_to_end(&mut read).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(read, contents[..256 << 10]);
        runtime.block_on(objects.put(&name, contents[..500_000].to_vec().into())).unwrap();
        store.verify_object(id).unwrap_err();
        runtime.block_on(objects.delete(&name)).unwrap();
        assert!(matches!(store.verify_object(id), Err(StoreError::Io(_))));
    }
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("broken"))
    }
}

#[test]
fn uploads_that_came_to_nothing_are_collected() {
    let bucket = tempfile::tempdir().unwrap();
    for objects in backends(bucket.path()) {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Store::open_with_objects(directory.path(), Arc::clone(&objects), "store/objects").unwrap();
        store.put_stream(ObjectKind::Blob, io::repeat(1).take(9 << 20).chain(Failing)).unwrap_err();
        let staged = store.stage(ObjectKind::Blob, bytes(100_000).as_slice(), vec![]).unwrap();
        assert_eq!((store.collect(|_| ()).unwrap().uploads, names(&objects).len()), (1, 1));
        drop(staged);
        assert_eq!((store.collect(|_| ()).unwrap().uploads, names(&objects).len()), (1, 0));
    }
}

/// Called from within a runtime, waiting does not block on that runtime.
#[test]
fn it_works_within_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::in_memory_with_objects(Arc::new(InMemory::new()), "o").unwrap();
        let id = store.put_stream(ObjectKind::Blob, bytes(100_000).as_slice()).unwrap();
        assert_eq!(store.get::<Blob>(id).unwrap().into_vec(), bytes(100_000));
    });
}
