//! Durations (`"90s"`, `"20m"`, `"1h30m"`) and sizes (`"64KiB"`) as audit.kdl
//! and bundles write them.

use std::time::Duration;

/// Reads a duration: one or more of a whole or decimal number with a unit of
/// `ms`, `s`, `m`, `h` or `d`, largest first by custom but not by rule.
///
/// # Errors
/// One sentence that says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || {
        format!(
            "{text:?} is not a duration: expected a number with a unit, like \"90s\", \"20m\" or \"1h30m\""
        )
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(expected());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(expected)?;
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let number: f64 = number.parse().map_err(|_| expected())?;
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return Err(expected()),
        };
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| expected())?;
        total = total.checked_add(part).ok_or_else(expected)?;
        rest = tail.trim_start();
    }
    Ok(total)
}

/// Writes a duration the way [`parse_duration`] reads it, without losing milliseconds.
pub fn format_duration(d: Duration) -> String {
    let ms = d.as_millis();
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    let mut rest = ms;
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= size {
            out.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    out
}

/// Reads a size in bytes: a whole number with `B`, `KiB`, `MiB`, `GiB`, `TiB`,
/// `kB`, `MB`, `GB` or `TB`.
///
/// # Errors
/// One sentence that says what was expected.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let expected =
        || format!("{text:?} is not a size: expected a whole number with a unit, like \"64KiB\" or \"10GB\"");
    let text_trimmed = text.trim();
    let digits = text_trimmed.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
    let (number, unit) = text_trimmed.split_at(digits);
    let number: u64 = number.parse().map_err(|_| expected())?;
    let factor: u64 = match unit.trim() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return Err(expected()),
    };
    number.checked_mul(factor).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, ms) in [
            ("90s", 90_000),
            ("20m", 1_200_000),
            ("8h", 28_800_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1_500),
            ("10ms", 10),
        ] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(ms), "{text}");
        }
        for bad in ["", "10", "m", "10 parsecs", "-5s", "1e9h", "99999999999999999999d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(format_duration(Duration::from_millis(5_400_001)), "1h30m1ms");
        assert_eq!(format_duration(Duration::ZERO), "0s");
    }

    #[test]
    fn sizes_read() {
        assert_eq!(parse_size("64KiB").unwrap(), 65_536);
        assert_eq!(parse_size("2 GB").unwrap(), 2_000_000_000);
        for bad in ["", "64", "KiB", "1.5MiB", "99999999999TiB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
