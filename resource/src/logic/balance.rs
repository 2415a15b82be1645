//! Sums of quantities, by fungibility domain and logic.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::ContentId;

use crate::{LogicError, ResourceRegister};

/// What went into a run and what came out, in one domain under one logic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Balance {
    /// Sum of the quantities consumed.
    pub consumed: u128,
    /// Sum of the quantities created.
    pub created: u128,
}

impl Balance {
    /// Whether nothing came to be or ceased to be.
    #[must_use]
    pub const fn is_even(&self) -> bool {
        self.consumed == self.created
    }

    /// By how much the sums differ.
    #[must_use]
    pub const fn difference(&self) -> u128 {
        self.consumed.abs_diff(self.created)
    }
}

/// The balances of all that a run touches: by domain, and in each domain by logic. A sum over the domain alone would let
/// quantity go from under one logic to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalanceSheet(BTreeMap<(ContentId, ContentId), Balance>);

impl BalanceSheet {
    /// The balances of these registers.
    ///
    /// # Errors
    ///
    /// [`LogicError::Overflow`]: a sum has more than 128 bits.
    pub fn of<'a>(
        consumed: impl IntoIterator<Item = &'a ResourceRegister>,
        created: impl IntoIterator<Item = &'a ResourceRegister>,
    ) -> Result<Self, LogicError> {
        let mut sheet = BalanceSheet::default();
        for register in consumed {
            add(&mut sheet.entry(register).consumed, register)?;
        }
        for register in created {
            add(&mut sheet.entry(register).created, register)?;
        }
        Ok(sheet)
    }

    fn entry(&mut self, register: &ResourceRegister) -> &mut Balance {
        self.0.entry((register.domain, register.logic)).or_default()
    }

    /// The domains that registers of this logic are of, sorted.
    pub fn under(&self, logic: ContentId) -> impl Iterator<Item = (ContentId, Balance)> {
        let under = self.0.iter().filter(move |((_, other), _)| *other == logic);
        under.map(|((domain, _), balance)| (*domain, *balance))
    }

    /// The domains and logics in which something came to be or ceased to be, sorted.
    pub fn uneven(&self) -> impl Iterator<Item = (ContentId, ContentId, Balance)> {
        let uneven = self.0.iter().filter(|(_, balance)| !balance.is_even());
        uneven.map(|((domain, logic), balance)| (*domain, *logic, *balance))
    }
}

fn add(sum: &mut u128, register: &ResourceRegister) -> Result<(), LogicError> {
    let more = sum.checked_add(u128::from(register.quantity));
    *sum = more.ok_or(LogicError::Overflow { domain: register.domain })?;
    Ok(())
}
