//! What was taken from a budget.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{Budget, DenyReason};

/// Uses and quantity that were taken from a block with a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Spent {
    /// How many uses.
    pub uses: u64,
    /// How much quantity.
    pub quantity: u128,
}

impl Spent {
    /// Both together, or `None` if that is more than can be counted.
    #[must_use]
    pub fn checked_add(self, other: Spent) -> Option<Spent> {
        let uses = self.uses.checked_add(other.uses)?;
        Some(Spent { uses, quantity: self.quantity.checked_add(other.quantity)? })
    }

    /// Whether this much may be taken from the budget.
    ///
    /// # Errors
    ///
    /// [`DenyReason::UsesExhausted`], [`DenyReason::QuantityExhausted`].
    pub fn fits(self, budget: &Budget) -> Result<(), DenyReason> {
        let block = budget.block;
        if let Some(max_uses) = budget.max_uses.filter(|max| self.uses > *max) {
            return Err(DenyReason::UsesExhausted { block, max_uses });
        }
        if let Some(max_quantity) = budget.max_quantity.filter(|max| self.quantity > u128::from(*max)) {
            return Err(DenyReason::QuantityExhausted { block, max_quantity });
        }
        Ok(())
    }
}
