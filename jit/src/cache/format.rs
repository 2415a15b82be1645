//! What is in a file of the cache.
//!
//! A [`Header`], then the payload: [`Counts`], the records of all regions in the order they were published, their entries, their
//! places, and their code. All numbers are little-endian and unaligned, so that what was read can be used as it is.

use std::ops::Range;

use zerocopy::little_endian::{I32, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Key;
use crate::cranelift::{Runtime, Translation};

/// What a file begins with.
const MAGIC: [u8; 8] = *b"CVMCODE\0";

/// The version of this format.
const VERSION: u64 = 1;

/// Where functions begin in the code: at multiples of this. Enough for any constant Cranelift places in code.
const ALIGN: usize = 64;

/// The BLAKE3 key derivation context of the payload.
const CONTEXT: &str = "causality-vm 2026-11-22 code cache v1: payload";

/// The start of a file. Every byte of it is compared with something, so none can change unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    magic: [u8; 8],
    version: U64,
    key: [u8; 32],
    /// Bytes of the payload before the code, and of the code.
    lengths: [U64; 2],
    hash: [u8; 32],
}

/// Why bytes are not what was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it is no code cache file")]
    Magic,
    #[error("it has format version {0}, not {VERSION}")]
    Version(u64),
    #[error("it was made from or by something else")]
    Key,
    #[error("it is truncated or has something appended")]
    Length,
    #[error("its contents are damaged")]
    Hash,
    #[error("its contents make no sense")]
    Contents,
}

impl Header {
    /// The header of a payload: its tables, and its code.
    fn new(key: &Key, tables: &[u8], code: &[u8]) -> Self {
        let lengths = [tables.len(), code.len()].map(|len| U64::new(len as u64));
        Header {
            magic: MAGIC,
            version: U64::new(VERSION),
            key: *key.as_bytes(),
            lengths,
            hash: hash(tables, code),
        }
    }

    /// Splits a file into header, tables and code, if it is for `key`. The payload is yet to be [verified](Header::verify).
    pub(super) fn split<'a>(file: &'a [u8], key: &Key) -> Result<(Header, &'a [u8], &'a [u8]), Refusal> {
        let (header, payload) = Header::read_from_prefix(file).map_err(|_| Refusal::Length)?;
        if header.magic != MAGIC {
            return Err(Refusal::Magic);
        }
        if header.version != VERSION {
            return Err(Refusal::Version(header.version.get()));
        }
        if header.key != *key.as_bytes() {
            return Err(Refusal::Key);
        }
        let [tables, code] = header.lengths.map(U64::get);
        if tables.checked_add(code) != Some(payload.len() as u64) {
            return Err(Refusal::Length);
        }
        let (tables, code) = payload.split_at_checked(tables as usize).ok_or(Refusal::Length)?;
        Ok((header, tables, code))
    }

    /// Whether this is the payload the header was made for.
    pub(super) fn verify(&self, tables: &[u8], code: &[u8]) -> Result<(), Refusal> {
        if self.hash == hash(tables, code) { Ok(()) } else { Err(Refusal::Hash) }
    }
}

fn hash(tables: &[u8], code: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(tables).update(code);
    *hasher.finalize().as_bytes()
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Counts {
    regions: U64,
    entries: U64,
    places: U64,
    /// Bytes of the functions that all regions share, which come first in the code.
    runtime: [U64; Runtime::COUNT],
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Record {
    start: U64,
    insts: U64,
    longest: U64,
    code: U64,
    entries: U64,
    places: U64,
}

/// Where in the code, counted from the region's, an instruction begins, counted from the region's start.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Place {
    host: U32,
    guest: I32,
}

/// One region as it is in the file.
#[derive(Clone, Debug)]
pub(crate) struct SavedRegion<'a> {
    /// The pc it was made for.
    pub(crate) start: u64,
    /// Instructions in it, copies counted.
    pub(crate) insts: usize,
    /// Instructions on the longest way between two checks of fuel.
    pub(crate) longest: u64,
    /// Where its code is in the code.
    pub(crate) code: Range<usize>,
    entries: &'a [U64],
    places: &'a [Place],
}

