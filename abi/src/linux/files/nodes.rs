//! What a guest may know about a file: the same on every host.
//!
//! Device, owner, block size and times of the host never show. A file's number is given in the order in
//! which the guest first meets files; its time is 0 until the guest itself writes it. Permission bits
//! are 0755 for directories and executable files and 0644 for others.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use cap_std::fs::{Metadata, MetadataExt};

use super::Device;
use super::met::Met;
use crate::linux::process::USER;

/// The kinds of files a guest can meet (`S_IFMT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Kind {
    Regular,
    Directory,
    Symlink,
    Device,
    Pipe,
}

impl Kind {
    const fn mode(self) -> u32 {
        match self {
            Kind::Pipe => 0o010_000,
            Kind::Device => 0o020_000,
            Kind::Directory => 0o040_000,
            Kind::Regular => 0o100_000,
            Kind::Symlink => 0o120_000,
        }
    }

    /// The `d_type` of directory entries.
    pub(super) const fn entry_type(self) -> u8 {
        (self.mode() >> 12) as u8
    }

    /// `None` for what a guest cannot use: FIFOs, sockets, devices of the host.
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        if metadata.is_dir() {
            Some(Kind::Directory)
        } else if metadata.is_file() {
            Some(Kind::Regular)
        } else if metadata.is_symlink() {
            Some(Kind::Symlink)
        } else {
            None
        }
    }
}

/// What `stat` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) kind: Kind,
    pub(super) node: u64,
    pub(super) permissions: u32,
    pub(super) links: u32,
    pub(super) size: u64,
    /// Nanoseconds since the epoch.
    pub(super) modified: u64,
    /// Of a device: major and minor number.
    pub(super) device: (u32, u32),
}

impl Attributes {
    pub(super) const BLOCK: u32 = 4096;
    /// The one device that everything is on.
    pub(super) const DEVICE: u32 = 1;
    pub(super) const OWNER: u32 = USER;

    pub(super) const fn mode(&self) -> u32 {
        self.kind.mode() | self.permissions
    }

    /// In units of 512 bytes.
    pub(super) const fn blocks(&self) -> u64 {
        self.size.div_ceil(512)
    }

    /// A directory, device or stream that the host does not have.
    fn made_up(kind: Kind, node: u64) -> Self {
        Attributes {
            kind,
            node,
            permissions: if matches!(kind, Kind::Directory) { 0o755 } else { 0o666 },
            links: 1,
            size: if matches!(kind, Kind::Directory) { 4096 } else { 0 },
            modified: 0,
            device: (0, 0),
        }
    }

    pub(super) fn stream(fd: u64) -> Self {
        Attributes::made_up(Kind::Pipe, Nodes::FIRST_STREAM + fd)
    }

    pub(super) fn device(device: Device) -> Self {
        let minor = match device {
            Device::Null => 3,
            Device::Zero => 5,
            Device::Full => 7,
            Device::Random => 9,
        };
        Attributes {
            device: (1, minor),
            ..Attributes::made_up(Kind::Device, Nodes::FIRST_DEVICE + u64::from(minor))
        }
    }
}

/// What identifies a file, however it is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Device and number on the host.
    Host(u64, u64),
    /// The path of a directory that only the guest has.
    Synthetic(Vec<u8>),
}

impl Key {
    fn host(metadata: &Metadata) -> Self {
        Key::Host(metadata.dev(), metadata.ino())
    }
}

/// Numbers and times of the files the guest has met.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    numbers: BTreeMap<Key, u64>,
    /// Where the guest has met the files of the host.
    pub(super) met: Met,
    modified: BTreeMap<u64, u64>,
    last: u64,
}

impl Nodes {
    const FIRST_STREAM: u64 = 1;
    const FIRST_DEVICE: u64 = 8;
    const FIRST_FILE: u64 = 64;

    fn number(&mut self, key: Key) -> u64 {
        let last = &mut self.last;
        *self.numbers.entry(key).or_insert_with(|| {
            *last += 1;
            Self::FIRST_FILE + *last
        })
    }

    /// The number of a file of the host, which is at `path`, if links are followed or not.
    pub(super) fn of(&mut self, metadata: &Metadata, path: &[u8], follow: bool) -> u64 {
        let node = self.number(Key::host(metadata));
        self.met.note(node, path, follow);
        node
    }

    /// The number of a directory that the host does not have.
    pub(super) fn of_synthetic(&mut self, path: &[u8]) -> u64 {
        self.number(Key::Synthetic(path.to_vec()))
    }

