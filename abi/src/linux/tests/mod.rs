//! Tests that make calls directly: a process with memory and a hart, and no executor.

mod directories;
mod escapes;
mod files;
mod hostile;
mod memory;
mod process;
mod saved;
mod start;
mod table;

use std::io::Read;

use bytemuck::Pod;
use causality_machine::memory::{Perms, SegmentKind};
use causality_machine::{Flow, Host, Image, ImageSegment, Limits, Machine};

use crate::{Abi, Access, Capture, Options};

/// Start of the scratch data that every guest of these tests has.
pub(super) const DATA: u64 = 0x10_0000;
/// Its size.
pub(super) const DATA_SIZE: u64 = 0x4_0000;
const TEXT: u64 = 0x1_0000;

/// A process that has just started.
pub(super) struct Guest {
    pub(super) abi: Abi,
    pub(super) machine: Machine,
    pub(super) output: Capture,
}

pub(super) fn image() -> Image {
    let segment = |name: &str, kind, perms, addr, size| ImageSegment {
        name: name.to_owned(),
        kind,
        perms,
        addr,
        size,
        data: vec![0x13; 16],
    };
    Image {
        entry: TEXT,
        segments: vec![
            segment("text", SegmentKind::Text, Perms::RX, TEXT, 0x1000),
            segment("data", SegmentKind::Data, Perms::RW, DATA, DATA_SIZE),
        ],
        program_headers: (TEXT + 64, 2),
    }
}

pub(super) fn limits() -> Limits {
    Limits { address_space: 256 << 20, memory: 32 << 20, stack: 1 << 20, ..Limits::default() }
}

impl Guest {
    pub(super) fn new() -> Self {
        Self::with(Options::new(), limits())
    }

    pub(super) fn with_input(input: impl Read + Send + 'static) -> Self {
        Self::with(Options::new().stdin(input), limits())
    }

    pub(super) fn in_directory(directory: &tempfile::TempDir, access: Access) -> Self {
        let options = Options::new().directory(directory.path(), "/work", access).unwrap();
        Self::with(options.cwd("/work"), limits())
    }

    pub(super) fn with(options: Options, limits: Limits) -> Self {
        let output = Capture::new(1 << 20);
        let options = options.stdout(output.clone()).stderr(output.clone());
        let mut abi = Abi::new(options, crate::HostFunctions::new(), ());
        let mut machine = Machine::new(limits).unwrap();
        machine.hart.add_fuel(1 << 40);
        abi.start(&image(), &mut machine).unwrap();
        Guest { abi, machine, output }
    }

    /// Makes a call and says how the machine goes on.
    pub(super) fn flow<const N: usize>(&mut self, name: &str, args: [u64; N]) -> Flow {
        let row = crate::TABLE.iter().find(|row| row.name == name);
        self.flow_of(row.unwrap_or_else(|| panic!("no call `{name}`")).number, &args)
    }

    pub(super) fn flow_of(&mut self, number: u64, args: &[u64]) -> Flow {
        self.machine.hart.x[10..17].fill(0);
        self.machine.hart.x[10..10 + args.len()].copy_from_slice(args);
        self.machine.hart.x[17] = number;
        self.machine.hart.fuel -= 1;
        self.abi.ecall(&mut self.machine.hart, &mut self.machine.memory).unwrap()
    }

    /// Makes a call that returns, and returns what it left in `a0`.
    pub(super) fn call<const N: usize>(&mut self, name: &str, args: [u64; N]) -> i64 {
        assert_eq!(self.flow(name, args), Flow::Continue, "{name} {args:x?}");
        self.machine.hart.x[10] as i64
    }

    pub(super) fn put(&mut self, addr: u64, bytes: &[u8]) {
        let place = self.machine.memory.slice_mut(addr, bytes.len() as u64).unwrap();
        place.copy_from_slice(bytes);
    }

    pub(super) fn put_words(&mut self, addr: u64, words: &[u64]) {
        self.put(addr, bytemuck::cast_slice(words));
    }

    pub(super) fn bytes(&self, addr: u64, len: u64) -> Vec<u8> {
        self.machine.memory.slice(addr, len).unwrap().to_vec()
    }

    pub(super) fn get<P: Pod>(&self, addr: u64) -> P {
        bytemuck::pod_read_unaligned(&self.bytes(addr, size_of::<P>() as u64))
    }

    /// Puts a path where calls of these tests look for it.
    pub(super) fn path(&mut self, path: impl AsRef<[u8]>) -> u64 {
        self.path_at(DATA + 0x2_0000, path)
    }

    pub(super) fn path_at(&mut self, addr: u64, path: impl AsRef<[u8]>) -> u64 {
        self.put(addr, path.as_ref());
        self.put(addr + path.as_ref().len() as u64, &[0]);
        addr
    }

    pub(super) fn open(&mut self, path: impl AsRef<[u8]>, flags: u64) -> i64 {
        let path = self.path(path);
        self.call("openat", [CWD, path, flags, 0o644])
    }

    /// What a file holds, read through the guest.
    pub(super) fn read_file(&mut self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, i64> {
        let fd = self.open(path, 0);
        if fd < 0 {
            return Err(fd);
        }
        let count = self.call("read", [fd as u64, DATA, 0x1000]);
        self.call("close", [fd as u64]);
        if count < 0 { Err(count) } else { Ok(self.bytes(DATA, count as u64)) }
    }
}

/// `AT_FDCWD`.
pub(super) const CWD: u64 = -100i64 as u64;
pub(super) const CREATE: u64 = 0o100;
pub(super) const EXCLUSIVE: u64 = 0o200;
pub(super) const TRUNCATE: u64 = 0o1000;
pub(super) const APPEND: u64 = 0o2000;
pub(super) const DIRECTORY: u64 = 0o200_000;
pub(super) const NOFOLLOW: u64 = 0o400_000;
pub(super) const WRITE: u64 = 1;
pub(super) const READ_WRITE: u64 = 2;

pub(super) const PERM: i64 = -1;
pub(super) const NOENT: i64 = -2;
pub(super) const BADF: i64 = -9;
pub(super) const NOMEM: i64 = -12;
pub(super) const ACCES: i64 = -13;
pub(super) const FAULT: i64 = -14;
pub(super) const EXIST: i64 = -17;
pub(super) const NODEV: i64 = -19;
pub(super) const NOTDIR: i64 = -20;
pub(super) const ISDIR: i64 = -21;
pub(super) const INVAL: i64 = -22;
pub(super) const ROFS: i64 = -30;
pub(super) const PIPE: i64 = -32;
pub(super) const NAMETOOLONG: i64 = -36;
pub(super) const LOOP: i64 = -40;
