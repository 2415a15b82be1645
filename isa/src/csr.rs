//! Control and status registers a user-mode program can name.

macro_rules! csrs {
    ($($(#[doc = $doc:literal])+ $NAME:ident = $number:literal $name:literal;)+) => {
        $($(#[doc = $doc])+ pub const $NAME: u16 = $number;)+

        const NAMED: &[(u16, &str)] = &[$(($number, $name)),+];
    };
}

csrs! {
    /// Accrued floating-point exceptions: `NV DZ OF UF NX` from bit 4 down.
    FFLAGS = 0x001 "fflags";
    /// Dynamic floating-point rounding mode.
    FRM = 0x002 "frm";
    /// `frm` above `fflags`.
    FCSR = 0x003 "fcsr";
    /// Cycle counter, read-only.
    CYCLE = 0xc00 "cycle";
    /// Real-time clock, read-only.
    TIME = 0xc01 "time";
    /// Retired-instruction counter, read-only.
    INSTRET = 0xc02 "instret";
}

/// `hpmcounter3`, the first performance counter, read-only; they go on to [`HPMCOUNTER31`].
pub const HPMCOUNTER3: u16 = 0xc03;
/// `hpmcounter31`, the last performance counter, read-only.
pub const HPMCOUNTER31: u16 = 0xc1f;

const HPMCOUNTERS: [&str; 29] = [
    "hpmcounter3",
    "hpmcounter4",
    "hpmcounter5",
    "hpmcounter6",
    "hpmcounter7",
    "hpmcounter8",
    "hpmcounter9",
    "hpmcounter10",
    "hpmcounter11",
    "hpmcounter12",
    "hpmcounter13",
    "hpmcounter14",
    "hpmcounter15",
    "hpmcounter16",
    "hpmcounter17",
    "hpmcounter18",
    "hpmcounter19",
    "hpmcounter20",
    "hpmcounter21",
    "hpmcounter22",
    "hpmcounter23",
    "hpmcounter24",
    "hpmcounter25",
    "hpmcounter26",
    "hpmcounter27",
    "hpmcounter28",
    "hpmcounter29",
    "hpmcounter30",
    "hpmcounter31",
];

/// The name of a CSR, if it is one of this module's.
pub fn name(csr: u16) -> Option<&'static str> {
    match csr {
        HPMCOUNTER3..=HPMCOUNTER31 => Some(HPMCOUNTERS[(csr - HPMCOUNTER3) as usize]),
        _ => NAMED.iter().find(|&&(number, _)| number == csr).map(|&(_, name)| name),
    }
}

/// The number of the CSR with this name.
pub fn number(name: &str) -> Option<u16> {
    let named = NAMED.iter().find(|&&(_, candidate)| candidate == name).map(|&(number, _)| number);
    named.or_else(|| (HPMCOUNTER3..=HPMCOUNTER31).find(|&csr| self::name(csr) == Some(name)))
}

/// Whether a CSR is read-only: the top two bits of its number are ones (Zicsr chapter, "CSR Address
/// Mapping").
pub const fn is_read_only(csr: u16) -> bool {
    csr >> 10 & 3 == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        assert_eq!((0..4096).filter_map(name).count(), 35);
        for csr in (0..4096).filter(|&csr| name(csr).is_some()) {
            assert_eq!(number(name(csr).unwrap_or_default()), Some(csr));
        }
        assert_eq!(name(0xc1f), Some("hpmcounter31"));
        assert!(is_read_only(CYCLE) && !is_read_only(FCSR));
    }
}
