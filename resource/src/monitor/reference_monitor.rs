//! The reference monitor of a run.

use std::collections::{BTreeMap, BTreeSet};

use causality_store::ContentId;

use crate::{
    AccessRequest, Budget, Capability, CapabilityError, Decision, DenyReason, Handle, Phase, Principal,
    ResourceFacts, RevocationId, RevocationList, Right, Spent, TrustedRoots, Verdict, VerifiedCapability,
};

/// Decides every access of one run, and keeps every decision.
///
/// It fails closed: without a capability that allows it, in every block and right now, nothing is allowed.
/// A use of a capability is one register that a committed run had access to through it, in whatever way;
/// what a run takes from budgets is only counted for good when the run commits.
#[derive(Debug)]
pub struct ReferenceMonitor {
    initiator: Principal,
    epoch: u64,
    roots: TrustedRoots,
    table: Vec<VerifiedCapability>,
    revoked: RevocationList,
    /// What committed runs took, of the blocks in the table.
    spent: BTreeMap<RevocationId, Spent>,
    /// What this run takes.
    taken: BTreeMap<RevocationId, Spent>,
    /// What this run has paid for: the use of a register, and (`true`) its quantity.
    paid: BTreeSet<(RevocationId, ContentId, bool)>,
    decisions: Vec<Decision>,
    limit: usize,
    is_exhausted: bool,
}

impl ReferenceMonitor {
    /// A monitor without capabilities: it denies everything.
    #[must_use]
    pub fn new(initiator: Principal, epoch: u64, roots: TrustedRoots) -> Self {
        ReferenceMonitor {
            initiator,
            epoch,
            roots,
            table: Vec::new(),
            revoked: RevocationList::new(),
            spent: BTreeMap::new(),
            taken: BTreeMap::new(),
            paid: BTreeSet::new(),
            decisions: Vec::new(),
            limit: usize::MAX,
            is_exhausted: false,
        }
    }

    /// Who the run is for.
    #[must_use]
    pub const fn initiator(&self) -> Principal {
        self.initiator
    }

    /// The same, with at most so many decisions. One more and everything is denied, and
    /// [`is_exhausted`](Self::is_exhausted): a decision that cannot be kept is not made.
    #[must_use]
    pub fn with_limit(mut self, decisions: usize) -> Self {
        self.limit = decisions;
        self
    }

