//! Words for what records and registers have as numbers and identifiers.

use causality_store::Snapshot;
use causality_vm::resource::{Data, RunExit, Token};
use causality_vm::{Cause, ContentId, ObjectKind};

/// The longest name of a domain that is shown.
const NAME: u64 = 64;

const CAUSES: [Cause; 23] = [
    Cause::InstructionAddressMisaligned,
    Cause::InstructionAccessFault,
    Cause::IllegalInstruction,
    Cause::Breakpoint,
    Cause::LoadAddressMisaligned,
    Cause::LoadAccessFault,
    Cause::StoreAddressMisaligned,
    Cause::StoreAccessFault,
    Cause::EnvironmentCall,
    Cause::StackOverflow,
    Cause::MemoryLimit,
    Cause::SegmentLimit,
    Cause::HostFunction,
    Cause::RegisterConsumed,
    Cause::RegisterNotActive,
    Cause::RegisterLocked,
    Cause::RegisterFrozen,
    Cause::RegisterBounds,
    Cause::CapabilityDenied,
    Cause::RegisterLimit,
    Cause::RegisterNotInitial,
    Cause::RegisterOccupied,
    Cause::RegisterNotHeld,
];

/// The word for a logic that is built in, and the identifier of another.
pub(crate) fn logic(id: ContentId) -> String {
    match id {
        token if token == Token::logic_id() => "token".to_owned(),
        data if data == Data::logic_id() => "data".to_owned(),
        other => other.to_string(),
    }
}

/// The name of a domain, if the store has a name that this is the identifier of; otherwise that.
pub(crate) fn domain(snapshot: &Snapshot, id: ContentId) -> String {
    let is_name = |name: &String| {
        let is_printed = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        is_printed && !name.is_empty() && ContentId::of(ObjectKind::Blob, name.as_bytes()) == id
    };
    // What cannot be read is no name.
    let bytes = snapshot.bytes(id, NAME).unwrap_or_default();
    String::from_utf8(bytes).ok().filter(is_name).unwrap_or_else(|| id.to_string())
}

/// How a run ended.
pub(crate) fn exit(exit: &RunExit) -> String {
    let RunExit::Trapped { cause: code, pc, tval } = exit else {
        return exit.to_string();
    };
    let cause = CAUSES.iter().find(|cause| u64::from(cause.code()) == *code);
    let what = cause.map_or("unknown", |cause| cause.description());
    format!("trap: {what} (cause {code}) at {pc:#x}, value {tval:#x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traps_are_named() {
        let trap = |cause| exit(&RunExit::Trapped { cause, pc: 16, tval: 1 });
        assert_eq!(trap(48), "trap: register consumed (cause 48) at 0x10, value 0x1");
        assert_eq!(trap(999), "trap: unknown (cause 999) at 0x10, value 0x1");
        assert!(CAUSES.is_sorted_by(|a, b| a < b), "none is there twice");
    }
}
