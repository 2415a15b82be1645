//! Listing directories, sorted by name.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use cap_std::fs::{Dir, Metadata};

use super::nodes::Kind;
use super::{Files, Object, OpenDirectory};
use crate::linux::Errno;
use crate::linux::call::{Answer, Call, Stop};

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Entry {
    node: u64,
    kind: Kind,
    name: Vec<u8>,
}

/// Bytes of `struct linux_dirent64` before the name.
const HEADER: usize = 19;

impl Entry {
    /// As `struct linux_dirent64`; `next` is where reading goes on.
    fn record(&self, next: u64) -> Vec<u8> {
        let len = (HEADER + self.name.len() + 1).next_multiple_of(8);
        let mut record = Vec::with_capacity(len);
        record.extend_from_slice(&self.node.to_le_bytes());
        record.extend_from_slice(&next.to_le_bytes());
        record.extend_from_slice(&(len as u16).to_le_bytes());
        record.push(self.kind.entry_type());
        record.extend_from_slice(&self.name);
        record.resize(len, 0);
        record
    }
}

/// getdents64(2). The listing is as the directory was when reading began; going back to the start makes
/// a new one.
pub(in crate::linux) fn getdents64(call: &mut Call<'_>, fd: i32, buffer: u64, size: u32) -> Answer {
    let (listing, mut next) = call.linux.files.listing(fd)?;
    let mut records = Vec::new();
    while let Some(entry) = listing.get(next as usize) {
        let record = entry.record(next + 1);
        if records.len() + record.len() > size as usize {
            break;
        }
        records.extend_from_slice(&record);
        next += 1;
    }
    if records.is_empty() && (next as usize) < listing.len() {
        return Err(Errno::INVAL.into());
    }
    call.store_bytes(buffer, &records)?;
    call.linux.files.get_mut(fd)?.offset = next;
    Ok(records.len() as u64)
}

/// The names in a directory of the host.
fn read_directory(dir: &Dir, path: &Path) -> io::Result<Vec<(Vec<u8>, Metadata)>> {
    let mut names = Vec::new();
    for entry in dir.read_dir(path)? {
        let entry = entry?;
        // What went away meanwhile is not listed.
        if let Ok(metadata) = entry.metadata() {
            names.push((entry.file_name().into_vec(), metadata));
        }
    }
    Ok(names)
}

impl Files {
    /// What a directory descriptor lists, and where it is.
    fn listing(&mut self, fd: i32) -> Result<(&[Entry], u64), Stop> {
        let description = self.get(fd)?;
        let fresh = match &description.object {
            Object::Directory(directory) if directory.listing.is_none() => Some(directory.describe()),
            Object::Directory(_) => None,
            _ => return Err(Errno::NOTDIR.into()),
        };
        if let Some(directory) = fresh {
            let entries = self.list(&directory)?;
            if let Object::Directory(directory) = &mut self.get_mut(fd)?.object {
                directory.listing = Some(entries);
            }
        }
        let description = self.get(fd)?;
        match &description.object {
            Object::Directory(OpenDirectory { listing: Some(listing), .. }) => {
                Ok((listing, description.offset))
            }
            _ => Err(Errno::NOTDIR.into()),
        }
    }

    fn list(&mut self, directory: &OpenDirectory) -> Result<Vec<Entry>, Stop> {
        let mut found = BTreeMap::new();
        if let Some((dir, path, _)) = self.host(&directory.place) {
            let names = self.outside.ask(|| read_directory(dir, path))?;
            found.extend(names.into_iter().map(|(name, metadata)| (name, Some(metadata))));
        }
        // A preopened directory covers what the one around it has under its name.
        let covering: Vec<Vec<u8>> = self.children(&directory.path).map(<[u8]>::to_vec).collect();
        found.extend(covering.into_iter().map(|name| (name, None)));
        let own = self.attributes_of(directory)?.node;
        let mut entries = vec![
            Entry { node: own, kind: Kind::Directory, name: b".".to_vec() },
            Entry { node: own, kind: Kind::Directory, name: b"..".to_vec() },
        ];
        for (name, metadata) in found {
            let (node, kind) = match metadata {
                Some(metadata) => {
                    let path = super::paths::normal(&directory.path, &name);
                    let node = self.nodes.of(&metadata, &path, false);
                    (node, Kind::of(&metadata).unwrap_or(Kind::Device))
                }
                None => (self.covering_node(directory, &name), Kind::Directory),
            };
            entries.push(Entry { node, kind, name });
        }
        Ok(entries)
    }

    /// The number of a preopened directory, or one above it, by its name in `directory`.
    fn covering_node(&mut self, directory: &OpenDirectory, name: &[u8]) -> u64 {
        let path = super::paths::normal(&directory.path, name);
        let attributes = self
            .locate(super::AT_FDCWD, &path)
            .map_err(Stop::from)
            .and_then(|at| self.attributes_at(&at, true));
        // One whose host directory went away keeps a number of its own.
        attributes.map_or_else(|_| self.nodes.of_synthetic(&path), |a| a.node)
    }
}
