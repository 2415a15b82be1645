//! Resource registers: what they hold, and where they are in their life.

mod lifecycle;
mod register_entry;
mod resource_register;
mod transition;

pub use lifecycle::LifecycleState;
pub use register_entry::RegisterEntry;
pub use resource_register::ResourceRegister;
pub use transition::{IllegalTransition, Transition, TransitionRecord};
