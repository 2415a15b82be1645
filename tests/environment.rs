//! Settings from environment variables.

use std::collections::HashMap;

use causality_vm::{Config, EnvironmentError, Limits, Tier};

fn config(variables: &[(&str, &str)]) -> Result<Config, EnvironmentError> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    Config::new().overridden(|name| variables.get(name).map(Into::into))
}

#[test]
fn every_variable_sets_what_its_name_says() {
    let limits = Limits { memory: 64 << 20, stack: 128 << 10, address_space: 1 << 30, ..Limits::default() };
    let expected = Config::new()
        .tier(Tier::Baseline)
        .fuel(12)
        .limits(limits)
        .metering(false)
        .speculation_safe(true)
        .crosscheck(true)
        .hot(7)
        .code_memory(4096)
        .time_slice(99)
        .pool(3)
        .cache("kept");
    let set = [
        ("CAUSALITY_TIER", "baseline"),
        ("CAUSALITY_FUEL", "12"),
        ("CAUSALITY_MEMORY", "64M"),
        ("CAUSALITY_STACK", "128K"),
        ("CAUSALITY_ADDRESS_SPACE", "1G"),
        ("CAUSALITY_METERING", "0"),
        ("CAUSALITY_SPECULATION_SAFE", "1"),
        ("CAUSALITY_CROSSCHECK", "1"),
        ("CAUSALITY_HOT", "7"),
        ("CAUSALITY_CODE_MEMORY", "4096"),
        ("CAUSALITY_TIME_SLICE", "99"),
        ("CAUSALITY_POOL", "3"),
        ("CAUSALITY_CACHE", "kept"),
    ];
    assert_eq!(config(&set), Ok(expected.clone()));
    for left_out in 0..set.len() {
        let others: Vec<_> =
            set.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, set)| *set).collect();
        assert_ne!(config(&others), Ok(expected.clone()), "{:?} does nothing", set[left_out]);
    }
}

#[test]
fn no_variable_or_an_empty_one_is_the_default() {
    assert_eq!(config(&[]), Ok(Config::new()));
    assert_eq!(config(&[("CAUSALITY_FUEL", ""), ("CAUSALITY_CACHE", "")]), Ok(Config::new()));
}

#[test]
fn what_a_variable_cannot_mean_is_an_error_that_says_what_it_can() {
    for (name, value) in [
        ("CAUSALITY_TIER", "fast"),
        ("CAUSALITY_FUEL", "-1"),
        ("CAUSALITY_FUEL", "1M"),
        ("CAUSALITY_MEMORY", "M"),
        ("CAUSALITY_MEMORY", "1T"),
        ("CAUSALITY_STACK", "99999999999999G"),
        ("CAUSALITY_METERING", "yes"),
    ] {
        let error = config(&[(name, value)]).unwrap_err();
        assert_eq!((error.name, error.value.as_str()), (name, value));
        assert!(error.to_string().starts_with(&format!("{name}={value}: ")));
    }
}
