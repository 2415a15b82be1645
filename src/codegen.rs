//! Looking inside native code: the regions of a program, and what they become.
//!
//! For tools. What is here shows how this version generates code; nothing about it is stable.

pub use causality_jit::TranslateError;
pub use causality_jit::Translation;
pub use causality_jit::code::{Listener, NewCode, Origin, Published};
pub use causality_jit::profile;
use causality_jit::region::discover;
pub use causality_jit::region::{At, Block, Callee, End, Region, To};
use causality_jit::{Layout, NativeTier, Text, Translator, Tunables, baseline};

use crate::{Instance, Tier};

/// Translates regions of an instance as they are now, as the instance would when it runs.
///
/// ```
/// use causality_vm::Tier;
/// use causality_vm::codegen::Codegen;
/// # use causality_vm::{Engine, Linker, Module, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::default();
/// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
/// # let guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
/// let add = module.symbols().function("add").expect("it has one");
/// let mut codegen = Codegen::new(&guest, Tier::Cranelift)?;
/// let region = codegen.region(add).expect("it can be executed");
/// let translation = codegen.translate(&region)?;
/// assert!(translation.insts > 0 && !translation.code.is_empty());
/// let (built, _lowered) = codegen.clif(&region)?;
/// assert!(built.contains("iadd"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Codegen<'a> {
    text: Text<'a>,
    tunables: Tunables,
    translator: Translator,
}

impl<'a> Codegen<'a> {
    /// For this instance, by this tier.
    ///
    /// # Errors
    /// If there is no code generator for this host.
    pub fn new<T>(instance: &'a Instance<T>, tier: Tier) -> Result<Self, TranslateError> {
        let text = Text { memory: instance.memory(), breakpoints: instance.breakpoints() };
        let tunables =
            Tunables { tier: tier.native(), layout: Layout::of(text.memory), ..Tunables::default() };
        let translator = Translator::new(&tunables)?;
        Ok(Codegen { text, tunables, translator })
    }

    /// The region that starts at `pc`; `None` if nothing there can be executed.
    #[must_use]
    pub fn region(&self, pc: u64) -> Option<Region> {
        let region = discover(&self.text, pc, self.tunables.bounds);
        (!region.is_empty()).then_some(region)
    }

    /// The region in host code.
    ///
    /// # Errors
    /// If it cannot be translated, which is a bug here.
    pub fn translate(&mut self, region: &Region) -> Result<Translation, TranslateError> {
        if self.tunables.tier == NativeTier::Baseline {
            // Which finds its own way: mostly less than the region.
            let unit = baseline::translate(
                &self.tunables,
                &self.text,
                region.start,
                true,
                true,
                &mut Default::default(),
            )?;
            return unit.ok_or_else(|| TranslateError::Host("nothing to translate".to_owned()));
        }
        self.translator.translate(region)
    }

    /// The region in Cranelift's intermediate language, as built and as Cranelift lowers it.
    ///
    /// # Errors
    /// As [`Codegen::translate`].
    pub fn clif(&mut self, region: &Region) -> Result<(String, String), TranslateError> {
        self.translator.clif(region)
    }
}
