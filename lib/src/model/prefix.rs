// SPDX-License-Identifier: MIT OR Apache-2.0

//! An address with a prefix length.

use std::fmt;
use std::net::IpAddr;

/// An IPv4 or IPv6 address and how many of its leading bits count.
///
/// Bits behind the prefix are kept as given: the kernel stores, compares and
/// lists them unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    addr: IpAddr,
    len: u8,
}

/// A prefix length greater than the address has bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prefix length /{len} is more than the {max} bits of the address")]
pub struct PrefixTooLong {
    /// The length asked for.
    pub len: u8,
    /// 32 or 128.
    pub max: u8,
}

impl Prefix {
    /// An address with a prefix length of 0 to 32 or 0 to 128 bits.
    pub fn new(addr: IpAddr, len: u8) -> Result<Self, PrefixTooLong> {
        let max = max_len(addr);
        if len > max { Err(PrefixTooLong { len, max }) } else { Ok(Self { addr, len }) }
    }

    /// A single host: the full prefix length.
    #[must_use]
    pub fn host(addr: IpAddr) -> Self {
        Self { addr, len: max_len(addr) }
    }

    /// The address, with the bits behind the prefix.
    #[must_use]
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// The prefix length in bits. (Not a container; there is no `is_empty`.)
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a prefix length is not a count of elements")]
    pub fn len(&self) -> u8 {
        self.len
    }

    /// Does the prefix cover exactly one address?
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.len == max_len(self.addr)
    }

    /// Does `addr` agree with this prefix in its first bits?
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.addr, addr) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let diff = a.to_bits() ^ b.to_bits();
                self.len == 0 || diff >> (32 - u32::from(self.len)) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let diff = a.to_bits() ^ b.to_bits();
                self.len == 0 || diff >> (128 - u32::from(self.len)) == 0
            }
            _ => false,
        }
    }
}

fn max_len(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        let (addr, len) = text.split_once('/').unwrap();
        Prefix::new(addr.parse().unwrap(), len.parse().unwrap()).unwrap()
    }

    #[test]
    fn contains_compares_the_leading_bits_only() {
        for (net, inside, outside) in [
            ("10.1.2.3/24", "10.1.2.250", "10.1.3.3"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.2"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::"),
        ] {
            assert!(prefix(net).contains(inside.parse().unwrap()), "{net} {inside}");
            assert!(!prefix(net).contains(outside.parse().unwrap()), "{net} {outside}");
        }
    }

    #[test]
    fn length_zero_contains_its_family_only() {
        assert!(prefix("0.0.0.0/0").contains("203.0.113.9".parse().unwrap()));
        assert!(!prefix("0.0.0.0/0").contains("::1".parse().unwrap()));
        assert!(prefix("::/0").contains("ff02::1".parse().unwrap()));
    }

    #[test]
    fn longer_than_the_address_is_refused() {
        assert_eq!(
            Prefix::new("10.0.0.1".parse().unwrap(), 33),
            Err(PrefixTooLong { len: 33, max: 32 })
        );
        assert!(Prefix::new("::1".parse().unwrap(), 128).unwrap().is_host());
    }
}
