//! Registers and memory.

use causality_vm::memory::PAGE_SIZE;
use gdbstub::target::ext::base::single_register_access::{SingleRegisterAccess, SingleRegisterAccessOps};
use gdbstub::target::ext::base::singlethread::{SingleThreadBase, SingleThreadResumeOps};
use gdbstub::target::{TargetError, TargetResult};

use super::Guest;
use crate::arch::Register;
use crate::edit::Edit;
use crate::registers::Registers;

/// `EFAULT`, what GDB is told about memory that is not there.
const FAULT: u8 = 14;

impl<T: Clone> Guest<T> {
    fn change(&mut self, registers: Registers) {
        if registers != Registers::of(self.instance().hart()) {
            self.debugger.timeline.edit(Edit::Registers(Box::new(registers)));
        }
    }
}

impl<T: Clone> SingleThreadBase for Guest<T> {
    fn read_registers(&mut self, registers: &mut Registers) -> TargetResult<(), Self> {
        *registers = Registers::of(self.instance().hart());
        Ok(())
    }

    fn write_registers(&mut self, registers: &Registers) -> TargetResult<(), Self> {
        let instret = self.instance().retired();
        self.change(Registers { instret, ..registers.clone() });
        Ok(())
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, (), Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, start: u64, data: &mut [u8]) -> TargetResult<usize, Self> {
        let memory = self.instance().memory();
        let mut done = 0;
        while done < data.len() {
            let at = start.wrapping_add(done as u64);
            let here = ((PAGE_SIZE - at % PAGE_SIZE) as usize).min(data.len() - done);
            // A window of a resource register ends anywhere.
            let here = match memory.slice(at, here as u64) {
                Ok(_) => here,
                Err(_) => (0..here).take_while(|&n| memory.slice(at + n as u64, 1).is_ok()).count(),
            };
            match memory.slice(at, here as u64) {
                Ok(bytes) if here > 0 => data[done..done + here].copy_from_slice(bytes),
                _ => break,
            }
            done += here;
        }
        if done == 0 { Err(TargetError::Errno(FAULT)) } else { Ok(done) }
    }

    fn write_addrs(&mut self, start: u64, data: &[u8]) -> TargetResult<(), Self> {
        match self.debugger.timeline.edit(Edit::Memory { addr: start, bytes: data.to_vec() }) {
            true => Ok(()),
            false => Err(TargetError::Errno(FAULT)),
        }
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl<T: Clone> SingleRegisterAccess<()> for Guest<T> {
    fn read_register(&mut self, (): (), register: Register, buffer: &mut [u8]) -> TargetResult<usize, Self> {
        let size = register.size();
        let value = Registers::of(self.instance().hart()).get(register).to_le_bytes();
        buffer.get_mut(..size).ok_or(TargetError::NonFatal)?.copy_from_slice(&value[..size]);
        Ok(size)
    }

    fn write_register(&mut self, (): (), register: Register, value: &[u8]) -> TargetResult<(), Self> {
        let mut bytes = [0; 8];
        bytes.get_mut(..value.len()).ok_or(TargetError::NonFatal)?.copy_from_slice(value);
        let mut registers = Registers::of(self.instance().hart());
        if !registers.set(register, u64::from_le_bytes(bytes)) {
            return Err(TargetError::NonFatal);
        }
        self.change(registers);
        Ok(())
    }
}
