//! Where a guest path leads.
//!
//! Paths are made absolute and normal by their text alone (`..` takes the component before it away, as
//! in Plan 9, even if that is a symbolic link), and then belong to the preopened directory with the
//! longest matching path. What remains is relative, free of `..`, and resolved by the host inside that
//! directory only (`cap-std`: `openat2` with `RESOLVE_BENEATH`), so that no link can lead out of it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;

use super::{AT_FDCWD, Device, Errno, Files, Object};
use crate::Access;

/// What is at a path, before the host is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Below a preopened directory; `.` is the directory itself.
    Host { preopen: usize, path: PathBuf },
    /// A directory that exists because preopened ones lie below it, and `/`.
    Synthetic,
    /// A device.
    Device(Device),
    /// Another name of a descriptor: `/dev/stdin`, `/dev/fd/3`, `/proc/self/fd/3`.
    Descriptor(i32),
    /// `/proc/self/exe`.
    Executable,
}

/// A resolved path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) place: Place,
    /// Absolute and normal.
    pub(super) path: Vec<u8>,
    /// The text ends in a slash or a dot component: only a directory can be meant.
    pub(super) is_directory: bool,
}

/// The longest file name (Linux `NAME_MAX`).
const NAME_MAX: usize = 255;

/// `path` seen from the absolute, normal `base`, made absolute and normal.
pub(super) fn normal(base: &[u8], path: &[u8]) -> Vec<u8> {
    let base: &[u8] = if path.first() == Some(&b'/') { b"" } else { base };
    let mut all = Vec::with_capacity(base.len() + path.len() + 1);
    for part in base.split(|&b| b == b'/').chain(path.split(|&b| b == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => all.truncate(all.iter().rposition(|&b| b == b'/').unwrap_or(0)),
            part => {
                all.push(b'/');
                all.extend_from_slice(part);
            }
        }
    }
    if all.is_empty() {
        all.push(b'/');
    }
    all
}

/// What follows the directory `prefix` (`/` being empty) in `path`, without its slash.
fn below<'a>(prefix: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    match path.strip_prefix(prefix)? {
        b"" => Some(b""),
        rest => rest.strip_prefix(b"/"),
    }
}

impl Files {
    /// Where `path` leads, seen from `directory`.
    pub(super) fn locate(&self, directory: i32, path: &[u8]) -> Result<Located, Errno> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        if path.split(|&b| b == b'/').any(|part| part.len() > NAME_MAX) {
            return Err(Errno::NAMETOOLONG);
        }
        let base = self.base(directory, path)?;
        let last = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let path = normal(base, path);
        Ok(Located { place: self.place(&path)?, path, is_directory: [&b""[..], b".", b".."].contains(&last) })
    }

    fn base<'a>(&'a self, directory: i32, path: &[u8]) -> Result<&'a [u8], Errno> {
        if path.first() == Some(&b'/') {
            return Ok(b"/");
        }
        if directory == AT_FDCWD {
            return Ok(&self.cwd);
        }
        match &self.get(directory)?.object {
            Object::Directory(directory) => Ok(&directory.path),
            _ => Err(Errno::NOTDIR),
        }
    }

    fn place(&self, path: &[u8]) -> Result<Place, Errno> {
        if let Some(rest) = below(b"/dev", path) {
            return self.device(rest);
        }
        if let Some(rest) = below(b"/proc", path) {
            return self.process(rest);
        }
        let beneath =
            self.preopens.iter().enumerate().filter_map(|(i, p)| Some((i, p, below(&p.guest, path)?)));
        if let Some((preopen, _, rest)) = beneath.max_by_key(|(_, p, _)| p.guest.len()) {
            let rest: &[u8] = if rest.is_empty() { b"." } else { rest };
            return Ok(Place::Host { preopen, path: PathBuf::from(OsString::from_vec(rest.to_vec())) });
        }
        let above = path == b"/" || self.preopens.iter().any(|p| below(path, &p.guest).is_some());
        if above { Ok(Place::Synthetic) } else { Err(Errno::NOENT) }
    }

    fn device(&self, name: &[u8]) -> Result<Place, Errno> {
        Ok(match name {
            b"" => Place::Synthetic,
            b"null" => Place::Device(Device::Null),
            b"zero" => Place::Device(Device::Zero),
            b"full" => Place::Device(Device::Full),
            b"random" | b"urandom" => Place::Device(Device::Random),
            b"stdin" => Place::Descriptor(0),
            b"stdout" => Place::Descriptor(1),
            b"stderr" => Place::Descriptor(2),
            b"tty" => return Err(Errno::NXIO),
            name => return descriptor(name.strip_prefix(b"fd/")),
        })
    }

    fn process(&self, name: &[u8]) -> Result<Place, Errno> {
        match name {
            b"" | b"self" => Ok(Place::Synthetic),
            b"self/exe" => Ok(Place::Executable),
            name => descriptor(name.strip_prefix(b"self/fd/")),
        }
    }

    /// The host directory and the relative path of a place, if the host has it.
    pub(super) fn host<'a>(&self, place: &'a Place) -> Option<(&Dir, &'a Path, Access)> {
        match place {
            Place::Host { preopen, path } => {
                let preopen = &self.preopens[*preopen];
                Some((&preopen.dir, path, preopen.access))
            }
            _ => None,
        }
    }

    /// The names of preopened directories, and of those above them, right below `path`.
    pub(super) fn children(&self, path: &[u8]) -> impl Iterator<Item = &[u8]> {
        let path = if path == b"/" { b"" } else { path };
        self.preopens
            .iter()
            .filter_map(move |p| below(path, &p.guest))
            .filter_map(|rest| rest.split(|&b| b == b'/').next())
            .filter(|name| !name.is_empty())
    }
}

fn descriptor(name: Option<&[u8]>) -> Result<Place, Errno> {
    let digits = name.filter(|n| !n.is_empty() && n.len() <= 4 && n.iter().all(u8::is_ascii_digit));
    let number = digits.ok_or(Errno::NOENT)?.iter().fold(0, |n, d| n * 10 + i32::from(d - b'0'));
    Ok(Place::Descriptor(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_slashes_vanish_and_the_root_is_its_own_parent() {
        for (base, path, expected) in [
            ("/", "a//b/./c", "/a/b/c"),
            ("/x/y", "..", "/x"),
            ("/x/y", "../../../..", "/"),
            ("/x", "/a/../../b/", "/b"),
            ("/x", "./..//z", "/z"),
        ] {
            assert_eq!(normal(base.as_bytes(), path.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn a_directory_is_a_prefix_by_components_only() {
        assert_eq!(below(b"/work", b"/work/a"), Some(&b"a"[..]));
        assert_eq!(below(b"/work", b"/work"), Some(&b""[..]));
        assert_eq!(below(b"/work", b"/workshop"), None);
        assert_eq!(below(b"", b"/a"), Some(&b"a"[..]));
    }
}
