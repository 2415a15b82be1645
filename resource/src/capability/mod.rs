//! Capabilities: signed tokens that grant rights over resource registers.
//!
//! A token is a chain of blocks. The first, signed by an issuer, grants rights over a target to a
//! holder. Each further block narrows, and a block signed by the holder hands the token on. Nothing
//! removes a block, so a child never has more than its parent nor outlives it, and revoking one block
//! revokes whatever was built on it.
//!
//! Tokens are [biscuits](https://www.biscuitsec.org/). What this crate adds is a shape they must have:
//! Ed25519 only, no rules, few and small checks without loops. The work of a decision is bounded by the
//! shape, so that no clock has to bound it, and two machines decide alike.

mod attenuation;
mod block;
mod error;
mod grant;
mod key_pair;
mod limits;
mod phases;
mod revocation_id;
mod shape;
mod target;
mod token;
mod verified;

pub use attenuation::Attenuation;
pub use block::Budget;
pub use error::CapabilityError;
pub use grant::Grant;
pub use key_pair::KeyPair;
pub use limits::Limits;
pub use phases::Phases;
pub use revocation_id::{ParseRevocationIdError, RevocationId};
pub use target::{ParseTargetError, Target};
pub use token::Capability;
pub use verified::VerifiedCapability;
