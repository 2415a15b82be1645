//! All registers at once, as GDB's packets have them.

use causality_vm::Hart;
use gdbstub::arch;

use crate::arch::Register;

/// A copy of what GDB can see of a hart.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Registers {
    pub(crate) x: [u64; 32],
    pub(crate) f: [u64; 32],
    pub(crate) pc: u64,
    pub(crate) fcsr: u32,
    /// Instructions retired: what all counters read. Not to be written.
    pub(crate) instret: u64,
}

impl Registers {
    pub(crate) fn of(hart: &Hart) -> Self {
        Registers { x: hart.x, f: hart.f, pc: hart.pc, fcsr: hart.fcsr, instret: hart.instret() }
    }

    /// The value of one.
    pub(crate) fn get(&self, register: Register) -> u64 {
        match register {
            Register::X(number) => self.x[usize::from(number)],
            Register::Pc => self.pc,
            Register::F(number) => self.f[usize::from(number)],
            Register::Fflags => u64::from(self.fcsr & 0x1f),
            Register::Frm => u64::from(self.fcsr >> 5 & 7),
            Register::Fcsr => u64::from(self.fcsr),
            Register::Cycle | Register::Time | Register::Instret => self.instret,
        }
    }

    /// Changes one; `false` if it cannot be changed.
    pub(crate) fn set(&mut self, register: Register, value: u64) -> bool {
        let low = value as u32;
        match register {
            Register::X(0) => return value == 0,
            Register::X(number) => self.x[usize::from(number)] = value,
            Register::Pc => self.pc = value,
            Register::F(number) => self.f[usize::from(number)] = value,
            Register::Fflags => self.fcsr = self.fcsr & !0x1f | low & 0x1f,
            Register::Frm => self.fcsr = self.fcsr & 0x1f | (low & 7) << 5,
            Register::Fcsr => self.fcsr = low & 0xff,
            Register::Cycle | Register::Time | Register::Instret => return value == self.instret,
        }
        true
    }
}

impl arch::Registers for Registers {
    type ProgramCounter = u64;

    fn pc(&self) -> u64 {
        self.pc
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        for register in Register::all() {
            let bytes = self.get(register).to_le_bytes();
            bytes[..register.size()].iter().for_each(|&byte| write_byte(Some(byte)));
        }
    }

    fn gdb_deserialize(&mut self, mut bytes: &[u8]) -> Result<(), ()> {
        for register in Register::all() {
            let (mine, rest) = bytes.split_at_checked(register.size()).ok_or(())?;
            let mut value = [0; 8];
            value[..mine.len()].copy_from_slice(mine);
            // What cannot be changed is told back as it was.
            self.set(register, u64::from_le_bytes(value));
            bytes = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gdbstub::arch::Registers as _;

    use super::*;

    #[test]
    fn packets_hold_all_registers_and_give_them_back() {
        let mut registers = Registers { pc: 0x1_0000, fcsr: 0xe1, instret: 7, ..Registers::default() };
        for number in 1..32 {
            registers.x[number] = number as u64 * 3;
            registers.f[number] = !(number as u64);
        }
        let mut packet = Vec::new();
        registers.gdb_serialize(|byte| packet.push(byte.unwrap_or(0)));
        assert_eq!(packet.len(), 8 * (32 + 1 + 32 + 3) + 4 * 3);
        let mut back = Registers { instret: 7, ..Registers::default() };
        back.gdb_deserialize(&packet).unwrap();
        assert_eq!(back, registers);
        assert_eq!(back.gdb_deserialize(&packet[1..]), Err(()));
    }

    #[test]
    fn flags_and_rounding_mode_are_parts_of_fcsr() {
        let mut registers = Registers::default();
        assert!(registers.set(Register::Fflags, 0x1f) && registers.set(Register::Frm, 4));
        assert_eq!(registers.get(Register::Fcsr), 0x9f);
        assert!(!registers.set(Register::Instret, 1) && !registers.set(Register::X(0), 1));
    }
}
