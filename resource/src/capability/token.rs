//! A capability as it is kept and passed around.

use core::fmt;
use core::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use biscuit_auth::builder::Algorithm;
use biscuit_auth::{Biscuit, BiscuitBuilder, BlockBuilder, PublicKey};
use borsh::{BorshDeserialize, BorshSerialize};

use super::shape;
use crate::{Attenuation, CapabilityError, Grant, KeyPair, Principal, Right, VerifiedCapability};

/// A signed token and the name of its issuer. Nothing in it is believed before
/// [`verify`](Capability::verify).
///
/// As text, for files: `cap1:` and base64.
///
/// ```
/// use causality_resource::{Attenuation, CapabilityError, Grant, KeyPair, Right, Target};
///
/// let (issuer, holder, friend) = (KeyPair::generate(), KeyPair::generate(), KeyPair::generate());
/// let capability = Grant::new(holder.principal(), Target::Any, "read,consume,delegate".parse()?).issue(&issuer)?;
///
/// // Children have less, never more.
/// let less = Attenuation { rights: Some("read".parse()?), ..Attenuation::default() };
/// let child = capability.delegate(&holder, friend.principal(), &less)?;
/// let verified = child.verify()?;
/// assert_eq!(verified.holders(), [holder.principal(), friend.principal()]);
/// assert!(verified.rights().has(Right::Read) && !verified.rights().has(Right::Consume));
/// let more = Attenuation { rights: Some("read,consume".parse()?), ..Attenuation::default() };
/// assert!(child.attenuate(&more).is_err());
/// let handed_on = child.delegate(&friend, issuer.principal(), &less);
/// assert!(matches!(handed_on, Err(CapabilityError::NotDelegable)));
///
/// // To whoever it is passed, it says the same.
/// assert_eq!(child.to_string().parse::<causality_resource::Capability>()?, child);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Capability {
    issuer: Principal,
    token: Vec<u8>,
}

impl Capability {
    /// What the text form begins with.
    pub const PREFIX: &'static str = "cap1:";

    /// Signs a grant.
    ///
    /// # Errors
    ///
    /// [`CapabilityError::OutOfRange`]: a number is above `i64::MAX`.
    pub fn issue(issuer: &KeyPair, grant: &Grant) -> Result<Self, CapabilityError> {
        let (kind, value) = (grant.target.kind(), grant.target.value());
        let mut source = format!("holder(\"{}\");\ncovers(\"{kind}\", \"{value}\");\n", grant.holder);
        grant.rights.iter().for_each(|right| source.push_str(&format!("grants(\"{right}\");\n")));
        source.push_str(&grant.limits.source()?);
        let token = BiscuitBuilder::new().code(&source).and_then(|builder| builder.build(&issuer.0));
        Self::from_biscuit(issuer.principal(), &token.map_err(malformed)?)
    }

    /// A child with less: the same holder, further limits.
    ///
    /// # Errors
    ///
    /// The limits are wider than what this capability grants, or it does not [`verify`](Self::verify).
    pub fn attenuate(&self, limits: &Attenuation) -> Result<Self, CapabilityError> {
        let parent = self.verify()?;
        parent.refuse_widening(limits)?;
        let block = BlockBuilder::new().code(limits.source()?).map_err(malformed)?;
        let child = parent.biscuit().append(block).map_err(malformed)?;
        Self::from_biscuit(self.issuer, &child)
    }

    /// A child for another holder, signed by the one who holds this.
    ///
    /// # Errors
    ///
    /// [`CapabilityError::NotHolder`], [`CapabilityError::NotDelegable`], and what
    /// [`attenuate`](Self::attenuate) refuses.
    pub fn delegate(
        &self,
        holder: &KeyPair,
        to: Principal,
        limits: &Attenuation,
    ) -> Result<Self, CapabilityError> {
        let parent = self.verify()?;
        if parent.holder() != holder.principal() {
            return Err(CapabilityError::NotHolder { holder: parent.holder(), signer: holder.principal() });
        }
        if !parent.rights().has(Right::Delegate) {
            return Err(CapabilityError::NotDelegable);
        }
        parent.refuse_widening(limits)?;
        let source = format!("holder(\"{to}\");\n{}", limits.source()?);
        let block = BlockBuilder::new().code(source).map_err(malformed)?;
        let request = parent.biscuit().third_party_request().map_err(malformed)?;
        let block = request.create_block(&holder.0.private(), block).map_err(malformed)?;
        let child = parent.biscuit().append_third_party(holder.0.public(), block).map_err(malformed)?;
        Self::from_biscuit(self.issuer, &child)
    }

    /// What it says, once all signatures and the chain of holders are verified. Whether the issuer is
    /// to be believed is for the [`ReferenceMonitor`](crate::ReferenceMonitor) to decide.
    ///
    /// # Errors
    ///
    /// [`CapabilityError`]: it is not what it has to be, and is worth nothing.
    pub fn verify(&self) -> Result<VerifiedCapability, CapabilityError> {
        if self.token.len() > shape::MAX_BYTES {
            return Err(CapabilityError::Shape(format!("more than {} bytes", shape::MAX_BYTES)));
        }
        let root = PublicKey::from_bytes(self.issuer.as_bytes(), Algorithm::Ed25519);
        let root = root.map_err(|error| CapabilityError::Signature(error.to_string()))?;
        let token = Biscuit::from(&self.token, root);
        let token = token.map_err(|error| CapabilityError::Signature(error.to_string()))?;
        VerifiedCapability::new(self.issuer, token)
    }

    /// Who is said to have issued it.
    #[must_use]
    pub const fn issuer(&self) -> Principal {
        self.issuer
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.issuer.as_bytes().as_slice(), &self.token].concat()
    }

    /// The capability with these bytes, not verified.
    ///
    /// # Errors
    ///
    /// [`CapabilityError::Malformed`]: too short.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CapabilityError> {
        let (issuer, token) = bytes
            .split_first_chunk()
            .ok_or_else(|| CapabilityError::Malformed("it is too short".to_owned()))?;
        Ok(Capability { issuer: Principal::from_bytes(*issuer), token: token.to_vec() })
    }

    fn from_biscuit(issuer: Principal, token: &Biscuit) -> Result<Self, CapabilityError> {
        let capability = Capability { issuer, token: token.to_vec().map_err(malformed)? };
        capability.verify().map(|_| capability)
    }
}

impl causality_store::Object for Capability {
    const KIND: causality_store::ObjectKind = causality_store::ObjectKind::Capability;
}

fn malformed(error: biscuit_auth::error::Token) -> CapabilityError {
    CapabilityError::Malformed(error.to_string())
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(self.to_bytes()))
    }
}

impl fmt::Debug for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capability(issued by {}, {} bytes)", self.issuer, self.token.len())
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().strip_prefix(Self::PREFIX);
        let text = text.ok_or_else(|| CapabilityError::Malformed("it begins with `cap1:`".to_owned()))?;
        let bytes = URL_SAFE_NO_PAD.decode(text);
        Self::from_bytes(&bytes.map_err(|error| CapabilityError::Malformed(error.to_string()))?)
    }
}
