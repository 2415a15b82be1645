//! Xrr: resource registers.

use causality_isa::format::{R, Slot, Unary, Write};
use causality_isa::visit::VisitXrr;

use super::{Exec, Retire, Stop};

impl<const FULL: bool> Exec<'_, FULL> {
    /// States that end by themselves depend on how many instructions have retired, which only a full execution knows.
    #[inline(always)]
    fn settled(&self) -> Retire {
        if !FULL && self.memory.registers().has_timed() { Err(Stop::Slow) } else { Ok(()) }
    }
}

impl<const FULL: bool> VisitXrr for Exec<'_, FULL> {
    fn xrr_state(&mut self, Unary { rd, rs1 }: Unary) -> Retire {
        self.settled()?;
        let state = self.memory.register_state(self.x(rs1))?;
        self.set_x(rd, u64::from(state.code()));
        Ok(())
    }

    fn xrr_len(&mut self, Unary { rd, rs1 }: Unary) -> Retire {
        let length = self.memory.register_length(self.x(rs1))?;
        self.set_x(rd, length);
        Ok(())
    }

    fn xrr_window(&mut self, Unary { rd, rs1 }: Unary) -> Retire {
        let window = self.memory.register_window(self.x(rs1))?;
        self.set_x(rd, window);
        Ok(())
    }

    fn xrr_seal(&mut self, Slot { rs1 }: Slot) -> Retire {
        self.settled()?;
        Ok(self.memory.seal_register(self.x(rs1))?)
    }

    fn xrr_consume(&mut self, Slot { rs1 }: Slot) -> Retire {
        self.settled()?;
        Ok(self.memory.consume_register(self.x(rs1))?)
    }

    fn xrr_create(&mut self, R { rd, rs1, rs2 }: R) -> Retire {
        let window = self.memory.create_register(self.x(rs1), self.x(rs2))?;
        self.set_x(rd, window);
        Ok(())
    }

    fn xrr_update(&mut self, R { rd, rs1, rs2 }: R) -> Retire {
        self.settled()?;
        let window = self.memory.update_register(self.x(rs1), self.x(rs2))?;
        self.set_x(rd, window);
        Ok(())
    }

    fn xrr_read(&mut self, R { rd, rs1, rs2 }: R) -> Retire {
        self.settled()?;
        let word = self.memory.read_register(self.x(rs1), self.x(rs2))?;
        self.set_x(rd, word);
        Ok(())
    }

    fn xrr_write(&mut self, Write { rs1, rs2, rs3 }: Write) -> Retire {
        self.settled()?;
        Ok(self.memory.write_register(self.x(rs1), self.x(rs2), self.x(rs3))?)
    }
}
