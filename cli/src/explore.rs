//! `causality-vm explore`: a page that shows guest instructions, CLIF and host code side by side.
//!
//! The program runs twice with the same input: as native code, to learn which regions there are, then interpreted, to
//! count how often each block is executed. The page is one file that needs nothing else.

mod heat;
mod page;
mod region_view;

use std::io::{self, Cursor, IsTerminal, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use causality_vm::codegen::{Codegen, Listener, Origin};
use causality_vm::{Config, Engine, Exit, Instance, Linker, Module, Options, Tier};

use crate::args::ExploreArgs;
use crate::disasm::find;
use crate::failure::{Failure, read_program};
use crate::location::Locations;
use crate::native_region::{NativeRegion, for_each_region};
use heat::Heat;
use page::Page;
use region_view::View;

/// How the program ended when it was watched.
struct Run {
    exit: Exit,
    retired: u64,
}

/// Writes the page.
pub(crate) fn explore(args: &ExploreArgs) -> Result<u8, Failure> {
    let path = Path::new(&args.program[0]);
    let elf = read_program(path)?;
    let input = match args.fuel {
        0 => Vec::new(),
        _ => read_input()?,
    };
    let guest = Guest { path, elf: &elf, args, input };
    let starts = match args.fuel {
        0 => Vec::new(),
        _ => guest.starts()?,
    };
    let mut instance = guest.instance(Config::new().tier(Tier::Interpreter).fuel(args.fuel))?;
    let module = instance.module().clone();
    let natives = choose(args, &module, &instance, &starts)?;
    let (heat, run) = watch(&natives, args, &mut instance)?;
    // The program has run in this one; another shows its code as it was at the start.
    let fresh = guest.instance(Config::new())?;
    let mut codegen = Codegen::new(&fresh, Tier::Cranelift).map_err(Failure::new)?;
    let mut baseline = Codegen::new(&fresh, Tier::Baseline).map_err(Failure::new)?;
    let locations = Locations::new(&elf, module.program());
    let mut page = Page::new(&guest.title(), &module, run.as_ref());
    let mut order: Vec<_> = (0..natives.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(heat.of_region(index)));
    let hidden = order.split_off(args.regions.clamp(1, order.len()));
    page.elsewhere(heat.elsewhere() + hidden.iter().map(|&index| heat.of_region(index)).sum::<u64>());
    for index in order {
        let native = &natives[index];
        // On other hosts there is no such code.
        let baseline = NativeRegion::of(&mut baseline, native.region.clone()).ok();
        let view = View { native, baseline, counts: heat.blocks(index), instance: &fresh };
        let clif = codegen.clif(&natives[index].region).map_err(Failure::new)?;
        page.add(&view, &clif, &locations);
    }
    if args.source {
        page.add_sources();
    }
    let cannot = |error| Failure::new(format!("cannot write {}: {error}", args.output.display()));
    std::fs::write(&args.output, page.html()).map_err(cannot)?;
    Ok(0)
}

/// What the program may read: everything there is, unless somebody would have to type it.
fn read_input() -> Result<Vec<u8>, Failure> {
    let mut input = Vec::new();
    if !io::stdin().is_terminal() {
        io::stdin().read_to_end(&mut input).map_err(Failure::new)?;
    }
    Ok(input)
}

struct Guest<'a> {
    path: &'a Path,
    elf: &'a [u8],
    args: &'a ExploreArgs,
    input: Vec<u8>,
}

impl Guest<'_> {
    fn instance(&self, config: Config) -> Result<Instance<()>, Failure> {
        let failed = |error| Failure::of_program(self.path, error);
        let engine = Engine::new(config);
        let module = Module::new(&engine, self.elf).map_err(failed)?;
        let options = Options::new()
            .args(self.args.program.iter().map(|arg| arg.as_bytes()))
            .stdin(Cursor::new(self.input.clone()));
        Linker::new(&engine).instantiate(&module, options, ()).map_err(failed)
    }

    /// Runs it natively; where its regions start, in the order in which they were made.
    fn starts(&self) -> Result<Vec<u64>, Failure> {
        let starts = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&starts);
        let listener = Listener::new(move |code| {
            if let Origin::Region(region) = code.origin {
                list.lock().unwrap_or_else(PoisonError::into_inner).push(region.start);
            }
        });
        let config = Config::new().tier(Tier::Cranelift).fuel(self.args.fuel).code_listener(listener);
        self.instance(config)?.run().map_err(Failure::new)?;
        let starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(starts.clone())
    }

    fn title(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let args = self.args.program[1..].iter().map(|arg| arg.to_string_lossy());
        args.fold(name.into_owned(), |title, arg| title + " " + &arg)
    }
}

/// The regions that may be shown.
fn choose(
    args: &ExploreArgs,
    module: &Module,
    instance: &Instance<()>,
    starts: &[u64],
) -> Result<Vec<NativeRegion>, Failure> {
    let program = module.program();
    let mut codegen = Codegen::new(instance, Tier::Cranelift).map_err(Failure::new)?;
    let mut natives: Vec<NativeRegion> = Vec::new();
    if let Some(name) = &args.function {
        let symbol = find(program, name)?;
        natives.extend(NativeRegion::at(&mut codegen, symbol.addr)?);
    } else if starts.is_empty() {
        for_each_region(program, &mut codegen, &mut |native| {
            natives.push(native);
            Ok(natives.len() < args.regions)
        })?;
    } else {
        for (index, &start) in starts.iter().enumerate() {
            // Code that has changed since has the same start twice.
            if !starts[..index].contains(&start) {
                natives.extend(NativeRegion::at(&mut codegen, start)?);
            }
        }
    }
    match natives.is_empty() {
        true => Err(Failure::new("there is no code to show")),
        false => Ok(natives),
    }
}

/// Runs the program and counts how often each block is executed.
fn watch(
    natives: &[NativeRegion],
    args: &ExploreArgs,
    instance: &mut Instance<()>,
) -> Result<(Heat, Option<Run>), Failure> {
    let heat = Heat::new(natives.iter().map(|native| &native.region));
    if args.fuel == 0 {
        return Ok((heat, None));
    }
    let heat = Arc::new(Mutex::new(heat));
    let count = Arc::clone(&heat);
    instance.observe(move |retired| {
        count.lock().unwrap_or_else(PoisonError::into_inner).retire(retired.pc);
    });
    let exit = instance.run().map_err(Failure::new)?;
    let heat = heat.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((heat, Some(Run { exit, retired: instance.retired() })))
}
