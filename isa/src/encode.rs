//! From instruction to word: the fixed bits of the row and the operands in their places.

use crate::{Decoded, Inst};

impl Inst {
    /// The 32-bit instruction word.
    ///
    /// An operand that does not fit (a branch offset out of range, a shift amount of 64) is cut off silently;
    /// an encoder of untrusted values asks [`Inst::is_encodable`] first.
    #[inline]
    pub fn encode(self) -> u32 {
        self.opcode().fill(self.operand_bits())
    }

    /// Whether the word decodes to exactly this instruction again.
    ///
    /// `false` if an operand is out of range, or if the operands make the word mean a more specific row
    /// (`ori` to `x0` can be a prefetch, `fence w, 0` is `pause`).
    pub fn is_encodable(self) -> bool {
        Self::decode32(self.encode()) == Some(self)
    }
}

impl Decoded {
    /// The bits this was decoded from; the upper half is zero for a compressed instruction.
    #[inline]
    pub fn encode(self) -> u32 {
        match self.compressed {
            Some(compressed) => compressed.encode() as u32,
            None => self.inst.encode(),
        }
    }
}
