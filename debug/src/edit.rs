//! What is changed by hand.

use causality_vm::Instance;
use causality_vm::isa::reg::{F, X};
use causality_vm::memory::{PAGE_SIZE, Perms};

use crate::registers::Registers;

/// A change that can be made again.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// All registers.
    Registers(Box<Registers>),
    /// Bytes of memory.
    Memory {
        /// Where they begin.
        addr: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

impl Edit {
    /// Makes the change; `false` if that is impossible. Also what the guest may not write is changed.
    pub(crate) fn make<T>(&self, instance: &mut Instance<T>) -> bool {
        match self {
            Edit::Registers(registers) => {
                X::ALL.into_iter().for_each(|x| instance.set_x(x, registers.x[x.index()]));
                F::ALL.into_iter().for_each(|f| instance.set_f(f, registers.f[f.index()]));
                instance.set_pc(registers.pc);
                instance.set_fcsr(registers.fcsr);
                true
            }
            Edit::Memory { addr, bytes } => write(instance, *addr, bytes),
        }
    }
}

fn write<T>(instance: &mut Instance<T>, addr: u64, bytes: &[u8]) -> bool {
    let memory = instance.memory();
    let Some(end) = addr.checked_add(bytes.len() as u64) else { return false };
    let mut pages = (addr & !(PAGE_SIZE - 1)..end).step_by(PAGE_SIZE as usize);
    // Also a window of a resource register is readable, but no page: it is written by its own instructions only.
    if pages.any(|page| memory.perms_at(page).is_none()) {
        return false;
    }
    let (mut at, mut bytes) = (addr, bytes);
    while !bytes.is_empty() {
        let here = ((PAGE_SIZE - at % PAGE_SIZE) as usize).min(bytes.len());
        let (part, rest) = bytes.split_at(here);
        if !write_in_page(instance, at, part) {
            return false;
        }
        at += here as u64;
        bytes = rest;
    }
    true
}

fn write_in_page<T>(instance: &mut Instance<T>, addr: u64, bytes: &[u8]) -> bool {
    let memory = instance.memory_mut();
    let page = addr & !(PAGE_SIZE - 1);
    let perms = memory.perms_at(addr);
    let is_writable = perms.contains(Perms::RW);
    if !is_writable && memory.protect(page..page + PAGE_SIZE, Perms::RW).is_err() {
        return false;
    }
    let written = memory.slice_mut(addr, bytes.len() as u64).map(|to| to.copy_from_slice(bytes)).is_ok();
    if is_writable {
        // Code that is writable is seen by fetches when it is synchronised.
        memory.sync_code();
        return written;
    }
    memory.protect(page..page + PAGE_SIZE, perms).is_ok() && written
}
