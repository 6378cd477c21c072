// SPDX-License-Identifier: MIT OR Apache-2.0

//! Values of keywords.
//!
//! A value that is none is a text that says so. Texts that end in a newline of their own
//! are followed by an empty line where they are shown; that is how the original has them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use illumos_ipsec::model::{AlgFlags, AlgProto, SaType, Secret};
use illumos_ipsec::policy::{AlgDb, Names};
use zeroize::Zeroizing;

use crate::keyword::Family;
use crate::line::Word;

/// Reads a number in C notation that is at most `most`.
pub(crate) fn number(word: Option<&Word>, most: u64) -> Result<u64, String> {
    let word = word.ok_or("Unexpected end of command line, was expecting a number.\n")?;
    let value = std::str::from_utf8(word.text()).ok().and_then(c_number);
    match value {
        Some(value) if value <= most => Ok(value),
        Some(_) => Err(format!("Expecting a number up to {most}, not \"{}\"!\n", word.shown())),
        None => Err(format!("Expecting a number, not \"{}\"!\n", word.shown())),
    }
}

/// Decimal, octal with 0, hexadecimal with 0x; a plus sign is allowed.
pub(crate) fn c_number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    match (hex, digits.strip_prefix('0')) {
        (Some(hex), _) if !hex.starts_with('+') => u64::from_str_radix(hex, 16).ok(),
        (None, Some(octal)) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => digits.parse().ok(),
    }
}

/// The SA type that a word names: a word or a number.
pub(crate) fn sa_type(word: &Word) -> Option<SaType> {
    let number = || {
        let text = std::str::from_utf8(word.text()).ok()?;
        u8::try_from(c_number(text)?).ok().map(SaType)
    };
    SaType::from_word(word.text()).or_else(number)
}

/// An algorithm, and a warning about it.
pub(crate) struct Algorithm {
    pub(crate) id: u8,
    pub(crate) warning: Option<String>,
}

/// Reads an algorithm; an unknown one is `Ok(Err(text))`.
pub(crate) fn algorithm(
    algs: &AlgDb,
    kind: SaType,
    proto: AlgProto,
    word: Option<&Word>,
) -> Result<Result<Algorithm, String>, String> {
    let word = word.ok_or("Unexpected end of command line, was expecting an algorithm name.\n")?;
    let shown = word.shown();
    if kind == SaType::TCPSIG && proto == AlgProto::Ah {
        return Ok(match word.is("md5") {
            true => Ok(Algorithm { id: 1, warning: None }),
            false => Err(format!("Unknown tcpsig authentication algorithm type \"{shown}\"\n")),
        });
    }
    if let Some(known) = algs.by_name(proto, word.text()) {
        let name = known.names.first().map_or("", String::as_str);
        let warning = known.flags.contains(AlgFlags::COUNTER).then(|| {
            format!(
                "Using manual keying with a Counter mode algorithm such as \"{name}\" may be \
                 insecure!\n"
            )
        });
        return Ok(Ok(Algorithm { id: known.id, warning }));
    }
    let id = std::str::from_utf8(word.text()).ok().and_then(c_number);
    if let Some(id) = id.and_then(|id| u8::try_from(id).ok()) {
        return Ok(Ok(Algorithm { id, warning: None }));
    }
    let what = if proto == AlgProto::Ah { "authentication" } else { "encryption" };
    Ok(Err(format!("Unknown {what} algorithm type \"{shown}\"\n")))
}

/// A key, and a warning about it.
pub(crate) struct Key {
    pub(crate) bits: u16,
    /// Octets, padded as the extension needs it.
    pub(crate) bytes: Secret,
    pub(crate) warning: Option<String>,
}

/// Why a word is no key.
pub(crate) enum BadKey {
    /// It is said, and then that the key is invalid.
    Said(String),
    /// This is all.
    Only(String),
}

