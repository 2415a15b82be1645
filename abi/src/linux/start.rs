//! How a program finds its process when it starts.
//!
//! ```text
//! address_space ┐
//!               │ guard
//!               │ stack         RW; arguments, environment and auxiliary vector at its top
//!               │ stack guard   touching it is a stack overflow
//!               │ mappings      lowest free address first
//!               ├ middle between the image's end and the stack guard
//!               │ heap          grown upwards by brk
//! image.end()   ┤
//!               │ image         text, rodata, data
//! 0             ┘
//! ```

use std::iter::once;
use std::ops::Range;

use causality_machine::memory::{MapError, PAGE_SIZE, Perms, Segment, SegmentKind};
use causality_machine::{Fault, Hart, Image, ImageError, Machine, Memory};

use super::Linux;
use super::memory::Areas;
use super::process::USER;
use super::time::TICKS;

/// Bytes of the inaccessible ranges on both sides of the stack.
const GUARD: u64 = 1 << 16;

/// Why a guest cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The image cannot be placed.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// There is no room for the stack.
    #[error("cannot map the stack of {size:#x} bytes: {source}")]
    Stack {
        /// Its size in bytes.
        size: u64,
        /// What was wrong.
        source: MapError,
    },
    /// Arguments and environment do not fit a quarter of the stack, the share Linux allows them too.
    #[error("arguments and environment take {size} bytes, and the stack allows {limit}")]
    Arguments {
        /// What they take.
        size: u64,
        /// What they may take.
        limit: u64,
    },
    /// The stack cannot be filled.
    #[error("cannot fill the stack: {0}")]
    Fill(#[source] Fault),
    /// A C string cannot hold a zero byte.
    #[error("an argument or environment variable contains a zero byte")]
    ZeroByte,
}

/// Maps the stack, fills it, and sets the registers. The image is loaded.
pub(super) fn start(linux: &mut Linux, image: &Image, machine: &mut Machine) -> Result<(), StartError> {
    let stack = map_stack(&mut machine.memory)?;
    let guard = stack.start - GUARD;
    let heap = image.end();
    let middle = (heap + (guard.saturating_sub(heap)) / 2).next_multiple_of(PAGE_SIZE);
    linux.areas =
        Areas { brk: heap..heap, mappings: middle..guard, initial: machine.memory.mapped(), peak: 0 };
    let contents = Contents::new(linux, image, &stack)?;
    fill(&mut machine.memory, contents.sp, &contents.bytes)?;
    *machine.hart = Hart { fuel: machine.hart.fuel, granted: machine.hart.granted, ..Hart::new(image.entry) };
    machine.hart.x[2] = contents.sp;
    Ok(())
}

/// Maps what every start needs. The image is loaded.
pub(crate) fn lay_out(memory: &mut Memory) -> Result<(), StartError> {
    map_stack(memory).map(drop)
}

/// Puts `bytes` at `sp`.
pub(super) fn fill(memory: &mut Memory, sp: u64, bytes: &[u8]) -> Result<(), StartError> {
    memory.slice_mut(sp, bytes.len() as u64).map_err(StartError::Fill)?.copy_from_slice(bytes);
    Ok(())
}

/// Maps the stack at the top of the address space, between two guards, if it is not there.
fn map_stack(memory: &mut Memory) -> Result<Range<u64>, StartError> {
    let size = memory.limits().stack;
    let top = memory.limits().address_space;
    let error = |source| StartError::Stack { size, source };
    let range = size
        .checked_next_multiple_of(PAGE_SIZE)
        .filter(|&pages| pages > 0)
        .and_then(|pages| {
            let end = top.checked_sub(GUARD)?;
            let start = end.checked_sub(pages)?;
            start.checked_sub(GUARD).map(|_| start..end)
        })
        .ok_or_else(|| error(MapError::OutsideAddressSpace))?;
    let is_there = |segment: &Segment| segment.range == range && segment.kind == SegmentKind::Stack;
    if memory.segment_at(range.start).is_some_and(is_there) {
        return Ok(range);
    }
    let mut map = |range: Range<u64>, perms, kind, name| memory.map(range, perms, kind, name).map_err(error);
    map(range.start - GUARD..range.start, Perms::NONE, SegmentKind::Guard, Memory::STACK_GUARD)?;
    map(range.clone(), Perms::RW, SegmentKind::Stack, "stack")?;
    map(range.end..top, Perms::NONE, SegmentKind::Guard, "guard")?;
    Ok(range)
}

