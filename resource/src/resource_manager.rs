//! The resource manager: registers in a store, and the runs that use them.

use std::sync::Arc;

use causality_store::{
    Commit, Commitment, ContentId, Nullifier, Object, ObjectKind, Roots, StateKey, StateUpdateProof, Store,
};

use crate::run::{Core, History, NAMED};
use crate::watch::Watchers;
use crate::{
    Capability, Committed, Intent, LifecycleState, Logics, Preparing, Principal, Record, ReferenceMonitor,
    RegisterEntry, Rejected, ResourceRegister, RevocationId, RevocationWatch, RunContext, RunError,
    RunLimits, Standing, TimeContext, Transition, TrustedRoots, revocation_key,
};

/// Registers in a store, the logics that govern them, and whose capabilities are believed. Cheap to clone.
///
/// ```
/// use causality_resource::{Data, Grant, KeyPair, RegisterDraft, ResourceManager, Rights, Target, TrustedRoots};
/// use causality_resource::Intent;
/// use causality_store::{ContentId, ObjectKind, Store};
///
/// let alice = KeyPair::generate();
/// let roots = TrustedRoots::new().with_root(alice.principal());
/// let manager = ResourceManager::new(Store::in_memory()?).with_roots(roots);
///
/// // Data has no quantity, so nobody has to allow its creation.
/// let mut run = manager.begin(alice.principal())?.start()?;
/// let note = run.create(RegisterDraft {
///     logic: Data::logic_id(),
///     domain: ContentId::of(ObjectKind::Blob, b"notes"),
///     quantity: 0,
///     controller: alice.principal(),
///     nullifier_key: [1; 32],
///     nonce: [0; 32],
///     predecessor: None,
///     metadata: b"hello".to_vec(),
/// })?;
/// run.finish_host().finalize()?.verify()?.commit()?;
///
/// // Consuming it takes a capability.
/// let grant = Grant::new(alice.principal(), Target::Resource(note), Rights::ALL);
/// let mut run = manager.begin(alice.principal())?;
/// run.capability(&grant.issue(&alice)?)?;
/// run.declare(note, Intent::Consume)?;
/// let mut run = run.start()?;
/// run.consume(note)?;
/// let done = run.finish_host().finalize()?.verify()?.commit()?;
/// assert_eq!(done.record.consumed[0].register, note);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ResourceManager {
    store: Store,
    rules: Arc<Rules>,
    watchers: Arc<Watchers>,
}

#[derive(Clone, Debug)]
struct Rules {
    logics: Logics,
    roots: TrustedRoots,
    limits: RunLimits,
}

