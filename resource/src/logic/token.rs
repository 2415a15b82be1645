//! Fungible quantities.

use causality_store::{ContentId, ObjectKind};

use crate::{Operation, Refusal, ResourceLogic};

/// The native logic of tokens: quantity is conserved, and only with the authority of its controller is it
/// consumed. Every token holds some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token;

impl Token {
    /// The well-known identifier.
    #[must_use]
    pub fn logic_id() -> ContentId {
        ContentId::of(ObjectKind::Program, b"causality-vm native logic: token v1")
    }
}

impl ResourceLogic for Token {
    fn id(&self) -> ContentId {
        Self::logic_id()
    }

    fn validate(&self, operation: &Operation) -> Result<(), Refusal> {
        for input in &operation.consumed {
            if !input.authority.contains(&input.register.controller) {
                let controller = input.register.controller;
                return Err(Refusal(format!("{} was consumed without authority of {controller}", input.id)));
            }
        }
        match operation.created.iter().find(|output| output.register.quantity == 0) {
            Some(output) => Err(Refusal(format!("{} is a token of nothing", output.id))),
            None => Ok(()),
        }
    }

    fn check_conservation(&self, operation: &Operation) -> Result<(), Refusal> {
        for (domain, balance) in &operation.balances {
            if !balance.is_even() && !operation.issues.contains(domain) {
                return Err(Refusal(format!("domain {domain} is out of balance")));
            }
        }
        Ok(())
    }
}
