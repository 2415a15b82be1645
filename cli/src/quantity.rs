//! Numbers as people write them.

/// A number, decimal or hexadecimal with `0x`; underscores are passed over.
pub(crate) fn parse_number(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let number = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    number.map_err(|error| format!("`{text}`: {error}"))
}

/// A count: k, M and G are powers of 1000.
pub(crate) fn parse_count(text: &str) -> Result<u64, String> {
    parse_scaled(text, 1000)
}

/// A size in bytes: k, M and G are powers of 1024.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    parse_scaled(text, 1024)
}

fn parse_scaled(text: &str, step: u64) -> Result<u64, String> {
    let (number, power) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1),
        None => match text.strip_suffix('M') {
            Some(number) => (number, 2),
            None => text.strip_suffix('G').map_or((text, 0), |number| (number, 3)),
        },
    };
    parse_number(number)?
        .checked_mul(step.pow(power))
        .ok_or_else(|| format!("`{text}` is more than 2^64 - 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_scale_counts_and_sizes() {
        assert_eq!(parse_count("10M"), Ok(10_000_000));
        assert_eq!(parse_count("3k"), parse_count("3_000"));
        assert_eq!(parse_size("2G"), Ok(2 << 30));
        assert_eq!(parse_size("0x10k"), Ok(16 << 10));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "M", "-1", "1.5G", "0x", "18446744073709551616", "18446744073709552k"] {
            assert!(parse_count(text).is_err(), "{text}");
        }
    }
}
