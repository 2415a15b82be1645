//! What a capability is about.

use core::fmt;
use core::str::FromStr;

use causality_store::ContentId;

/// The resource registers that a capability covers.
///
/// Written `any`, `resource:ID`, `domain:ID` or `logic:ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// All of them.
    Any,
    /// One register. Its successors have other identifiers and are not covered.
    Resource(ContentId),
    /// All registers of a fungibility domain.
    Domain(ContentId),
    /// All registers under a logic.
    Logic(ContentId),
}

impl Target {
    /// The word for its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Target::Any => "any",
            Target::Resource(_) => "resource",
            Target::Domain(_) => "domain",
            Target::Logic(_) => "logic",
        }
    }

    /// The identifier in it, as text; empty for [`Target::Any`].
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Target::Any => String::new(),
            Target::Resource(id) | Target::Domain(id) | Target::Logic(id) => id.to_string(),
        }
    }

    /// The target with this kind and value, if there is one.
    #[must_use]
    pub fn from_parts(kind: &str, value: &str) -> Option<Self> {
        if kind == "any" {
            return value.is_empty().then_some(Target::Any);
        }
        let id = value.parse().ok()?;
        match kind {
            "resource" => Some(Target::Resource(id)),
            "domain" => Some(Target::Domain(id)),
            "logic" => Some(Target::Logic(id)),
            _ => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Any => f.write_str("any"),
            _ => write!(f, "{}:{}", self.kind(), self.value()),
        }
    }
}

/// A text is not a [`Target`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a target is `any`, `resource:ID`, `domain:ID` or `logic:ID`")]
pub struct ParseTargetError;

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, value) = text.split_once(':').unwrap_or((text, ""));
        Target::from_parts(kind, value).ok_or(ParseTargetError)
    }
}
