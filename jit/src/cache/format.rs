//! What is in a file of the cache.
//!
//! A [`Header`], the index, and the regions in the order they were published. The index has [`Counts`], a [`Record`] of
//! each region, [`Owner`]s ascending by pc, and the functions that all regions share; a region has its entries, its
//! places, and its code. The header has a hash of the index, the index one of each region, so that a region that nobody
//! needs is not read. All numbers are little-endian and unaligned, so that what was read can be used as it is.

use std::collections::BTreeMap;
use std::ops::Range;

use zerocopy::little_endian::{I32, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Key;
use crate::cranelift::{Locations, Runtime, Translation};

/// What a file begins with.
const MAGIC: [u8; 8] = *b"CVMCODE\0";

/// The version of this format.
const VERSION: u64 = 4;

/// The BLAKE3 key derivation contexts of the index and of regions.
const INDEX: &str = "causality-vm 2026-11-22 code cache v2: index";
const REGION: &str = "causality-vm 2026-11-22 code cache v2: region";

/// The start of a file. Every byte of it is compared with something, so none can change unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    magic: [u8; 8],
    version: U64,
    key: [u8; 32],
    /// Bytes of the index, and of the regions.
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
    /// Splits a file into header, index and regions, if it is for `key`. The index is yet to be
    /// [verified](Header::verify).
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
        let [index, regions] = header.lengths.map(U64::get);
        if index.checked_add(regions) != Some(payload.len() as u64) {
            return Err(Refusal::Length);
        }
        let (index, regions) = payload.split_at_checked(index as usize).ok_or(Refusal::Length)?;
        Ok((header, index, regions))
    }

    /// Whether this is the index the header was made for.
    pub(super) fn verify(&self, index: &[u8]) -> Result<(), Refusal> {
        if self.hash == hash(INDEX, &[index]) { Ok(()) } else { Err(Refusal::Hash) }
    }
}

fn hash(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    *hasher.finalize().as_bytes()
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Counts {
    regions: U64,
    owners: U64,
    /// Bytes of the functions that all regions share.
    runtime: [U64; Runtime::COUNT],
}

/// What the index says of a region.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Record {
    /// The pc it was made for.
    pub(super) start: U64,
    insts: U64,
    longest: U64,
    /// Where it is among the regions.
    offset: U64,
    /// How many of each it has.
    entries: U64,
    places: U64,
    code: U64,
    hash: [u8; 32],
}

/// Which region control enters at a pc: of those that can be entered there, the first.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Owner {
    pc: U64,
    region: U32,
}

/// Where in the region's code an instruction begins, counted from the region's start.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Place {
    host: U32,
    guest: I32,
}

/// A verified index. It is read where it is, because most of it will not be needed.
#[derive(Debug)]
pub(super) struct Index {
    bytes: Vec<u8>,
    records: Range<usize>,
    owners: Range<usize>,
    /// The functions that all regions share.
    pub(super) runtime: Runtime,
}

impl Index {
    /// Finds out what is where.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, Refusal> {
        Self::read(bytes).ok_or(Refusal::Contents)
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        let (counts, rest) = Counts::ref_from_prefix(&bytes).ok()?;
        let [records, owners] = [counts.regions, counts.owners].map(|n| n.get() as usize);
        let (records, rest) = <[Record]>::ref_from_prefix_with_elems(rest, records).ok()?;
        let (owners, mut rest) = <[Owner]>::ref_from_prefix_with_elems(rest, owners).ok()?;
        let mut runtime: [Vec<u8>; Runtime::COUNT] = Default::default();
        for (function, len) in runtime.iter_mut().zip(counts.runtime) {
            *function = rest.split_off(..len.get() as usize)?.to_vec();
        }
        let middle = size_of::<Counts>() + size_of_val(records);
        let records = size_of::<Counts>()..middle;
        let owners = middle..middle + size_of_val(owners);
        rest.is_empty().then_some(Index { bytes, records, owners, runtime: Runtime::of(runtime) })
    }

    /// What it says of the regions.
    pub(super) fn records(&self) -> &[Record] {
        <[Record]>::ref_from_bytes(&self.bytes[self.records.clone()]).unwrap_or_default()
    }

    /// The region that control enters at `pc`.
    pub(super) fn owner(&self, pc: u64) -> Option<usize> {
        let owners = <[Owner]>::ref_from_bytes(&self.bytes[self.owners.clone()]).ok()?;
        let place = owners.binary_search_by_key(&pc, |owner| owner.pc.get()).ok()?;
        let region = owners[place].region.get() as usize;
        (region < self.records().len()).then_some(region)
    }
}

