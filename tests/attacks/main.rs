//! Guests that try to get out. Each module is a kind of attack; each attack is made in every tier, must end the same in
//! all of them, and must leave alone what is not the guest's: neighbouring instances and the host's own memory.

mod addresses;
mod arena;
mod control;
mod exhaustion;
mod fuel;
mod guest;
mod jumps;
mod leaks;
mod pauses;
mod processes;
mod remapping;
mod rewriting;
mod signals;
mod soak;
mod strides;
mod windows;