impl SavedRegion<'_> {
    /// The pcs at which it can be entered.
    pub(crate) fn entries(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().map(|pc| pc.get())
    }

    /// Host offset and guest pc, ascending by offset.
    pub(crate) fn map(&self) -> impl Iterator<Item = (u32, u64)> {
        let pc = |guest: i32| self.start.wrapping_add_signed(i64::from(guest));
        self.places.iter().map(move |place| (place.host.get(), pc(place.guest.get())))
    }
}

/// What is in verified tables.
#[derive(Default)]
pub(super) struct Contents<'a> {
    /// Where the functions are that all regions share.
    pub(super) runtime: [Range<usize>; Runtime::COUNT],
    pub(super) regions: Vec<SavedRegion<'a>>,
}

impl<'a> Contents<'a> {
    /// Reads the tables of a file with that much code.
    pub(super) fn parse(tables: &'a [u8], code: usize) -> Result<Self, Refusal> {
        Self::read(tables, code).ok_or(Refusal::Contents)
    }

    fn read(tables: &'a [u8], code: usize) -> Option<Self> {
        let (counts, rest) = Counts::ref_from_prefix(tables).ok()?;
        let [regions, entries, places] =
            [counts.regions, counts.entries, counts.places].map(|n| n.get() as usize);
        let (records, rest) = <[Record]>::ref_from_prefix_with_elems(rest, regions).ok()?;
        let (mut entries, rest) = <[U64]>::ref_from_prefix_with_elems(rest, entries).ok()?;
        let mut places = <[Place]>::ref_from_bytes_with_elems(rest, places).ok()?;
        let mut functions = Functions { next: 0, end: code };
        let mut runtime: [_; Runtime::COUNT] = Default::default();
        for (place, len) in runtime.iter_mut().zip(counts.runtime) {
            *place = functions.next(len.get())?;
        }
        let mut regions = Vec::with_capacity(records.len());
        for record in records {
            regions.push(SavedRegion {
                start: record.start.get(),
                insts: record.insts.get() as usize,
                longest: record.longest.get(),
                code: functions.next(record.code.get())?,
                entries: entries.split_off(..record.entries.get() as usize)?,
                places: places.split_off(..record.places.get() as usize)?,
            });
        }
        let is_all_used = entries.is_empty() && places.is_empty() && functions.next == code;
        is_all_used.then_some(Contents { runtime, regions })
    }
}

/// Where functions lie, one after the other.
struct Functions {
    next: usize,
    end: usize,
}

impl Functions {
    fn next(&mut self, len: u64) -> Option<Range<usize>> {
        let function = self.next..self.next.checked_add(usize::try_from(len).ok()?)?;
        self.next = function.end.checked_next_multiple_of(ALIGN)?;
        (self.next <= self.end).then_some(function)
    }
}

/// The bytes of a file with these regions.
pub(super) fn file(key: &Key, runtime: &Runtime, regions: &[(u64, Translation)]) -> Vec<u8> {
    let tables = tables(runtime, regions);
    let mut code = Vec::new();
    let functions = regions.iter().map(|(_, translation)| translation.code.as_slice());
    for function in runtime.functions().into_iter().chain(functions) {
        code.extend_from_slice(function);
        code.resize(code.len().next_multiple_of(ALIGN), 0);
    }
    let header = Header::new(key, &tables, &code);
    [header.as_bytes(), &tables, &code].concat()
}

fn tables(runtime: &Runtime, regions: &[(u64, Translation)]) -> Vec<u8> {
    let number = |len: usize| U64::new(len as u64);
    let (mut records, mut entries, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for &(start, ref translation) in regions {
        records.push(Record {
            start: U64::new(start),
            insts: number(translation.insts),
            longest: U64::new(translation.longest),
            code: number(translation.code.len()),
            entries: number(translation.entries.len()),
            places: number(translation.map.len()),
        });
        entries.extend(translation.entries.iter().map(|&pc| U64::new(pc)));
        let place = |&(host, pc): &(u32, u64)| Place {
            host: host.into(),
            guest: (pc.wrapping_sub(start) as i32).into(),
        };
        places.extend(translation.map.iter().map(place));
    }
    let counts = Counts {
        regions: number(records.len()),
        entries: number(entries.len()),
        places: number(places.len()),
        runtime: runtime.functions().map(|function| number(function.len())),
    };
    [counts.as_bytes(), records.as_bytes(), entries.as_bytes(), places.as_bytes()].concat()
}
