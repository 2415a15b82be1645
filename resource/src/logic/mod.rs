//! Logics: the code that governs resource registers, and the conservation that governs all of them.

mod balance;
mod data;
mod logic_error;
mod logics;
mod operation;
mod resource_logic;
mod token;

pub use balance::{Balance, BalanceSheet};
pub use data::Data;
pub use logic_error::{LogicError, Refusal};
pub use logics::{LogicLoader, Logics};
pub use operation::{ConsumedInput, CreatedOutput, Operation};
pub use resource_logic::ResourceLogic;
pub use token::Token;
