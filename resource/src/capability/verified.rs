//! A capability whose signatures were verified.

use biscuit_auth::builder::{Fact, Term, fact, int, string};
use biscuit_auth::datalog::RunLimits;
use biscuit_auth::{AuthorizerBuilder, Biscuit};

use super::block::BlockFacts;
use super::shape;
use crate::{
    AccessRequest, Attenuation, Budget, CapabilityError, DenyReason, Principal, RevocationId, Right, Rights,
    Target,
};

/// What bounds the evaluation of checks. The library's own limit on time would make decisions depend on
/// how busy the host is: it is set so high that it is never reached, the token's shape bounds the work.
fn run_limits() -> RunLimits {
    const A_YEAR: core::time::Duration = core::time::Duration::from_secs(365 * 24 * 60 * 60);
    RunLimits { max_facts: 2000, max_iterations: 8, max_time: A_YEAR }
}

/// A capability that was signed by who it says, has an allowed shape and an unbroken chain of holders.
#[derive(Clone)]
pub struct VerifiedCapability {
    issuer: Principal,
    token: Biscuit,
    blocks: Vec<BlockFacts>,
    revocation_ids: Vec<RevocationId>,
    holders: Vec<Principal>,
}

impl VerifiedCapability {
    pub(super) fn new(issuer: Principal, token: Biscuit) -> Result<Self, CapabilityError> {
        let blocks = shape::blocks(&token)?;
        let holders = holders(&blocks)?;
        let signatures = token.revocation_identifiers();
        let revocation_ids =
            signatures.iter().map(|signature| RevocationId::of_signature(signature)).collect();
        Ok(VerifiedCapability { issuer, token, blocks, revocation_ids, holders })
    }

    pub(super) const fn biscuit(&self) -> &Biscuit {
        &self.token
    }

    /// Who signed the first block.
    #[must_use]
    pub const fn issuer(&self) -> Principal {
        self.issuer
    }

    /// Who may use it.
    #[must_use]
    pub fn holder(&self) -> Principal {
        self.holders.last().copied().unwrap_or(self.issuer)
    }

    /// Who had it: the first holder, and each one that it was handed on to.
    #[must_use]
    pub fn holders(&self) -> &[Principal] {
        &self.holders
    }

    /// What it grants, all blocks considered.
    #[must_use]
    pub fn rights(&self) -> Rights {
        rights(&self.blocks)
    }

