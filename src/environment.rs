//! Settings of an engine from environment variables.

use std::ffi::OsString;

use crate::{Config, Tier};

/// An environment variable does not hold what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value}: {expected} is expected")]
#[non_exhaustive]
pub struct EnvironmentError {
    /// The variable.
    pub name: &'static str,
    /// What it holds.
    pub value: String,
    /// What it should hold.
    pub expected: &'static str,
}

/// Reads one variable.
struct Variable {
    name: &'static str,
    value: String,
}

impl Variable {
    fn parsed<P>(
        self,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<P>,
    ) -> Result<P, EnvironmentError> {
        let Variable { name, value } = self;
        parse(&value).ok_or(EnvironmentError { name, value, expected })
    }

    fn tier(self) -> Result<Tier, EnvironmentError> {
        self.parsed("auto, interpreter, baseline or cranelift", |text| {
            Tier::ALL.into_iter().find(|tier| tier.name() == text)
        })
    }

    fn number(self) -> Result<u64, EnvironmentError> {
        self.parsed("a number", |text| text.parse().ok())
    }

    fn size(self) -> Result<u64, EnvironmentError> {
        self.parsed("a number of bytes, such as 4096, 64K, 16M or 2G", |text| {
            let unit = |unit: char| "KMG".find(unit).map(|place| 10 * (place as u32 + 1));
            let (digits, shift) = match text.chars().next_back().and_then(unit) {
                Some(shift) => (&text[..text.len() - 1], shift),
                None => (text, 0),
            };
            digits.parse::<u64>().ok()?.checked_mul(1 << shift)
        })
    }

    fn switch(self) -> Result<bool, EnvironmentError> {
        self.parsed("0 or 1", |text| match text {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        })
    }
}

impl Config {
    /// The defaults, changed by what environment variables say:
    ///
    /// | variable | sets |
    /// |---|---|
    /// | `CAUSALITY_TIER` | [`tier`](Config::tier): `auto`, `interpreter`, `baseline` or `cranelift` |
    /// | `CAUSALITY_FUEL` | [`fuel`](Config::fuel), in instructions |
    /// | `CAUSALITY_MEMORY`, `CAUSALITY_STACK`, `CAUSALITY_ADDRESS_SPACE` | [`memory`](Config::memory), [`stack`](Config::stack), [`address_space`](Config::address_space), in bytes; `K`, `M` and `G` are powers of 1024 |
    /// | `CAUSALITY_METERING`, `CAUSALITY_SPECULATION_SAFE`, `CAUSALITY_CROSSCHECK` | [`metering`](Config::metering), [`speculation_safe`](Config::speculation_safe), [`crosscheck`](Config::crosscheck): `0` or `1` |
    /// | `CAUSALITY_HOT` | [`hot`](Config::hot) |
    /// | `CAUSALITY_CODE_MEMORY` | [`code_memory`](Config::code_memory), in bytes |
    /// | `CAUSALITY_TIME_SLICE` | [`time_slice`](Config::time_slice), in instructions |
    /// | `CAUSALITY_POOL` | [`pool`](Config::pool), in memories |
    /// | `CAUSALITY_CACHE` | [`cache`](Config::cache): a directory |
    ///
    /// ```
    /// # fn main() -> Result<(), causality_vm::EnvironmentError> {
    /// let engine = causality_vm::Engine::new(causality_vm::Config::from_env()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If one of them holds something else.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Config::new().overridden(|name| std::env::var_os(name))
    }

    /// These settings, changed by what `variable` says of the names that [`Config::from_env`] knows.
    ///
    /// ```
    /// use causality_vm::{Config, Tier};
    ///
    /// let settings = |name: &str| match name {
    ///     "CAUSALITY_TIER" => Some("baseline".into()),
    ///     "CAUSALITY_MEMORY" => Some("64M".into()),
    ///     _ => None,
    /// };
    /// let config = Config::new().overridden(settings)?;
    /// assert_eq!(config, Config::new().tier(Tier::Baseline).memory(64 << 20));
    ///
    /// let wrong = Config::new().overridden(|name| (name == "CAUSALITY_FUEL").then(|| "plenty".into())).unwrap_err();
    /// assert_eq!(wrong.to_string(), "CAUSALITY_FUEL=plenty: a number is expected");
    /// # Ok::<(), causality_vm::EnvironmentError>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn overridden(
        mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, EnvironmentError> {
        let find = |name: &'static str| {
            let value = variable(name).filter(|value| !value.is_empty())?;
            Some(Variable { name, value: value.to_string_lossy().into_owned() })
        };
        macro_rules! set {
            ($($name:literal: $read:ident => $set:expr;)*) => {$(
                if let Some(variable) = find($name) {
                    self = $set(self, variable.$read()?);
                }
            )*};
        }
        set! {
            "CAUSALITY_TIER": tier => Config::tier;
            "CAUSALITY_FUEL": number => Config::fuel;
            "CAUSALITY_MEMORY": size => Config::memory;
            "CAUSALITY_STACK": size => Config::stack;
            "CAUSALITY_ADDRESS_SPACE": size => Config::address_space;
            "CAUSALITY_METERING": switch => Config::metering;
            "CAUSALITY_SPECULATION_SAFE": switch => Config::speculation_safe;
            "CAUSALITY_CROSSCHECK": switch => Config::crosscheck;
            "CAUSALITY_HOT": number => |config: Config, times: u64| config.hot(times.min(u32::MAX.into()) as u32);
            "CAUSALITY_TIME_SLICE": number => Config::time_slice;
            "CAUSALITY_POOL": number => |config: Config, memories: u64| config.pool(memories as usize);
            "CAUSALITY_CODE_MEMORY": size => |config: Config, bytes: u64| config.code_memory(bytes as usize);
        }
        if let Some(directory) = variable("CAUSALITY_CACHE").filter(|value| !value.is_empty()) {
            self = self.cache(directory);
        }
        Ok(self)
    }
}
