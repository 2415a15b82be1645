//! The code behind a logic's identifier.

use core::fmt::Debug;

use causality_store::ContentId;

use crate::{LogicError, Operation, Refusal, ResourceRegister};

/// A logic: native, or a guest program.
///
/// It must be a function of its arguments alone. It is asked in the order of the methods, when all of a run is known
/// and before any of it takes effect.
pub trait ResourceLogic: Debug + Send + Sync {
    /// Its identifier: that of the program, or a well-known one.
    fn id(&self) -> ContentId;

    /// May this be done?
    ///
    /// # Errors
    ///
    /// Why not.
    fn validate(&self, operation: &Operation) -> Result<(), Refusal>;

    /// The registers that the operation creates according to the logic. They must be those that were
    /// built, in the same order.
    ///
    /// # Errors
    ///
    /// Why there are none.
    fn apply(&self, operation: &Operation) -> Result<Vec<ResourceRegister>, Refusal> {
        Ok(operation.created.iter().map(|output| output.register.clone()).collect())
    }

    /// Is what has to be conserved conserved? That the sums of each domain are even among the registers of each logic,
    /// unless the run may issue, is required in any case; a logic can ask for more.
    ///
    /// # Errors
    ///
    /// What is not.
    fn check_conservation(&self, _operation: &Operation) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Asks a logic everything there is to ask.
pub(crate) fn consult(logic: &dyn ResourceLogic, operation: &Operation) -> Result<(), LogicError> {
    let refused = |refusal| LogicError::Refused { logic: operation.logic, refusal };
    logic.validate(operation).map_err(refused)?;
    let outcome = logic.apply(operation).map_err(refused)?;
    if !outcome.iter().eq(operation.created.iter().map(|output| &output.register)) {
        return Err(LogicError::OtherOutcome { logic: operation.logic });
    }
    logic.check_conservation(operation).map_err(refused)
}
