// SPDX-License-Identifier: MIT OR Apache-2.0

//! Numbers and IPv4 addresses the way the C library reads them.

use std::net::Ipv4Addr;

/// A whole word as an integer with an optional sign. Base 0 takes decimal, `0`
/// octal and `0x` hexadecimal. Huge numbers saturate; anything left over is no number.
///
/// # Panics
///
/// If the base is 1 or above 36.
#[must_use]
pub fn int(word: &[u8], base: u32) -> Option<i64> {
    let (negative, digits) = match word {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, word),
    };
    let (base, digits) = match (base, digits) {
        (0 | 16, [b'0', b'x' | b'X', rest @ ..]) => (16, rest),
        (0, [b'0', ..]) => (8, digits),
        (0, _) => (10, digits),
        (base, _) => (base, digits),
    };
    let value = unsigned(digits, base)?;
    Some(if negative { -value } else { value })
}

/// Digits of one base, at least one of them.
fn unsigned(digits: &[u8], base: u32) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0i64, |sum, &b| {
        let digit = char::from(b).to_digit(base)?;
        Some(sum.saturating_mul(base.into()).saturating_add(digit.into()))
    })
}

/// A number from 0 to `max`, C base 0.
pub(super) fn bounded(word: &[u8], max: u16) -> Option<u16> {
    int(word, 0).filter(|n| (0..=i64::from(max)).contains(n)).map(|n| n as u16)
}

/// `inet_addr`: one to four parts, each decimal, octal or hexadecimal; the last one
/// fills the bytes that are left.
pub(crate) fn inet_addr(word: &[u8]) -> Option<Ipv4Addr> {
    if !word.first()?.is_ascii_digit() {
        return None;
    }
    let mut address = 0u32;
    let mut parts = word.split(|&b| b == b'.').peekable();
    for filled in 0..4 {
        let part = parts.next()?;
        if !part.first()?.is_ascii_digit() {
            return None;
        }
        let value = int(part, 0)?;
        if parts.peek().is_none() {
            let room = 32 - 8 * filled;
            if value >= 1i64 << room {
                return None;
            }
            return Some((address | value as u32).into());
        }
        let byte = u8::try_from(value).ok()?;
        address |= u32::from(byte) << (24 - 8 * filled);
    }
    None
}

/// A netmask: `0x...` without a dot is a 32-bit number (a larger one counts as all
/// ones), everything else as [`inet_addr`].
pub(super) fn netmask(word: &[u8]) -> Option<u32> {
    match word {
        [b'0', b'x' | b'X', ..] if !word.contains(&b'.') => {
            int(word, 16).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
        }
        _ => inet_addr(word).map(u32::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_like_strtol() {
        for (word, value) in [
            ("0", Some(0)),
            ("010", Some(8)),
            ("0x1bb", Some(443)),
            ("0X1BB", Some(443)),
            ("-5", Some(-5)),
            ("+24", Some(24)),
            ("99999999999999999999", Some(i64::MAX)),
            ("", None),
            ("-", None),
            ("0x", None),
            ("08", None),
            ("80tcp", None),
            (" 1", None),
        ] {
            assert_eq!(int(word.as_bytes(), 0), value, "{word}");
        }
        assert_eq!(int(b"010", 10), Some(10));
    }

    #[test]
    fn addresses_like_inet_addr() {
        for (word, value) in [
            ("10", Some("0.0.0.10")),
            ("10.1", Some("10.0.0.1")),
            ("10.1.258", Some("10.1.1.2")),
            ("0x0a.010.1.2", Some("10.8.1.2")),
            ("4294967295", Some("255.255.255.255")),
            ("4294967296", None),
            ("10.0.0.256", None),
            ("10.", None),
            ("10..1", None),
            ("1.2.3.4.5", None),
            ("256.1", None),
            ("", None),
            ("-1", None),
            ("1.+2", None),
            ("08", None),
        ] {
            assert_eq!(inet_addr(word.as_bytes()), value.map(|v| v.parse().unwrap()), "{word}");
        }
    }

    #[test]
    fn masks_may_be_hexadecimal_numbers() {
        for (word, value) in [
            ("0xffff0000", Some(0xffff_0000)),
            ("0XFFFFE000", Some(0xffff_e000)),
            ("0xfffffffff", Some(u32::MAX)),
            ("255.255.0.0", Some(0xffff_0000)),
            ("255.255.255.255", Some(u32::MAX)),
            ("0xff.0xff.0", Some(0xffff_0000)),
            ("0xffff00g0", None),
            ("0x", None),
            ("255.255.banana.0", None),
        ] {
            assert_eq!(netmask(word.as_bytes()), value, "{word}");
        }
    }
}
