//! A plugin: prepared once, its functions are called often, with values in registers and bytes in its memory.

use causality_vm::{Engine, Linker, Module, Options, Ptr};

/// The example.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::default();
    let module = Module::from_file(&engine, "examples/plugin.elf")?;
    let mut plugin = Linker::new(&engine).instantiate(&module, Options::new(), ())?;
    plugin.run()?;

    let loudness = plugin.function::<u32, u32>("loudness")?;
    let Ptr(buffer) = plugin.call("text_buffer", ())?;
    let room: u32 = plugin.call("text_size", ())?;
    for text in ["a quiet word", "Well, WELL!", "STOP IT NOW!!!"] {
        let len = text.len().min(room as usize);
        plugin.memory_mut().slice_mut(buffer, len as u64)?.copy_from_slice(&text.as_bytes()[..len]);
        println!("{text:>16}: {} % loud", loudness.call(&mut plugin, len as u32)?);
    }
    Ok(())
}