impl Record {
    /// Copies the region to memory that nobody else can change, and verifies the copy.
    pub(super) fn open(&self, regions: &[u8]) -> Result<Translation, Refusal> {
        let (tables, code) = self.copy(regions).ok_or(Refusal::Contents)?;
        if self.hash != hash(REGION, &[&tables, &code]) {
            return Err(Refusal::Hash);
        }
        let (entries, map) = self.read(&tables).ok_or(Refusal::Contents)?;
        let (insts, longest) = (self.insts.get() as usize, self.longest.get());
        Ok(Translation { code, entries, offsets: Vec::new(), insts, longest, map })
    }

    /// Its tables and its code.
    fn copy(&self, regions: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let size = |count: U64, of: usize| usize::try_from(count.get()).ok()?.checked_mul(of);
        let tables =
            size(self.entries, size_of::<U64>())?.checked_add(size(self.places, size_of::<Place>())?)?;
        let region = regions.get(usize::try_from(self.offset.get()).ok()?..)?;
        let (tables, rest) = region.split_at_checked(tables)?;
        Some((tables.to_vec(), rest.get(..size(self.code, 1)?)?.to_vec()))
    }

    /// The pcs at which it can be entered, and host offsets with guest pc.
    fn read(&self, tables: &[u8]) -> Option<(Vec<u64>, Locations)> {
        let (entries, places) =
            <[U64]>::ref_from_prefix_with_elems(tables, self.entries.get() as usize).ok()?;
        let places = <[Place]>::ref_from_bytes(places).ok()?;
        let pc = |guest: I32| self.start.get().wrapping_add_signed(i64::from(guest.get()));
        let map = places.iter().map(|place| (place.host.get(), pc(place.guest)));
        Some((entries.iter().map(|pc| pc.get()).collect(), map.collect()))
    }
}

/// The bytes of a file with these regions.
pub(super) fn file(key: &Key, runtime: &Runtime, regions: &[(u64, Translation)]) -> Vec<u8> {
    let number = |len: usize| U64::new(len as u64);
    let (mut records, mut owners, mut bytes) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (region, (start, translation)) in regions.iter().enumerate() {
        let tables = tables(*start, translation);
        records.push(Record {
            start: U64::new(*start),
            insts: number(translation.insts),
            longest: U64::new(translation.longest),
            offset: number(bytes.len()),
            entries: number(translation.entries.len()),
            places: number(translation.map.len()),
            code: number(translation.code.len()),
            hash: hash(REGION, &[&tables, &translation.code]),
        });
        for &pc in &translation.entries {
            owners.entry(pc).or_insert(region);
        }
        bytes.extend(tables);
        bytes.extend_from_slice(&translation.code);
    }
    let owner = |(pc, region)| Owner { pc: U64::new(pc), region: U32::new(region as u32) };
    let owners: Vec<_> = owners.into_iter().map(owner).collect();
    let runtime = runtime.functions();
    let counts = Counts {
        regions: number(records.len()),
        owners: number(owners.len()),
        runtime: runtime.map(|function| number(function.len())),
    };
    let index = [counts.as_bytes(), records.as_bytes(), owners.as_bytes(), &runtime.concat()].concat();
    let header = Header {
        magic: MAGIC,
        version: U64::new(VERSION),
        key: *key.as_bytes(),
        lengths: [index.len(), bytes.len()].map(number),
        hash: hash(INDEX, &[&index]),
    };
    [header.as_bytes(), &index, &bytes].concat()
}

/// Entries and places.
fn tables(start: u64, translation: &Translation) -> Vec<u8> {
    let entries: Vec<_> = translation.entries.iter().map(|&pc| U64::new(pc)).collect();
    let place =
        |&(host, pc): &(u32, u64)| Place { host: host.into(), guest: (pc.wrapping_sub(start) as i32).into() };
    let places: Vec<_> = translation.map.iter().map(place).collect();
    [entries.as_bytes(), places.as_bytes()].concat()
}