/// Reads `[0x]DIGITS[/BITS]`.
pub(crate) fn key(word: Option<&Word>) -> Result<Key, BadKey> {
    let word = word.ok_or_else(|| {
        BadKey::Only("Unexpected end of command line, was expecting a key.\n".to_owned())
    })?;
    let shown = word.shown();
    let text = word.text();
    let (digits, bits) = match text.iter().position(|byte| *byte == b'/') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let prefix = digits.starts_with(b"0x") || digits.starts_with(b"0X");
    let digits = if prefix { &digits[2..] } else { digits };
    let hex = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    if digits.is_empty() || digits.iter().any(|byte| hex(byte).is_none()) {
        let digits = shown.split('/').next().unwrap_or_default();
        return Err(BadKey::Said(format!("string '{digits}' not a hex value.\n")));
    }
    let have = digits.len() * 4;
    let bits = match bits {
        None => digits.len().div_ceil(2) * 8,
        Some(bits) => {
            let text = String::from_utf8_lossy(bits).into_owned();
            let number = text.parse::<usize>();
            number.map_err(|_| BadKey::Only(format!("\"{text}\" is not a bit specifier.\n")))?
        }
    };
    let Ok(short) = u16::try_from(bits) else {
        return Err(BadKey::Only(format!(
            "a key of {bits} bits is too long, the limit is 65535.\n"
        )));
    };
    if bits > have.next_multiple_of(8) {
        let shown = "X".repeat(digits.len());
        return Err(BadKey::Only(format!("bit length {bits} is too big for {shown}.\n")));
    }
    let used = bits.div_ceil(4).min(digits.len());
    let warning = (used < digits.len()).then(|| {
        let shown = "X".repeat(digits.len());
        format!("WARNING: Lower bits will be truncated for:\n\t{shown}/{bits}.\n")
    });
    let mut octets: Vec<u8> = Vec::with_capacity(bits.div_ceil(8).next_multiple_of(8));
    for pair in digits[..used].chunks(2) {
        let low = pair.get(1).and_then(hex).unwrap_or(0);
        octets.push(hex(&pair[0]).unwrap_or(0) << 4 | low);
    }
    if let Some(last) = octets.last_mut().filter(|_| !bits.is_multiple_of(8)) {
        *last &= 0xff << (8 - bits % 8);
    }
    octets.resize(bits.div_ceil(8).next_multiple_of(8), 0);
    Ok(Key { bits: short, bytes: octets.into(), warning })
}

/// Reads octets in hexadecimal digits.
pub(crate) fn hex(word: &Word) -> Option<Zeroizing<Vec<u8>>> {
    let text = word.text().strip_prefix(b"0x").unwrap_or(word.text());
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let mut octets = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for [high, low] in pairs {
        octets.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(octets)
}

/// An address as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// What it stands for; of a literal address just that one.
    pub(crate) addrs: Vec<Ipv6Addr>,
    pub(crate) prefix: u8,
    pub(crate) name: String,
    /// It is to be used as it is, whatever the other end is.
    pub(crate) fixed: bool,
}

impl Address {
    /// No address at all.
    pub(crate) fn wildcard() -> Self {
        Self { addrs: vec![Ipv6Addr::UNSPECIFIED], prefix: 0, name: String::new(), fixed: true }
    }
}

/// Why a word is no address.
pub(crate) enum BadAddress {
    Missing(String),
    /// The text is shown at once; what is said of the keyword follows.
    Unknown(String),
    Prefix(String),
}

/// Reads an address; inner ones may have a prefix length.
pub(crate) fn address(
    names: &dyn Names,
    numeric: bool,
    word: Option<&Word>,
    family: Family,
    inner: bool,
) -> Result<Address, BadAddress> {
    let missing = "Unexpected end of command line, was expecting an address.\n";
    let word = word.ok_or_else(|| BadAddress::Missing(missing.to_owned()))?;
    let shown = word.shown();
    let (name, prefix) = match shown.split_once('/').filter(|_| inner) {
        Some((name, prefix)) => (name, Some(prefix)),
        None => (shown.as_str(), None),
    };
    let addrs = resolve(names, numeric, name, family);
    if addrs.is_empty() {
        return Err(BadAddress::Unknown(format!("Unknown address {name}.")));
    }
    let v4 = addrs.iter().all(|addr| addr.to_ipv4_mapped().is_some());
    let most: u8 = if v4 { 32 } else { 128 };
    let prefix = match prefix {
        None => 128,
        Some(text) => match text.parse::<u8>() {
            Ok(len) if len <= most => {
                if v4 {
                    len + 96
                } else {
                    len
                }
            }
            _ => {
                let text = format!("Expecting a prefix length up to {most}, not \"{text}\"!\n");
                return Err(BadAddress::Prefix(text));
            }
        },
    };
    let fixed = numeric;
    Ok(Address { addrs, prefix, name: name.to_owned(), fixed })
}

fn resolve(names: &dyn Names, numeric: bool, name: &str, family: Family) -> Vec<Ipv6Addr> {
    let mapped = |addr: Ipv4Addr| addr.to_ipv6_mapped();
    let literal6 = name.parse::<Ipv6Addr>().ok();
    if numeric {
        let literal4 = name.parse::<Ipv4Addr>().ok().map(mapped);
        return literal6.or(literal4).into_iter().collect();
    }
    let mut addrs: Vec<Ipv6Addr> = match (literal6, inet_addr(name)) {
        (Some(addr), _) => vec![addr],
        (None, Some(addr)) => vec![mapped(addr)],
        (None, None) => names
            .host(name.as_bytes())
            .into_iter()
            .map(|addr| match addr {
                IpAddr::V4(addr) => mapped(addr),
                IpAddr::V6(addr) => addr,
            })
            .collect(),
    };
    if family == Family::V6 {
        addrs.retain(|addr| addr.to_ipv4_mapped().is_none());
    }
    addrs
}