impl ResourceManager {
    /// The registers of this store, with the native logics, believing nobody.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let (logics, roots, limits) = (Logics::native(), TrustedRoots::new(), RunLimits::default());
        ResourceManager { store, rules: Arc::new(Rules { logics, roots, limits }), watchers: Arc::default() }
    }

    /// With these logics instead.
    #[must_use]
    pub fn with_logics(mut self, logics: Logics) -> Self {
        Arc::make_mut(&mut self.rules).logics = logics;
        self
    }

    /// Believing these issuers.
    #[must_use]
    pub fn with_roots(mut self, roots: TrustedRoots) -> Self {
        Arc::make_mut(&mut self.rules).roots = roots;
        self
    }

    /// With these limits for each run.
    #[must_use]
    pub fn with_limits(mut self, limits: RunLimits) -> Self {
        Arc::make_mut(&mut self.rules).limits = limits;
        self
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The issuers that are believed.
    #[must_use]
    pub fn trusted_roots(&self) -> &TrustedRoots {
        &self.rules.roots
    }

    /// The logics.
    #[must_use]
    pub fn logics(&self) -> &Logics {
        &self.rules.logics
    }

    /// The limits of each run.
    #[must_use]
    pub fn limits(&self) -> RunLimits {
        self.rules.limits
    }

    /// Begins a run for somebody, whom the embedder has authenticated, on the store as it is now.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub fn begin(&self, initiator: Principal) -> Result<RunContext<Preparing>, RunError> {
        let snapshot = self.store.snapshot()?;
        let roots = snapshot.roots();
        let time = TimeContext {
            epoch: roots.epoch,
            state: roots.state,
            nullifiers: roots.nullifiers,
            heights: Default::default(),
        };
        self.context(initiator, time, History::Live(Box::new(snapshot)))
    }

    /// Begins to repeat a recorded run: with the same inputs, accesses, capabilities and time. What comes out is a record to
    /// compare with; it cannot be committed.
    ///
    /// # Errors
    ///
    /// [`RunError::Field`]: something that the record names is not in the store, or is not what it should be.
    pub fn replay(&self, record: &Record) -> Result<RunContext<Preparing>, RunError> {
        if record.version != Record::VERSION {
            return Err(RunError::RecordVersion(record.version).of_field("version"));
        }
        let snapshot = self.store.snapshot()?;
        let time = snapshot.get_within(record.time_context, NAMED);
        let time: TimeContext = time.map_err(|error| RunError::from(error).of_field("time_context"))?;
        let changes = record.transitions.len() + record.created.len() + record.budgets.len();
        let proof = record.state_proof.map(|id| snapshot.get_within(id, StateUpdateProof::longest(changes)));
        let proof = proof.transpose().map_err(|error| RunError::from(error).of_field("state_proof"))?;
        let history = History::Recorded(Box::new(record.clone()), proof);
        let mut run = self.context(record.initiator, time, history)?;
        run.core.program = record.program;
        run.core.semantics = record.semantics;
        run.core.inputs.clone_from(&record.inputs);
        run.core.parents.clone_from(&record.parents);
        for (index, capability) in record.capabilities.iter().enumerate() {
            let capability = snapshot.get_within(*capability, NAMED).map_err(RunError::from);
            let admitted = capability.and_then(|capability: Capability| run.capability(&capability));
            admitted.map_err(|error| error.of_field(format!("capabilities[{index}]")))?;
        }
        for (index, access) in record.accesses.iter().enumerate() {
            let field = |name: &str| format!("accesses[{index}].{name}");
            let entry = snapshot.get_within::<RegisterEntry>(access.entry, NAMED);
            let entry = entry.map_err(|error| RunError::from(error).of_field(field("entry")))?;
            if matches!(entry.lifecycle, LifecycleState::Consumed { .. }) {
                let error = RunError::Damaged(format!("{} was consumed before", access.register));
                return Err(error.of_field(field("entry")));
            }
            run.declare(access.register, access.intent).map_err(|error| error.of_field(field("register")))?;
        }
        Ok(run)
    }

    fn context(
        &self,
        initiator: Principal,
        time: TimeContext,
        history: History,
    ) -> Result<RunContext<Preparing>, RunError> {
        let core = Core {
            manager: self.clone(),
            history,
            monitor: ReferenceMonitor::new(initiator, time.epoch, self.rules.roots.clone())
                .with_limit(self.rules.limits.decisions),
            program: None,
            semantics: 0,
            objects: Vec::new(),
            inputs: Vec::new(),
            parents: Vec::new(),
            capabilities: Vec::new(),
            accesses: Vec::new(),
            outputs: Vec::new(),
            output_bytes: 0,
            journal: Vec::new(),
            transitions: Vec::new(),
            time_id: time.content_id()?,
            time,
            deferred_hashes: None,
            in_run_registers: 0,
            fuel: 0,
            revoked_before: Vec::new(),
            revocations_of: None,
        };
        Ok(RunContext::of(core, Preparing))
    }

    /// A register, and where it is in its life, as of now.
    ///
    /// # Errors
    ///
    /// [`RunError::NoRegister`]; failures of the store.
    pub fn register(&self, id: ContentId) -> Result<(ResourceRegister, RegisterEntry), RunError> {
        let snapshot = self.store.snapshot()?;
        let value = snapshot.state(StateKey::from(id))?.ok_or(RunError::NoRegister(id))?;
        let mut entry: RegisterEntry = snapshot.get(ContentId::from_bytes(*value.as_bytes()))?;
        entry.lifecycle = entry.lifecycle.at(snapshot.epoch());
        Ok((snapshot.get(id)?, entry))
    }

    /// All registers that have not been consumed, by identifier.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub fn registers(&self) -> Result<Vec<(ContentId, ResourceRegister, RegisterEntry)>, RunError> {
        let snapshot = self.store.snapshot()?;
        let mut registers = Vec::new();
        for state in snapshot.states()? {
            let (key, value) = state?;
            let id = ContentId::from_bytes(*key.as_bytes());
            if snapshot.kind(id)? != Some(ObjectKind::Register) {
                continue;
            }
            let mut entry: RegisterEntry = snapshot.get(ContentId::from_bytes(*value.as_bytes()))?;
            entry.lifecycle = entry.lifecycle.at(snapshot.epoch());
            if !matches!(entry.lifecycle, LifecycleState::Consumed { .. }) {
                registers.push((id, snapshot.get(id)?, entry));
            }
        }
        Ok(registers)
    }

    /// Changes the state of one register, as a run of its own.
    ///
    /// # Errors
    ///
    /// As of runs.
    pub fn transition(
        &self,
        initiator: Principal,
        capabilities: &[Capability],
        id: ContentId,
        transition: Transition,
    ) -> Result<Committed, RunError> {
        let mut run = self.begin(initiator)?;
        for capability in capabilities {
            run.capability(capability)?;
        }
        let consumes = transition == Transition::Consume;
        run.declare(id, if consumes { Intent::Consume } else { Intent::Control })?;
        let mut run = run.start()?;
        run.transition(id, transition)?;
        let run = run.finish_host().finalize().and_then(|run| run.verify()).and_then(|run| run.commit());
        run.map_err(|rejected| *rejected.error)
    }

    /// Revokes blocks of capabilities, and so all capabilities that were built on them, for good. Runs that used one
    /// and have not been committed do not take effect any more. Who may revoke is for the embedder to decide.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub fn revoke(&self, blocks: impl IntoIterator<Item = RevocationId>) -> Result<Roots, RunError> {
        let mut commit = Commit::new();
        for block in blocks {
            commit.set(revocation_key(block), Commitment::from_bytes(*block.as_bytes()));
        }
        let roots = self.store.commit(commit)?;
        self.watchers.tell();
        Ok(roots)
    }

    /// Has `notify` called after each revocation by this manager or a clone of it, in whatever thread that revokes, until the
    /// watch is dropped. Revocations by others show in [`Store::commits`].
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// use causality_resource::{Grant, KeyPair, ResourceManager, Target};
    /// use causality_store::Store;
    ///
    /// let manager = ResourceManager::new(Store::in_memory()?);
    /// let (issuer, holder) = (KeyPair::generate(), KeyPair::generate());
    /// let capability = Grant::new(holder.principal(), Target::Any, "read".parse()?).issue(&issuer)?;
    /// let block = capability.verify()?.revocation_ids()[0];
    /// let is_told = Arc::new(AtomicBool::new(false));
    /// let told = Arc::clone(&is_told);
    /// let watch = manager.on_revocation(move || told.store(true, Ordering::Relaxed));
    ///
    /// assert!(!manager.is_revoked(block)?);
    /// manager.revoke([block])?;
    /// assert!(manager.is_revoked(block)? && is_told.load(Ordering::Relaxed));
    /// # drop(watch);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_revocation(&self, notify: impl Fn() + Send + Sync + 'static) -> RevocationWatch {
        self.watchers.add(Arc::new(notify))
    }

    /// What the store says about a record, without repeating the run: whether it took effect, and which fields cannot be.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub fn standing(&self, record: &Record) -> Result<Standing, RunError> {
        Standing::of(record, &self.store.snapshot()?)
    }

    /// Keeps the record of a run that was refused, and what it takes to repeat it. The run has taken no effect, and its record
    /// is not among those that have: it is an object that is pinned.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub fn keep(&self, rejected: &Rejected) -> Result<ContentId, RunError> {
        let mut commit = Commit::new();
        for (kind, bytes) in &rejected.objects {
            commit.bytes(*kind, bytes.clone(), Vec::new());
        }
        let id = commit.object(&*rejected.record)?;
        commit.pin(id);
        self.store.commit(commit)?;
        Ok(id)
    }

    /// Whether a block is revoked.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub fn is_revoked(&self, block: RevocationId) -> Result<bool, RunError> {
        Ok(self.store.snapshot()?.state(revocation_key(block))?.is_some())
    }
}

impl Core {
    /// The error for a register that was consumed before the run.
    pub(crate) fn consumed_before(
        &self,
        id: ContentId,
        register: &ResourceRegister,
    ) -> Result<RunError, RunError> {
        let nullifier: Nullifier = register.nullifier()?;
        let by = self.manager.store().snapshot()?.consumed_by(nullifier)?;
        let damaged = || RunError::Damaged(format!("{id} is consumed and has no nullifier"));
        Ok(by.map_or_else(damaged, |by| RunError::AlreadyConsumed { register: id, by }))
    }
}
