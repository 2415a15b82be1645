//! The least it takes to run a guest.

use causality_vm::{Engine, Exit, Linker, Module, Options};

/// The example.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::default();
    let module = Module::from_file(&engine, "examples/hello.elf")?;
    let options = Options::new().args(["hello", "embedder"]).stdout(std::io::stdout());
    let mut instance = Linker::new(&engine).instantiate(&module, options, ())?;
    match instance.run()? {
        Exit::Completed(code) => println!("ended with {code}, after {} instructions", instance.retired()),
        other => println!("{other:?}"),
    }
    Ok(())
}
