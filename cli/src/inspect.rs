//! `causality-vm inspect`.

use std::io::{self, Write};

use causality_vm::elf::{LoadError, Program, SymbolKind};
use causality_vm::isa::IsaString;
use causality_vm::isa::isa_string::IsaName;
use causality_vm::{ContentId, Limits, ObjectKind};
use serde_json::{Value, json};

use crate::args::InspectArgs;
use crate::failure::{Failure, read_program};

/// Prints what is known about a program.
pub(crate) fn inspect(args: &InspectArgs) -> Result<u8, Failure> {
    let elf = read_program(&args.program)?;
    let program = Program::parse(&elf, &Limits::default())
        .map_err(|error| Failure::of_program(&args.program, error.into()))?;
    let id = ContentId::of(ObjectKind::Program, &elf);
    let text = match args.json {
        true => format!("{:#}\n", to_json(id, &program)),
        false => to_text(id, &program),
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(error)),
        _ => Ok(0),
    }
}

/// One name of the program's ISA string, and whether this machine has it.
fn extensions(program: &Program) -> Vec<(String, &'static str)> {
    let Some(isa) = program.arch().and_then(|arch| IsaString::parse(arch).ok()) else {
        return Vec::new();
    };
    isa.names().zip(isa.classified()).map(|(name, class)| (name.to_owned(), status(class))).collect()
}

fn status(name: IsaName<'_>) -> &'static str {
    match name {
        IsaName::Supported(_) => "ok",
        IsaName::Property(_) => "nothing to execute",
        IsaName::Unsupported(_) => "missing",
    }
}

/// Whether it can be run.
fn verdict(program: &Program) -> Result<(), LoadError> {
    program.check_extensions()
}

fn count(program: &Program, kind: SymbolKind) -> usize {
    program.symbols().iter().filter(|symbol| symbol.kind == kind).count()
}

fn to_text(id: ContentId, program: &Program) -> String {
    let image = program.image();
    let entry = program.symbols().at(image.entry).map(|(symbol, _)| symbol.name).unwrap_or("no symbol");
    let mut text = format!("program   {id}\nentry     {:#x} ({entry})\n", image.entry);
    if program.base() != 0 {
        text += &format!("base      {:#x} (position-independent)\n", program.base());
    }
    text += "segments  start        size         in file      perms  name\n";
    for s in &image.segments {
        let (addr, size, data) = (s.addr, s.size, s.data.len());
        text += &format!("          {addr:#012x} {size:#012x} {data:#012x} {}    {}\n", s.perms, s.name);
    }
    let (functions, labels) = (count(program, SymbolKind::Function), count(program, SymbolKind::Label));
    let objects = count(program, SymbolKind::Object);
    text += &format!("symbols   {functions} functions, {objects} objects, {labels} labels\n");
    text += &format!("built for {}\n", program.arch().unwrap_or("unknown: no .riscv.attributes"));
    for (name, status) in extensions(program) {
        text += &format!("          {name:<12} {status}\n");
    }
    text += &match verdict(program) {
        Ok(()) => "runs      yes\n".to_owned(),
        Err(error) => format!("runs      no: {error}\n"),
    };
    text
}

fn to_json(id: ContentId, program: &Program) -> Value {
    let image = program.image();
    let hex = |value: u64| format!("{value:#x}");
    let segments = image.segments.iter().map(|s| {
        json!({
            "name": s.name, "perms": s.perms.to_string(), "start": hex(s.addr), "size": s.size,
            "bytes_in_file": s.data.len(),
        })
    });
    let extensions =
        extensions(program).into_iter().map(|(name, status)| json!({"name": name, "status": status}));
    json!({
        "program": id.to_string(),
        "entry": hex(image.entry),
        "base": hex(program.base()),
        "segments": segments.collect::<Vec<_>>(),
        "symbols": {
            "functions": count(program, SymbolKind::Function),
            "objects": count(program, SymbolKind::Object),
            "labels": count(program, SymbolKind::Label),
        },
        "arch": program.arch(),
        "extensions": extensions.collect::<Vec<_>>(),
        "runs": verdict(program).is_ok(),
        "refusal": verdict(program).err().map(|error| error.to_string()),
    })
}