    /// What it covers: every one of these has to match.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.blocks.iter().flat_map(|block| block.targets.iter().copied())
    }

    /// From when on it is valid.
    #[must_use]
    pub fn valid_from(&self) -> Option<u64> {
        self.blocks.iter().filter_map(|block| block.valid_from).max()
    }

    /// When it expires: it can be used while `epoch < expires_at`.
    #[must_use]
    pub fn expires_at(&self) -> Option<u64> {
        self.blocks.iter().filter_map(|block| block.expires_at).min()
    }

    /// The names of its blocks, the first block's first. Revoking any of them revokes this capability.
    #[must_use]
    pub fn revocation_ids(&self) -> &[RevocationId] {
        &self.revocation_ids
    }

    /// The blocks with a limit on uses or quantity.
    pub fn budgets(&self) -> impl Iterator<Item = Budget> {
        self.blocks.iter().zip(&self.revocation_ids).filter_map(|(block, id)| {
            let (max_uses, max_quantity) = (block.max_uses, block.max_quantity);
            let is_limited = max_uses.is_some() || max_quantity.is_some();
            is_limited.then_some(Budget { block: *id, max_uses, max_quantity })
        })
    }

    /// Whether the token allows this, leaving aside revocation and what is left of its budgets.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn allows(&self, request: &AccessRequest) -> Result<(), DenyReason> {
        if request.initiator != self.holder() {
            return Err(DenyReason::NotHolder);
        }
        if !self.targets().all(|target| request.resource.matches(&target)) {
            return Err(DenyReason::NotCovered);
        }
        if !self.rights().has(request.right) {
            return Err(DenyReason::NotGranted);
        }
        if !self.blocks.iter().all(|block| block.phases.is_none_or(|phases| phases.has(request.phase))) {
            return Err(DenyReason::WrongPhase);
        }
        if let Some(valid_from) = self.valid_from().filter(|from| request.epoch < *from) {
            return Err(DenyReason::NotYetValid { valid_from });
        }
        if let Some(expires_at) = self.expires_at().filter(|at| *at <= request.epoch) {
            return Err(DenyReason::Expired { expires_at });
        }
        self.evaluate(request)
    }

    /// The token's own checks, among them those that nobody but its author knows.
    fn evaluate(&self, request: &AccessRequest) -> Result<(), DenyReason> {
        let epoch = i64::try_from(request.epoch).map_err(|_| DenyReason::CheckFailed)?;
        let quantity = i64::try_from(request.resource.quantity).unwrap_or(i64::MAX);
        let mut builder = AuthorizerBuilder::new().set_limits(run_limits());
        let mut facts = vec![
            text_fact("operation", &[request.right.name()]),
            text_fact("initiator", &[&request.initiator.to_string()]),
            text_fact("phase", &[request.phase.name()]),
            number_fact("epoch", epoch),
            number_fact("quantity", quantity),
        ];
        let targets = request.resource.targets();
        facts.extend(targets.map(|target| text_fact("touches", &[target.kind(), &target.value()])));
        for fact in facts {
            builder = builder.fact(fact).map_err(|_| DenyReason::CheckFailed)?;
        }
        let policy = "allow if operation($o), grants($o), touches($k, $v), covers($k, $v)";
        let authorizer = builder.policy(policy).and_then(|builder| builder.build(&self.token));
        let decision = authorizer.and_then(|mut authorizer| authorizer.authorize());
        decision.map(|_| ()).map_err(|_| DenyReason::CheckFailed)
    }

    /// Refuses limits that are wider than this capability: they would have no effect, and whoever asks
    /// for them is mistaken.
    pub(super) fn refuse_widening(&self, child: &Attenuation) -> Result<(), CapabilityError> {
        let parent = self.rights();
        if let Some(child) = child.rights.filter(|child| !child.is_subset_of(parent)) {
            return Err(CapabilityError::WidensRights { parent, child });
        }
        if let (Some(parent), Some(child)) = (self.expires_at(), child.limits.expires_at)
            && child > parent
        {
            return Err(CapabilityError::OutlivesParent { parent, child });
        }
        if let Some(child) = child.target {
            // Which domain or logic a resource has is not known here, so only what cannot match is refused.
            let widens = |parent: &Target| match (parent, &child) {
                (Target::Any, _) | (Target::Domain(_) | Target::Logic(_), Target::Resource(_)) => false,
                (Target::Domain(_), Target::Logic(_)) | (Target::Logic(_), Target::Domain(_)) => false,
                (parent, child) => parent != child,
            };
            if let Some(parent) = self.targets().find(widens) {
                let (parent, child) = (parent.to_string(), child.to_string());
                return Err(CapabilityError::WidensTarget { parent, child });
            }
        }
        let uses = self.budgets().filter_map(|budget| budget.max_uses).min();
        refuse_more("uses", uses, child.limits.max_uses)?;
        let quantity = self.budgets().filter_map(|budget| budget.max_quantity).min();
        refuse_more("a quantity of", quantity, child.limits.max_quantity)
    }
}

fn refuse_more(what: &'static str, parent: Option<u64>, child: Option<u64>) -> Result<(), CapabilityError> {
    match (parent, child) {
        (Some(parent), Some(child)) if child > parent => {
            Err(CapabilityError::WidensBudget { what, parent, child })
        }
        _ => Ok(()),
    }
}

fn rights(blocks: &[BlockFacts]) -> Rights {
    let granted = blocks.first().and_then(|first| first.rights).unwrap_or(Rights::NONE);
    blocks.iter().skip(1).filter_map(|block| block.rights).fold(granted, Rights::and)
}

/// The chain of holders: each one signed the block that names the next, and had the right to.
fn holders(blocks: &[BlockFacts]) -> Result<Vec<Principal>, CapabilityError> {
    let shape = |why: &str| CapabilityError::Shape(why.to_owned());
    let first = blocks.first().and_then(|first| first.holder);
    let mut holder = first.ok_or_else(|| shape("no holder"))?;
    let mut holders = vec![holder];
    for (index, block) in blocks.iter().enumerate().skip(1) {
        match (block.signer, block.holder) {
            (None, None) => {}
            (None, Some(_)) => return Err(shape("a holder named without a signature")),
            (Some(_), None) => return Err(shape("a signed block that names no holder")),
            (Some(signer), Some(next)) => {
                if signer != holder {
                    return Err(CapabilityError::NotHolder { holder, signer });
                }
                if !rights(&blocks[..index]).has(Right::Delegate) {
                    return Err(CapabilityError::NotDelegable);
                }
                holder = next;
                holders.push(next);
            }
        }
    }
    Ok(holders)
}

fn text_fact(name: &str, terms: &[&str]) -> Fact {
    let terms: Vec<Term> = terms.iter().map(|term| string(term)).collect();
    fact(name, &terms)
}

fn number_fact(name: &str, number: i64) -> Fact {
    fact(name, &[int(number)])
}

impl core::fmt::Debug for VerifiedCapability {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut debug = f.debug_struct("VerifiedCapability");
        debug.field("issuer", &self.issuer).field("holders", &self.holders);
        debug.field("rights", &self.rights()).field("blocks", &self.revocation_ids).finish()
    }
}