    /// Whether there were more decisions to make than can be kept.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.is_exhausted
    }

    /// The blocks of capabilities in the table that are revoked, sorted.
    #[must_use]
    pub fn revoked(&self) -> Vec<RevocationId> {
        let blocks = self.table.iter().flat_map(|capability| capability.revocation_ids());
        let revoked: BTreeSet<_> = blocks.filter(|block| self.revoked.contains(block)).collect();
        revoked.into_iter().copied().collect()
    }

    /// Puts a capability into the table, once its signatures are verified.
    ///
    /// # Errors
    ///
    /// [`CapabilityError`]: it is not one.
    pub fn admit(&mut self, capability: &Capability) -> Result<Handle, CapabilityError> {
        self.table.push(capability.verify()?);
        Ok(Handle(self.table.len() as u64 - 1))
    }

    /// The capabilities in the table, by handle.
    #[must_use]
    pub fn capabilities(&self) -> &[VerifiedCapability] {
        &self.table
    }

    /// Sets what committed runs have taken from a block's budget.
    pub fn set_spent(&mut self, block: RevocationId, spent: Spent) {
        self.spent.insert(block, spent);
    }

    /// Revokes blocks, from the next decision on.
    pub fn revoke(&mut self, blocks: impl IntoIterator<Item = RevocationId>) {
        self.revoked.extend(blocks);
    }

    /// May the initiator do this? The capabilities are tried in the order of their handles, and the first
    /// that allows it is used.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn decide(
        &mut self,
        resource: &ResourceFacts,
        right: Right,
        phase: Phase,
    ) -> Result<Handle, DenyReason> {
        self.check_room()?;
        let mut reason = DenyReason::NoCapability;
        for handle in 0..self.table.len() {
            match self.try_capability(handle, resource, right, phase) {
                Ok(()) => return Ok(self.allow(handle, resource, right, phase)),
                Err(other) => reason = reason.max(other),
            }
        }
        Err(self.deny(resource.id, right, phase, reason))
    }

    /// May the initiator do this by this capability? `number` comes from a guest and can be anything.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn decide_by(
        &mut self,
        number: u64,
        resource: &ResourceFacts,
        right: Right,
        phase: Phase,
    ) -> Result<Handle, DenyReason> {
        self.check_room()?;
        let handle = usize::try_from(number).ok().filter(|handle| *handle < self.table.len());
        let Some(handle) = handle else {
            return Err(self.deny(resource.id, right, phase, DenyReason::UnknownHandle(number)));
        };
        match self.try_capability(handle, resource, right, phase) {
            Ok(()) => Ok(self.allow(handle, resource, right, phase)),
            Err(reason) => Err(self.deny(resource.id, right, phase, reason)),
        }
    }

    /// Writes down a denial that somebody else decided on, as of an access that was not declared.
    pub fn deny(
        &mut self,
        resource: ContentId,
        right: Right,
        phase: Phase,
        reason: DenyReason,
    ) -> DenyReason {
        self.log(resource, right, phase, Verdict::Denied(reason.clone()), Vec::new());
        reason
    }

    /// The block of this capability that is revoked, if any is.
    #[must_use]
    pub fn revoked_block(&self, handle: Handle) -> Option<RevocationId> {
        let capability = self.capability(handle)?;
        self.revoked.first_of(capability.revocation_ids())
    }

    /// Asks again for an access that was allowed before, without taking anything: is the capability still
    /// not revoked, and its issuer still trusted?
    ///
    /// # Errors
    ///
    /// Why not any more.
    pub fn confirm(
        &mut self,
        handle: Handle,
        resource: &ResourceFacts,
        right: Right,
        phase: Phase,
    ) -> Result<(), DenyReason> {
        self.check_room()?;
        let Some(capability) = self.capability(handle) else {
            return Err(self.deny(resource.id, right, phase, DenyReason::UnknownHandle(handle.0)));
        };
        let issuer = capability.issuer();
        let trusted = self.roots.trusts(issuer, resource);
        let valid = trusted.and_then(|()| {
            self.revoked_block(handle).map_or(Ok(()), |block| Err(DenyReason::Revoked(block)))
        });
        match valid {
            Ok(()) => {
                let blocks = self.blocks(handle);
                self.log(resource.id, right, phase, Verdict::Allowed, blocks);
                Ok(())
            }
            Err(reason) => Err(self.deny(resource.id, right, phase, reason)),
        }
    }

    /// Whose authority a capability carries: that of its issuer, and of each holder.
    #[must_use]
    pub fn authority(&self, handle: Handle) -> Vec<Principal> {
        let Some(capability) = self.capability(handle) else { return Vec::new() };
        core::iter::once(capability.issuer()).chain(capability.holders().iter().copied()).collect()
    }

    /// What this run takes from budgets: block, what committed runs had taken before, and what it is with
    /// this run.
    pub fn taken(&self) -> impl Iterator<Item = (RevocationId, Spent, Option<Spent>)> {
        self.taken.iter().map(|(block, taken)| {
            let before = self.spent.get(block).copied().unwrap_or_default();
            (*block, before, before.checked_add(*taken))
        })
    }

    /// All decisions so far.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    fn capability(&self, handle: Handle) -> Option<&VerifiedCapability> {
        self.table.get(usize::try_from(handle.0).ok()?)
    }

    fn blocks(&self, handle: Handle) -> Vec<RevocationId> {
        self.capability(handle).map(|capability| capability.revocation_ids().to_vec()).unwrap_or_default()
    }

    fn try_capability(
        &self,
        handle: usize,
        resource: &ResourceFacts,
        right: Right,
        phase: Phase,
    ) -> Result<(), DenyReason> {
        let capability = self.table.get(handle).ok_or(DenyReason::UnknownHandle(handle as u64))?;
        self.roots.trusts(capability.issuer(), resource)?;
        let (initiator, epoch) = (self.initiator, self.epoch);
        capability.allows(&AccessRequest { initiator, resource: resource.clone(), right, phase, epoch })?;
        if let Some(block) = self.revoked.first_of(capability.revocation_ids()) {
            return Err(DenyReason::Revoked(block));
        }
        capability.budgets().try_for_each(|budget| self.price(&budget, resource, right)?.fits(&budget))
    }

    /// What would be taken from the budget in all, if this access were allowed.
    fn price(&self, budget: &Budget, resource: &ResourceFacts, right: Right) -> Result<Spent, DenyReason> {
        let block = budget.block;
        let exhausted = || DenyReason::UsesExhausted { block, max_uses: budget.max_uses.unwrap_or(u64::MAX) };
        let spent = self.spent.get(&block).copied().unwrap_or_default();
        let taken = self.taken.get(&block).copied().unwrap_or_default();
        let sum = spent.checked_add(taken).and_then(|sum| sum.checked_add(self.due(block, resource, right)));
        sum.ok_or_else(exhausted)
    }

    /// What this access still costs.
    fn due(&self, block: RevocationId, resource: &ResourceFacts, right: Right) -> Spent {
        let is_new = !self.paid.contains(&(block, resource.id, false));
        let takes = right.takes_quantity() && !self.paid.contains(&(block, resource.id, true));
        Spent { uses: is_new.into(), quantity: if takes { resource.quantity.into() } else { 0 } }
    }

    fn allow(&mut self, handle: usize, resource: &ResourceFacts, right: Right, phase: Phase) -> Handle {
        let budgets: Vec<_> = self.table.get(handle).into_iter().flat_map(|c| c.budgets()).collect();
        for Budget { block, .. } in budgets {
            let due = self.due(block, resource, right);
            let taken = self.taken.entry(block).or_default();
            // It was found to fit before, so the sum exists.
            *taken = taken.checked_add(due).unwrap_or(Spent { uses: u64::MAX, quantity: u128::MAX });
            self.paid.insert((block, resource.id, false));
            if right.takes_quantity() {
                self.paid.insert((block, resource.id, true));
            }
        }
        let handle = Handle(handle as u64);
        let blocks = self.blocks(handle);
        self.log(resource.id, right, phase, Verdict::Allowed, blocks);
        handle
    }

    fn check_room(&mut self) -> Result<(), DenyReason> {
        self.is_exhausted |= self.decisions.len() >= self.limit;
        if self.is_exhausted { Err(DenyReason::TooManyDecisions) } else { Ok(()) }
    }

    fn log(
        &mut self,
        resource: ContentId,
        right: Right,
        phase: Phase,
        verdict: Verdict,
        capability: Vec<RevocationId>,
    ) {
        if self.check_room().is_err() {
            return;
        }
        let (initiator, epoch) = (self.initiator, self.epoch);
        self.decisions.push(Decision { initiator, resource, right, phase, epoch, verdict, capability });
    }
}
