//! What a guest may call: functions with types, over data of the embedder's, that refuse, trap and charge.

use causality_vm::{Caller, Engine, Exit, HostFault, Linker, Module, Options, Ptr};

/// What one guest's functions work with.
#[derive(Default)]
struct Ledger {
    notes: Vec<String>,
    answered: u64,
}

/// The example.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::default();
    let mut linker = Linker::<Ledger>::new(&engine);

    // Guests ask for it by name, or know its number: the first is 0x10000.
    linker.function("answer", |caller: &mut Caller<'_, Ledger>, value: u64| {
        caller.data_mut().answered += 1;
        value + 1
    })?;
    // A bad pointer is the guest's trap, by `?`; what is refused is its error number; work is paid for.
    linker.function(
        "note",
        |caller: &mut Caller<'_, Ledger>, text: Ptr, len: u64| -> Result<u64, HostFault> {
            caller.charge(len);
            let text = caller.bytes(text.0, len)?;
            let text = std::str::from_utf8(text).map_err(|_| HostFault::Errno(22))?.to_owned();
            caller.data_mut().notes.push(text);
            Ok(caller.data().notes.len() as u64)
        },
    )?;

    let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    let mut instance = linker.instantiate(&module, Options::new(), Ledger::default())?;
    assert_eq!(instance.run()?, Exit::Completed(0));
    let answer: u64 = instance.call("ask_often", (40_u64, 2_u64))?;
    println!("the guest got {answer} in {} calls", instance.data().answered);
    Ok(())
}
