//! RV64GC as GDB is told about it.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use causality_vm::isa::reg::{F, X};
use gdbstub::arch::{Arch, RegId};

use crate::registers::Registers;

/// The architecture of all guests.
#[derive(Debug)]
pub(crate) enum Rv64Gc {}

impl Arch for Rv64Gc {
    type Usize = u64;
    type Registers = Registers;
    type BreakpointKind = usize;
    type RegId = Register;

    fn target_description_xml() -> Option<&'static str> {
        static XML: LazyLock<String> = LazyLock::new(description);
        Some(&XML)
    }
}

/// A register by GDB's numbers, which are those of the description below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// Integer register.
    X(u8),
    Pc,
    /// Floating-point register.
    F(u8),
    Fflags,
    Frm,
    Fcsr,
    Cycle,
    Time,
    Instret,
}

/// Those that have names of their own, in the order of their numbers.
const REST: [Register; 6] =
    [Register::Fflags, Register::Frm, Register::Fcsr, Register::Cycle, Register::Time, Register::Instret];

impl Register {
    /// All of them in the order of their numbers.
    pub(crate) fn all() -> impl Iterator<Item = Register> {
        let x = (0..32).map(Register::X);
        x.chain([Register::Pc]).chain((0..32).map(Register::F)).chain(REST)
    }

    /// Bytes it has in GDB's packets.
    pub(crate) const fn size(self) -> usize {
        match self {
            Register::Fflags | Register::Frm | Register::Fcsr => 4,
            _ => 8,
        }
    }
}

impl RegId for Register {
    fn from_raw_id(id: usize) -> Option<(Self, Option<NonZeroUsize>)> {
        let register = Register::all().nth(id)?;
        Some((register, NonZeroUsize::new(register.size())))
    }
}

/// The target description: GDB's standard features for RISC-V, and the counters.
fn description() -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">\
         <architecture>riscv:rv64</architecture><osabi>GNU/Linux</osabi>\
         <feature name=\"org.gnu.gdb.riscv.cpu\">",
    );
    let reg =
        |name: &str, bits: usize, rest: &str| format!("<reg name=\"{name}\" bitsize=\"{bits}\" {rest}/>");
    for x in X::ALL {
        let ty = match x.name() {
            "ra" => "code_ptr",
            "sp" | "gp" | "tp" | "s0" => "data_ptr",
            _ => "int",
        };
        // GDB calls it by its older name.
        let name = if x.name() == "s0" { "fp" } else { x.name() };
        xml += &reg(name, 64, &format!("type=\"{ty}\""));
    }
    xml += &reg("pc", 64, "type=\"code_ptr\"");
    xml += "</feature><feature name=\"org.gnu.gdb.riscv.fpu\">\
            <union id=\"riscv_double\"><field name=\"float\" type=\"ieee_single\"/>\
            <field name=\"double\" type=\"ieee_double\"/></union>";
    for f in F::ALL {
        xml += &reg(f.name(), 64, "type=\"riscv_double\"");
    }
    for name in ["fflags", "frm", "fcsr"] {
        xml += &reg(name, 32, "type=\"int\" group=\"float\"");
    }
    xml += "</feature><feature name=\"org.gnu.gdb.riscv.csr\">";
    for name in ["cycle", "time", "instret"] {
        xml += &reg(name, 64, "type=\"int\"");
    }
    xml + "</feature></target>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_have_the_numbers_of_the_description() {
        assert_eq!(Register::from_raw_id(0), Some((Register::X(0), NonZeroUsize::new(8))));
        assert_eq!(Register::from_raw_id(32), Some((Register::Pc, NonZeroUsize::new(8))));
        assert_eq!(Register::from_raw_id(33), Some((Register::F(0), NonZeroUsize::new(8))));
        assert_eq!(Register::from_raw_id(67), Some((Register::Fcsr, NonZeroUsize::new(4))));
        assert_eq!(Register::from_raw_id(71), None);
        assert_eq!(description().matches("<reg ").count(), Register::all().count());
    }
}
