// SPDX-License-Identifier: MIT OR Apache-2.0

//! Address objects and what `-a` says.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The name of an address object: `LINK/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AddressObject {
    text: String,
    slash: usize,
}

impl AddressObject {
    pub(super) fn link(&self) -> &str {
        &self.text[..self.slash]
    }
}

impl fmt::Display for AddressObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for AddressObject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((link, name)) if !link.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { text: text.to_owned(), slash: link.len() })
            }
            _ => Err("expected LINK/NAME, such as tun0/v4".to_owned()),
        }
    }
}

/// The value of `-a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AddressArgument {
    pub(super) local: IpAddr,
    pub(super) prefix: Option<u8>,
    pub(super) remote: Option<IpAddr>,
}

impl FromStr for AddressArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut local, mut remote) = (None, None);
        for item in text.split(',') {
            let (place, value) = match item.split_once('=') {
                None => (&mut local, item),
                Some(("local", value)) => (&mut local, value),
                Some(("remote", value)) => (&mut remote, value),
                Some((key, _)) => {
                    return Err(format!("'{key}' is unknown; expected local or remote"));
                }
            };
            if place.replace(address(value)?).is_some() {
                return Err(format!("a second address '{value}' for the same end"));
            }
        }
        let (local, prefix) = local.ok_or("the local address is missing")?;
        let remote = remote.map(|(remote, _)| remote);
        if remote.is_some_and(|remote| remote.is_ipv4() != local.is_ipv4()) {
            return Err("local and remote address are of different families".to_owned());
        }
        Ok(Self { local, prefix, remote })
    }
}

fn address(text: &str) -> Result<(IpAddr, Option<u8>), String> {
    let (addr, len) = match text.split_once('/') {
        None => (text, None),
        Some((addr, len)) => (addr, Some(len)),
    };
    let addr: IpAddr = addr.parse().map_err(|_| format!("'{addr}' is no address"))?;
    let most = if addr.is_ipv4() { 32 } else { 128 };
    let len = len.map(|len| {
        len.parse()
            .ok()
            .filter(|len| *len <= most)
            .ok_or_else(|| format!("'{len}' is no prefix length from 0 to {most}"))
    });
    Ok((addr, len.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a() {
        for (text, local, prefix, remote) in [
            ("local=100.64.20.1,remote=100.64.10.1", "100.64.20.1", None, Some("100.64.10.1")),
            ("192.0.2.1/24", "192.0.2.1", Some(24), None),
            ("local=2001:db8::1/64", "2001:db8::1", Some(64), None),
        ] {
            let parsed: AddressArgument = text.parse().unwrap();
            assert_eq!(parsed.local.to_string(), local);
            assert_eq!(parsed.prefix, prefix);
            assert_eq!(parsed.remote.map(|addr| addr.to_string()).as_deref(), remote);
        }
        for text in [
            "",
            "remote=1.2.3.4",
            "local=x",
            "1.2.3.4/33",
            "local=1.2.3.4,remote=::1",
            "lcal=1.2.3.4",
            "1.2.3.4,1.2.3.5",
        ] {
            assert!(text.parse::<AddressArgument>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_of_objects() {
        assert_eq!("tun0/v4".parse::<AddressObject>().unwrap().link(), "tun0");
        for text in ["", "tun0", "/v4", "tun0/", "tun0/v4/x"] {
            assert!(text.parse::<AddressObject>().is_err(), "{text}");
        }
    }
}
