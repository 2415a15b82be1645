//! The README's example, word for word, so that it cannot go stale.

use causality_vm::{Caller, Config, Engine, Exit, HostFault, Linker, Module, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::new(Config::new().fuel(1_000_000).memory(16 << 20));
    let module = Module::from_file(&engine, "examples/hello.elf")?;

    let mut linker = Linker::<u32>::new(&engine);
    linker.function("count", |caller: &mut Caller<'_, u32>, n: u32| -> Result<u32, HostFault> {
        *caller.data_mut() += n;
        Ok(*caller.data())
    })?;

    let options = Options::new().arg("hello").arg("embedder").stdout(std::io::stdout());
    let mut guest = linker.instantiate(&module, options, 0)?;
    assert_eq!(guest.run()?, Exit::Completed(0));
    Ok(())
}

#[test]
fn the_readmes_example_is_this_one_and_runs() {
    let readme = include_str!("../README.md");
    let example = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(include_str!("readme.rs").contains(example), "tests/readme.rs differs from the README");
    main().unwrap();
}

#[test]
fn the_readme_has_the_command_of_each_example() {
    let readme = include_str!("../README.md");
    let examples = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap();
    let names = examples.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)) {
        let command = format!("\n    cargo run --release --example {name}\n");
        assert!(readme.contains(&command), "the README leaves out the example {name}");
    }
    let example = include_str!("../capi/examples/embed.c");
    let commands: Vec<_> = example.lines().filter_map(|line| line.strip_prefix(" *     ")).collect();
    assert_eq!(commands.len(), 3);
    assert!(readme.contains(&format!("    {}\n", commands.join("\n    "))), "embed.c says {commands:#?}");
}
