//! File state without what is the host's, and making it again in a world that is given anew.
//!
//! A file is known by its guest path: it is opened again there. What cannot be found there as it was, byte count included, is
//! refused, on both sides; what the file holds is the world's.

use std::fs::File;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use cap_fs_ext::OpenOptionsSyncExt;
use cap_std::fs::{Metadata, MetadataExt, OpenOptions};

use super::descriptions::Descriptions;
use super::directory::Entry;
use super::nodes::{Kind, SavedNodes};
use super::paths::{self, Place};
use super::{AT_FDCWD, Description, Device, Files, MAX_FILES, Object, OpenDirectory, OpenFile, Slot};
use crate::{Access, RestoreError, SaveError};

/// What is wrong with an open file that cannot be found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// There is none, or another one than the process has.
    #[error("it is not there")]
    Gone,
    /// The process may write to it, and the directory is read-only now.
    #[error("it may only be read")]
    ReadOnly,
    /// It has been changed.
    #[error("it had {was} bytes, and has {is}")]
    Size {
        /// Bytes it had.
        was: u64,
        /// Bytes it has.
        is: u64,
    },
}

/// All file state.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(in crate::linux) struct SavedFiles {
    /// Guest path, and whether it may be changed.
    directories: Vec<(Vec<u8>, bool)>,
    descriptors: Vec<SavedDescriptor>,
    /// In the order of the lowest descriptor.
    open: Vec<SavedDescription>,
    nodes: SavedNodes,
    cwd: Vec<u8>,
    executable: Vec<u8>,
    pub(in crate::linux) input_read: u64,
    bytes_read: u64,
    bytes_written: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct SavedDescriptor {
    number: u16,
    description: u16,
    close_on_exec: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct SavedDescription {
    object: SavedObject,
    flags: i32,
    offset: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum SavedObject {
    Stdin,
    Stdout,
    Stderr,
    Device(Device),
    File { path: Vec<u8>, node: u64, size: u64 },
    Directory { path: Vec<u8>, listing: Option<Vec<Entry>> },
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn malformed(what: &'static str) -> RestoreError {
    RestoreError::Malformed(what)
}

fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

impl Files {
    /// What the host has at an absolute path now. The world is asked, whatever it is remembered to have said.
    fn look(&self, path: &[u8], follow: bool) -> Option<Metadata> {
        let at = self.locate(AT_FDCWD, path).ok()?;
        let (dir, path, _) = self.host(&at.place)?;
        if follow { dir.metadata(path).ok() } else { dir.symlink_metadata(path).ok() }
    }

    fn directories(&self) -> Vec<(Vec<u8>, bool)> {
        let writable = |access| access == Access::ReadWrite;
        let mut all: Vec<_> = self.preopens.iter().map(|p| (p.guest.clone(), writable(p.access))).collect();
        all.sort();
        all
    }

    /// All of it.
    ///
    /// # Errors
    /// [`SaveError::File`] if an open file is not at its path.
    pub(in crate::linux) fn save(&self) -> Result<SavedFiles, SaveError> {
        let mut order = Vec::new();
        let mut descriptors = Vec::new();
        for (number, slot) in (0..).zip(&self.slots) {
            let Some(slot) = slot else { continue };
            let known = order.iter().position(|&id| id == slot.description);
            let description = known.unwrap_or_else(|| {
                order.push(slot.description);
                order.len() - 1
            }) as u16;
            descriptors.push(SavedDescriptor { number, description, close_on_exec: slot.close_on_exec });
        }
        let described = order.iter().filter_map(|id| self.open.get(*id));
        Ok(SavedFiles {
            directories: self.directories(),
            descriptors,
            open: described
                .map(|description| self.save_description(description))
                .collect::<Result<_, _>>()?,
            nodes: self.nodes.save(|path, follow| self.look(path, follow)),
            cwd: self.cwd.clone(),
            executable: self.executable.clone(),
            input_read: self.input_read,
            bytes_read: self.bytes_read,
            bytes_written: self.bytes_written,
        })
    }

    fn save_description(&self, description: &Description) -> Result<SavedDescription, SaveError> {
        let object = match &description.object {
            Object::Stdin => SavedObject::Stdin,
            Object::Stdout => SavedObject::Stdout,
            Object::Stderr => SavedObject::Stderr,
            Object::Device(device) => SavedObject::Device(*device),
            Object::File(file) => self.save_file(file)?,
            Object::Directory(OpenDirectory { path, listing, .. }) => {
                SavedObject::Directory { path: path.clone(), listing: listing.clone() }
            }
        };
        Ok(SavedDescription { object, flags: description.flags, offset: description.offset })
    }

    fn save_file(&self, file: &OpenFile) -> Result<SavedObject, SaveError> {
        let own = Metadata::from_file(&file.file).ok();
        let there = self.look(&file.path, true);
        match own.zip(there) {
            Some((own, there)) if is_same(&own, &there) => {
                Ok(SavedObject::File { path: file.path.clone(), node: file.node, size: own.len() })
            }
            _ => Err(SaveError::File { path: shown(&file.path), problem: FileProblem::Gone }),
        }
    }

    /// Becomes what was saved, with its own streams and directories.
    ///
    /// # Errors
    /// [`RestoreError`]; nothing has changed then.
    pub(in crate::linux) fn restore(&mut self, saved: &SavedFiles) -> Result<(), RestoreError> {
        self.check_directories(&saved.directories)?;
        saved.check()?;
        let mut open = Descriptions::default();
        for (id, description) in (0..).zip(&saved.open) {
            open.add(id, self.restore_description(description)?);
        }
        self.open = open;
        self.next = saved.open.len() as u64;
        self.slots.clear();
        for descriptor in &saved.descriptors {
            let slot =
                Slot { description: descriptor.description.into(), close_on_exec: descriptor.close_on_exec };
            self.set(descriptor.number.into(), slot);
        }
        self.nodes = super::nodes::Nodes::restore(&saved.nodes, |path, follow| self.look(path, follow));
        self.cwd.clone_from(&saved.cwd);
        self.executable.clone_from(&saved.executable);
        self.input_read = saved.input_read;
        self.bytes_read = saved.bytes_read;
        self.bytes_written = saved.bytes_written;
        Ok(())
    }

    fn check_directories(&self, saved: &[(Vec<u8>, bool)]) -> Result<(), RestoreError> {
        let own = self.directories();
        let difference = saved.iter().find(|one| !own.contains(one)).map(|one| (one, true));
        let difference =
            difference.or_else(|| own.iter().find(|one| !saved.contains(one)).map(|one| (one, false)));
        match difference {
            None => Ok(()),
            Some(((path, writable), was_there)) => {
                Err(RestoreError::Directory { path: shown(path), writable: *writable, was_there })
            }
        }
    }

    fn restore_description(&self, saved: &SavedDescription) -> Result<Description, RestoreError> {
        let mut description = Description { object: Object::Stdin, flags: saved.flags, offset: saved.offset };
        description.object = match &saved.object {
            SavedObject::Stdin => Object::Stdin,
            SavedObject::Stdout => Object::Stdout,
            SavedObject::Stderr => Object::Stderr,
            SavedObject::Device(device) => Object::Device(*device),
            SavedObject::File { path, node, size } => {
                let problem = |problem| RestoreError::File { path: shown(path), problem };
                let (file, writable) =
                    self.open_again_at(path, description.is_writable(), *size).map_err(problem)?;
                Object::File(OpenFile { file: Arc::new(file), path: path.clone(), node: *node, writable })
            }
            SavedObject::Directory { path, listing } => {
                let place = self.locate(AT_FDCWD, path).map_err(|_| malformed("an open directory"))?.place;
                if !matches!(place, Place::Host { .. } | Place::Synthetic) {
                    return Err(malformed("an open directory"));
                }
                Object::Directory(OpenDirectory { place, path: path.clone(), listing: listing.clone() })
            }
        };
        Ok(description)
    }

    /// The file at `path`, and whether its directory may be changed.
    fn open_again_at(&self, path: &[u8], write: bool, size: u64) -> Result<(File, bool), FileProblem> {
        let at = self.locate(AT_FDCWD, path).map_err(|_| FileProblem::Gone)?;
        let (dir, path, access) = self.host(&at.place).ok_or(FileProblem::Gone)?;
        let writable = access == Access::ReadWrite;
        if write && !writable {
            return Err(FileProblem::ReadOnly);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(write).nonblock(true);
        let file = dir.open_with(path, &options).map_err(|_| FileProblem::Gone)?.into_std();
        let found = Metadata::from_file(&file).map_err(|_| FileProblem::Gone)?;
        if Kind::of(&found) != Some(Kind::Regular) {
            return Err(FileProblem::Gone);
        }
        if found.len() != size {
            return Err(FileProblem::Size { was: size, is: found.len() });
        }
        Ok((file, writable))
    }
}

impl SavedFiles {
    fn check(&self) -> Result<(), RestoreError> {
        let paths = self.open.iter().filter_map(|description| match &description.object {
            SavedObject::File { path, .. } | SavedObject::Directory { path, .. } => Some(path),
            _ => None,
        });
        if !paths.chain([&self.cwd, &self.executable]).all(|path| paths::normal(b"/", path) == *path) {
            return Err(malformed("a path that is not absolute and normal"));
        }
        let offsets = self.open.iter().map(|description| description.offset);
        if offsets.chain([self.input_read]).any(|offset| offset > i64::MAX as u64) {
            return Err(malformed("an offset of an open file"));
        }
        if !self.nodes.are_sound() {
            return Err(malformed("the numbers of files"));
        }
        // Numbers ascend, and descriptions come in the order in which they are first referred to.
        let (mut next, mut known) = (0, 0);
        for descriptor in &self.descriptors {
            if usize::from(descriptor.number) >= MAX_FILES {
                return Err(malformed("a descriptor"));
            }
            if descriptor.number < next || descriptor.description > known {
                return Err(malformed("the order of descriptors"));
            }
            next = descriptor.number + 1;
            known += u16::from(descriptor.description == known);
        }
        if usize::from(known) != self.open.len() {
            return Err(malformed("an open file without a descriptor"));
        }
        Ok(())
    }
}