    /// The last name of a file goes: should the host give its number to another file, that is a new one
    /// to the guest all the same.
    pub(super) fn forget(&mut self, metadata: &Metadata) {
        if (metadata.is_dir() || metadata.nlink() <= 1)
            && let Some(node) = self.numbers.remove(&Key::host(metadata))
        {
            self.met.forget(node);
            self.modified.remove(&node);
        }
    }

    /// Sets a file's time.
    pub(super) fn touch(&mut self, node: u64, time: u64) {
        self.modified.insert(node, time);
    }

    pub(super) fn synthetic(&mut self, path: &[u8]) -> Attributes {
        Attributes::made_up(Kind::Directory, self.of_synthetic(path))
    }

    /// What the guest may know about a file of the host, which is at `path`; of special files only that they are devices.
    pub(super) fn attributes(&mut self, metadata: &Metadata, path: &[u8], follow: bool) -> Attributes {
        let node = self.of(metadata, path, follow);
        self.attributes_as(metadata, node)
    }

    /// The same for an open file, which has kept its number.
    pub(super) fn attributes_as(&self, metadata: &Metadata, node: u64) -> Attributes {
        let kind = Kind::of(metadata).unwrap_or(Kind::Device);
        let executable = metadata.mode() & 0o100 != 0;
        let unlinked = metadata.nlink() == 0;
        Attributes {
            permissions: match kind {
                Kind::Symlink => 0o777,
                Kind::Directory => 0o755,
                Kind::Regular if executable => 0o755,
                Kind::Regular => 0o644,
                Kind::Device | Kind::Pipe => 0,
            },
            links: u32::from(!unlinked),
            size: match kind {
                Kind::Regular | Kind::Symlink => metadata.len(),
                _ => Attributes::made_up(kind, node).size,
            },
            modified: self.modified.get(&node).copied().unwrap_or(0),
            ..Attributes::made_up(kind, node)
        }
    }
}

impl Attributes {
    /// A symbolic link that the host does not have.
    pub(super) fn link(size: u64) -> Self {
        Attributes { permissions: 0o777, size, ..Attributes::made_up(Kind::Symlink, Nodes::FIRST_DEVICE) }
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    pub(super) fn is_executable(&self) -> bool {
        self.permissions & 0o100 != 0
    }
}

/// The numbers and times of files without what is the host's.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct SavedNodes {
    /// Path, whether links are followed, and number, ascending.
    met: Vec<(Vec<u8>, bool, u64)>,
    synthetic: BTreeMap<Vec<u8>, u64>,
    modified: BTreeMap<u64, u64>,
    last: u64,
}

impl Nodes {
    /// `look` says what is at a path now, if links are followed or not: a name counts if it still leads to the same file.
    pub(super) fn save(&self, look: impl Fn(&[u8], bool) -> Option<Metadata>) -> SavedNodes {
        let is_there = |&(path, follow, node): &(&[u8], bool, u64)| {
            look(path, follow).is_some_and(|found| self.numbers.get(&Key::host(&found)) == Some(&node))
        };
        let synthetic = self.numbers.iter().filter_map(|(key, &node)| match key {
            Key::Synthetic(path) => Some((path.clone(), node)),
            Key::Host(..) => None,
        });
        SavedNodes {
            met: self
                .met
                .iter()
                .filter(is_there)
                .map(|(path, follow, node)| (path.to_vec(), follow, node))
                .collect(),
            synthetic: synthetic.collect(),
            modified: self.modified.clone(),
            last: self.last,
        }
    }

    /// Files that are not there any more have no number; whoever comes to their places gets a new one.
    pub(super) fn restore(saved: &SavedNodes, look: impl Fn(&[u8], bool) -> Option<Metadata>) -> Self {
        let mut nodes = Nodes { modified: saved.modified.clone(), last: saved.last, ..Nodes::default() };
        nodes
            .numbers
            .extend(saved.synthetic.iter().map(|(path, &node)| (Key::Synthetic(path.clone()), node)));
        for (path, follow, node) in &saved.met {
            if let Some(found) = look(path, *follow) {
                nodes.numbers.entry(Key::host(&found)).or_insert(*node);
                nodes.met.note(*node, path, *follow);
            }
        }
        nodes
    }
}

impl SavedNodes {
    /// Whether numbers can be given after these.
    pub(super) fn are_sound(&self) -> bool {
        self.last <= i64::MAX as u64
    }
}
