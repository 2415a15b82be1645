//! The logics that there are, by identifier.

use core::fmt::Debug;
use std::collections::BTreeMap;
use std::sync::Arc;

use causality_store::ContentId;

use crate::logic::resource_logic;
use crate::{Data, LogicError, Operation, ResourceLogic, Token};

/// Finds the code of logics that are not registered: programs in a store, say.
pub trait LogicLoader: Debug + Send + Sync {
    /// The logic with this identifier, if there is one.
    ///
    /// # Errors
    ///
    /// [`LogicError::Failed`]: it is there and cannot be used.
    fn load(&self, id: ContentId) -> Result<Option<Arc<dyn ResourceLogic>>, LogicError>;

    /// What the answers of these logics depend on besides their identifiers and what they are asked: limits, for example. It is
    /// recorded with each run of a guest, and whoever repeats the run has to have the same.
    fn terms(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Logics by identifier. A register whose logic is not there cannot be consumed nor created, unless the embedder
/// has said what to fall back to.
#[derive(Clone, Debug, Default)]
pub struct Logics {
    logics: BTreeMap<ContentId, Arc<dyn ResourceLogic>>,
    loader: Option<Arc<dyn LogicLoader>>,
    fallback: Option<Arc<dyn ResourceLogic>>,
}

impl Logics {
    /// None at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// [`Token`] and [`Data`].
    #[must_use]
    pub fn native() -> Self {
        let native: [Arc<dyn ResourceLogic>; 2] = [Arc::new(Token), Arc::new(Data)];
        let logics = native.into_iter().map(|logic| (logic.id(), logic)).collect();
        Logics { logics, ..Self::default() }
    }

    /// Adds a logic.
    ///
    /// # Errors
    ///
    /// [`LogicError::Duplicate`].
    pub fn register(&mut self, logic: Arc<dyn ResourceLogic>) -> Result<(), LogicError> {
        let id = logic.id();
        if self.logics.contains_key(&id) {
            return Err(LogicError::Duplicate(id));
        }
        self.logics.insert(id, logic);
        Ok(())
    }

    /// Asks this loader for logics that are not registered.
    #[must_use]
    pub fn with_loader(mut self, loader: Arc<dyn LogicLoader>) -> Self {
        self.loader = Some(loader);
        self
    }

    /// Uses this logic for registers whose own is not there.
    #[must_use]
    pub fn with_fallback(mut self, logic: Arc<dyn ResourceLogic>) -> Self {
        self.fallback = Some(logic);
        self
    }

    /// The code of a logic.
    ///
    /// # Errors
    ///
    /// [`LogicError::Unknown`], [`LogicError::Mismatch`], and those of the loader.
    pub fn get(&self, id: ContentId) -> Result<Arc<dyn ResourceLogic>, LogicError> {
        if let Some(logic) = self.logics.get(&id) {
            return Ok(Arc::clone(logic));
        }
        if let Some(logic) = self.loader.as_ref().map(|loader| loader.load(id)).transpose()?.flatten() {
            let given = logic.id();
            return if given == id { Ok(logic) } else { Err(LogicError::Mismatch { asked: id, given }) };
        }
        self.fallback.clone().ok_or(LogicError::Unknown(id))
    }

    /// What stands for these logics: those that are registered, the fallback, and [`LogicLoader::terms`]. Whoever repeats a run has
    /// to have the same.
    #[must_use]
    pub fn terms(&self) -> Vec<u8> {
        let registered: Vec<ContentId> = self.logics.keys().copied().collect();
        let fallback = self.fallback.as_ref().map(|logic| logic.id());
        let loader = self.loader.as_ref().map(|loader| loader.terms());
        borsh::to_vec(&(registered, fallback, loader)).unwrap_or_default()
    }

    /// Asks the logic of an operation whether it allows it.
    ///
    /// # Errors
    ///
    /// [`LogicError`]: it does not, or there is no such logic.
    pub fn consult(&self, operation: &Operation) -> Result<(), LogicError> {
        resource_logic::consult(&*self.get(operation.logic)?, operation)
    }
}
