//! Any bytes as a record, a proof or a capability: refused, or spelt in this one way; and none of a run that never was is confirmed.

#![no_main]

use std::sync::LazyLock;

use causality_vm::Config;
use causality_vm::resource::{Capability, Record, ResourceManager};
use causality_vm::store::{Commitment, Object, StateUpdateProof, Store};
use causality_vm::transaction::Transactions;
use libfuzzer_sys::fuzz_target;

static TRANSACTIONS: LazyLock<Transactions> = LazyLock::new(|| {
    let store = Store::in_memory().expect("memory is there");
    Transactions::new(ResourceManager::new(store), Config::new().fuel(100_000))
});

fn spelt<T: Object>(bytes: &[u8]) -> Option<T> {
    let object = T::from_bytes(bytes).ok()?;
    assert_eq!(object.to_bytes().expect("it was read"), bytes);
    Some(object)
}

fuzz_target!(|data: &[u8]| {
    if let Some(proof) = spelt::<StateUpdateProof>(data) {
        let _ = proof.root_after(Commitment::from_bytes([0; 32]));
    }
    if let Some(capability) = spelt::<Capability>(data) {
        let _ = capability.verify();
    }
    if let Some(record) = spelt::<Record>(data) {
        let _ = record.check_state(None);
        assert!(!TRANSACTIONS.verify_record(&record).is_ok_and(|it| it.is_confirmed()));
    }
});