/// What lies at the top of the stack: from `sp` upwards argc, argv, a null, the environment, a null, the
/// auxiliary vector, and the bytes that these point to (Linux `fs/binfmt_elf.c`).
struct Contents {
    sp: u64,
    bytes: Vec<u8>,
}

impl Contents {
    fn new(linux: &mut Linux, image: &Image, stack: &Range<u64>) -> Result<Self, StartError> {
        if linux.args.iter().chain(&linux.env).any(|s| s.contains(&0)) {
            return Err(StartError::ZeroByte);
        }
        let (args, env) = (&linux.args, &linux.env);
        let (name, platform) = (linux.files.executable(), &b"riscv64"[..]);
        let strings = || once(name).chain(args.iter().chain(env).map(Vec::as_slice)).chain(once(platform));
        let words = 1 + args.len() + 1 + env.len() + 1 + 2 * AUXILIARY;
        let length: usize = strings().map(|string| string.len() + 1).sum();
        let size = (words * 8 + RANDOM + length) as u64;
        let limit = (stack.end - stack.start) / 4;
        if size + 16 > limit {
            return Err(StartError::Arguments { size, limit });
        }
        let sp = (stack.end - size) & !15;
        let random_at = sp + words as u64 * 8;
        let name_at = random_at + RANDOM as u64;
        let mut bytes = Vec::with_capacity(size as usize);
        let mut push = |word: u64| bytes.extend_from_slice(&word.to_le_bytes());
        let mut at = name_at + name.len() as u64 + 1;
        push(args.len() as u64);
        for list in [args, env] {
            for string in list {
                push(at);
                at += string.len() as u64 + 1;
            }
            push(0);
        }
        auxiliary(image, random_at, name_at, at).as_flattened().iter().for_each(|&word| push(word));
        let mut random = [0; RANDOM];
        linux.random.fill(&mut random);
        bytes.extend_from_slice(&random);
        for string in strings() {
            bytes.extend_from_slice(string);
            bytes.push(0);
        }
        Ok(Contents { sp, bytes })
    }
}

/// Bytes of randomness that every program gets.
const RANDOM: usize = 16;

/// Entries of the auxiliary vector.
const AUXILIARY: usize = 19;

/// What C libraries learn about the machine and the program (`linux/auxvec.h`).
fn auxiliary(image: &Image, random: u64, name: u64, platform: u64) -> [[u64; 2]; AUXILIARY] {
    /// I, M, A, F, D, C as bits by letter.
    const HWCAP: u64 = 1 << 8 | 1 << 12 | 1 | 1 << 5 | 1 << 3 | 1 << 2;
    /// `sizeof(Elf64_Phdr)`.
    const HEADER: u64 = 56;
    let (headers, count) = image.program_headers;
    let user = u64::from(USER);
    [
        [3, headers],
        [4, HEADER],
        [5, count],
        [6, PAGE_SIZE],
        // AT_BASE: there is no interpreter.
        [7, 0],
        // AT_FLAGS.
        [8, 0],
        [9, image.entry],
        [11, user],
        [12, user],
        [13, user],
        [14, user],
        [15, platform],
        [16, HWCAP],
        [17, TICKS],
        // AT_SECURE: privileges are those of the user.
        [23, 0],
        [25, random],
        // AT_HWCAP2.
        [26, 0],
        [31, name],
        [0, 0],
    ]
}
