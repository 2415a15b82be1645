//! Contents without quantity.

use causality_store::{ContentId, ObjectKind};

use crate::{Operation, Refusal, ResourceLogic};

/// The native logic of plain data: any contents, and no quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Data;

impl Data {
    /// The well-known identifier.
    #[must_use]
    pub fn logic_id() -> ContentId {
        ContentId::of(ObjectKind::Program, b"causality-vm native logic: data v1")
    }
}

impl ResourceLogic for Data {
    fn id(&self) -> ContentId {
        Self::logic_id()
    }

    fn validate(&self, operation: &Operation) -> Result<(), Refusal> {
        match operation.created.iter().find(|output| output.register.quantity != 0) {
            Some(output) => Err(Refusal(format!("{} is data, and has a quantity", output.id))),
            None => Ok(()),
        }
    }
}