/// An IPv4 address in any of its classic forms: one to four numbers in C notation, the last
/// of which fills the rest.
fn inet_addr(text: &str) -> Option<Ipv4Addr> {
    let parts = text.split('.').map(c_number).collect::<Option<Vec<u64>>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let room = 8 * (4 - first.len() as u32);
    if u32::try_from(*last).is_err() || room < 32 && *last >= 1 << room {
        return None;
    }
    let high = first
        .iter()
        .enumerate()
        .fold(0_u32, |sum, (at, part)| sum | (*part as u32) << (24 - 8 * at));
    Some(Ipv4Addr::from_bits(high | *last as u32))
}

/// Reads an identity type: a name or a number.
pub(crate) fn identity_type(word: &Word) -> Option<u16> {
    const NAMES: &[(&str, u16)] = &[
        ("prefix", 1),
        ("fqdn", 2),
        ("domain", 2),
        ("domainname", 2),
        ("user_fqdn", 3),
        ("mailbox", 3),
        ("der_dn", 4),
        ("der_gn", 5),
    ];
    let known = |(name, _): &&(&str, u16)| name.as_bytes().eq_ignore_ascii_case(word.text());
    let number = || {
        let text = std::str::from_utf8(word.text()).ok()?;
        u16::try_from(c_number(text)?).ok()
    };
    NAMES.iter().find(known).map(|(_, number)| *number).or_else(number)
}

/// Reads a state: a name, or its number.
pub(crate) fn state(word: &Word) -> Option<u8> {
    const NAMES: &[&str] = &["larval", "mature", "dying", "dead"];
    let number = || {
        let text = std::str::from_utf8(word.text()).ok()?;
        u8::try_from(c_number(text)?).ok().filter(|number| usize::from(*number) < NAMES.len())
    };
    let at = NAMES.iter().position(|name| word.is(name)).and_then(|at| u8::try_from(at).ok());
    at.or_else(number)
}

/// A sensitivity label: level and words of its bitmap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) level: u8,
    pub(crate) bitmap: Vec<u64>,
}

/// Words of the bitmap of every label.
const LABEL_WORDS: usize = 4;

/// Reads `ADMIN_LOW`, `ADMIN_HIGH` or `0xCLASS-LENGTH-COMPARTMENTS`.
pub(crate) fn label(word: &Word) -> Option<Label> {
    let text = std::str::from_utf8(word.text()).ok()?;
    if text.eq_ignore_ascii_case("ADMIN_LOW") {
        return Some(Label { level: 0, bitmap: vec![0; LABEL_WORDS] });
    }
    if text.eq_ignore_ascii_case("ADMIN_HIGH") {
        return Some(Label { level: 0xff, bitmap: vec![u64::MAX; LABEL_WORDS] });
    }
    let mut parts = text.strip_prefix("0x")?.split('-');
    let (class, length, compartments) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || compartments.len() > LABEL_WORDS * 16 {
        return None;
    }
    // The second number is the length of the third in bits; the third says it itself.
    let level_number = u8::try_from(u16::from_str_radix(class, 16).ok()?).ok()?;
    let _ = u16::from_str_radix(length, 16).ok()?;
    let digits = format!("{compartments:0<width$}", width = LABEL_WORDS * 16);
    let bitmap = digits
        .as_bytes()
        .chunks(16)
        .map(|chunk| {
            let text = std::str::from_utf8(chunk).ok()?;
            // Octets are in network order in their words.
            u64::from_str_radix(text, 16).ok().map(u64::to_be)
        })
        .collect::<Option<Vec<u64>>>()?;
    Some(Label { level: level_number, bitmap })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_c_notation_and_never_cut() {
        for (text, value) in [("10", 10), ("0x10", 16), ("010", 8), ("0", 0), ("+5", 5)] {
            assert_eq!(c_number(text), Some(value), "{text}");
        }
        for text in ["", "-1", "1k", "0x", "08", "+-1", "0x+1", "99999999999999999999"] {
            assert_eq!(c_number(text), None, "{text}");
        }
    }

    #[test]
    fn classic_forms_of_addresses() {
        let parse = |text| inet_addr(text).map(|addr| addr.to_string());
        assert_eq!(parse("10.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(parse("0x7f000001").as_deref(), Some("127.0.0.1"));
        assert_eq!(parse("10.0.0.1").as_deref(), Some("10.0.0.1"));
        for text in ["10.0.0.256", "1.2.3.4.5", "256.1", "10.", "a"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
