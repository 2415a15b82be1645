//! Words of the command line that several commands share.

use std::path::PathBuf;
use std::str::FromStr;

use causality_vm::resource::{Data, Intent, Principal, Target, Token};
use causality_vm::{ContentId, ObjectKind};
use clap::Args;

/// Where the store is, for commands that need one.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The directory of the store; `store put` and `store trust` make it if it is not there
    #[arg(
        long,
        value_name = "DIR",
        env = "CAUSALITY_STORE",
        global = true,
        default_value = "causality-store"
    )]
    pub(crate) store: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// A register, and what a run means to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InputArg {
    pub(crate) register: ContentId,
    pub(crate) intent: Intent,
    /// Whether the program itself puts it into a slot.
    pub(crate) is_later: bool,
}

impl FromStr for InputArg {
    type Err = String;

    /// An identifier has a colon of its own.
    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, is_later) = match text.strip_suffix(":later") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (id, intent) = match rest.rsplit_once(':') {
            Some((id, intent)) if id.contains(':') => (id, intent.parse()?),
            _ => (rest, Intent::Read),
        };
        let register = id.parse().map_err(|error| format!("`{id}`: {error}"))?;
        Ok(InputArg { register, intent, is_later })
    }
}

/// A fungibility domain: an identifier, or a name that stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DomainArg {
    pub(crate) id: ContentId,
    pub(crate) name: Option<String>,
}

impl FromStr for DomainArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with(ContentId::PREFIX) {
            return text.parse().map(|id| DomainArg { id, name: None }).map_err(|error| format!("{error}"));
        }
        match text {
            "" => Err("a domain has a name or an identifier".to_owned()),
            name => {
                let id = ContentId::of(ObjectKind::Blob, name.as_bytes());
                Ok(DomainArg { id, name: Some(name.to_owned()) })
            }
        }
    }
}

/// A logic: one that is built in, or a program by its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogicArg(pub(crate) ContentId);

impl FromStr for LogicArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "token" => Ok(LogicArg(Token::logic_id())),
            "data" => Ok(LogicArg(Data::logic_id())),
            id => id.parse().map(LogicArg).map_err(|error| {
                format!("a logic is `token`, `data`, or the identifier of a program: {error}")
            }),
        }
    }
}

/// What a capability is about; domains and logics may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TargetArg(pub(crate) Target);

impl FromStr for TargetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let target = match text.split_once(':') {
            Some(("domain", domain)) => Target::Domain(domain.parse::<DomainArg>()?.id),
            Some(("logic", logic)) => Target::Logic(logic.parse::<LogicArg>()?.0),
            _ => text.parse().map_err(|error| format!("{error}"))?,
        };
        Ok(TargetArg(target))
    }
}

/// Whose capabilities are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RootArg {
    /// This issuer, about everything.
    Principal(Principal),
    /// Each controller, about what it controls.
    Controllers,
}

impl RootArg {
    const CONTROLLERS: &'static str = "controllers";
}

impl FromStr for RootArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            Self::CONTROLLERS => Ok(RootArg::Controllers),
            key => key.parse().map(RootArg::Principal).map_err(|error| format!("{error}, or `controllers`")),
        }
    }
}

impl std::fmt::Display for RootArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RootArg::Principal(principal) => principal.fmt(f),
            RootArg::Controllers => f.write_str(Self::CONTROLLERS),
        }
    }
}

/// A record: one of the store, or one in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordArg {
    Id(ContentId),
    File(PathBuf),
}

impl FromStr for RecordArg {
    type Err = String;

    /// A file whose name looks like an identifier is given as `./blake3:...`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.starts_with(ContentId::PREFIX) {
            true => text.parse().map(RecordArg::Id).map_err(|error| format!("{error}")),
            false => Ok(RecordArg::File(PathBuf::from(text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_read_unless_something_else_is_said() {
        let id = ContentId::of(ObjectKind::Register, b"");
        let input = |text: String| {
            let input: InputArg = text.parse()?;
            Ok::<_, String>((input.register, input.intent, input.is_later))
        };
        assert_eq!(input(id.to_string()), Ok((id, Intent::Read, false)));
        assert_eq!(input(format!("{id}:consume")), Ok((id, Intent::Consume, false)));
        assert_eq!(input(format!("{id}:later")), Ok((id, Intent::Read, true)));
        assert_eq!(input(format!("{id}:update:later")), Ok((id, Intent::Update, true)));
        assert!(input(format!("{id}:later:read")).is_err() && input(format!("{id}:later:later")).is_err());
        assert!(input(format!("{id}:eat")).is_err() && input("consume".to_owned()).is_err());
    }

    #[test]
    fn domains_and_logics_have_names() {
        let gold = ContentId::of(ObjectKind::Blob, b"gold");
        assert_eq!("gold".parse(), Ok(DomainArg { id: gold, name: Some("gold".to_owned()) }));
        assert_eq!(gold.to_string().parse(), Ok(DomainArg { id: gold, name: None }));
        assert!("".parse::<DomainArg>().is_err() && "blake3:12".parse::<DomainArg>().is_err());
        assert_eq!("domain:gold".parse(), Ok(TargetArg(Target::Domain(gold))));
        assert_eq!("logic:token".parse(), Ok(TargetArg(Target::Logic(Token::logic_id()))));
        assert_eq!("any".parse(), Ok(TargetArg(Target::Any)));
        assert!("logic:gold".parse::<TargetArg>().is_err() && "all".parse::<TargetArg>().is_err());
    }
}
