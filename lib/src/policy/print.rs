// SPDX-License-Identifier: MIT OR Apache-2.0

//! The one printer: a rule of the kernel as the line that would make it.
//!
//! Source: `spec/ipsecconf.md` section 8. Every line ends with a blank. Ports are
//! always numbers.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use super::{AlgDb, Names};
use crate::model::{
    ActionFlags, ActionKind, AlgChoice, AlgUse, Direction, Prefix, SpdRule, TunnelMode,
};
use crate::wire::policy::DecodedAlternative;

/// Prints one rule of a dump: a line with its index, and the rule on the next line.
///
/// `numeric` leaves addresses and protocols as numbers; algorithms have names anyway.
#[must_use]
pub fn print_rule(
    rule: &SpdRule,
    alternatives: &[DecodedAlternative],
    numeric: bool,
    names: &dyn Names,
    algs: &AlgDb,
) -> Vec<u8> {
    let mut printer =
        Printer { out: Vec::with_capacity(256), names: (!numeric).then_some(names), algs };
    printer.index(rule);
    printer.entry(rule, alternatives);
    printer.out.push(b'\n');
    printer.out
}

/// Prints a rule without its index and without a newline.
#[must_use]
pub fn print_entry(rule: &SpdRule, numeric: bool, names: &dyn Names, algs: &AlgDb) -> Vec<u8> {
    let alternatives: Vec<_> = rule
        .action
        .iter()
        .map(|&alternative| DecodedAlternative { alternative, extras: Vec::new() })
        .collect();
    let mut printer =
        Printer { out: Vec::with_capacity(256), names: (!numeric).then_some(names), algs };
    printer.entry(rule, &alternatives);
    printer.out
}

struct Printer<'a> {
    out: Vec<u8>,
    /// None to leave numbers as they are.
    names: Option<&'a dyn Names>,
    algs: &'a AlgDb,
}

impl Printer<'_> {
    fn word(&mut self, word: &[u8]) {
        self.out.extend_from_slice(word);
        self.out.push(b' ');
    }

    fn pair(&mut self, keyword: &str, value: impl std::fmt::Display) {
        // Writing into a vector cannot fail.
        let _ = write!(self.out, "{keyword} {value} ");
    }

    fn index(&mut self, rule: &SpdRule) {
        self.out.extend_from_slice(b"#INDEX ");
        if let Some(tunnel) = &rule.tunnel {
            self.out.extend_from_slice(tunnel.as_bytes());
            self.out.push(b',');
        }
        let _ = writeln!(self.out, "{}", rule.index);
    }

    fn entry(&mut self, rule: &SpdRule, alternatives: &[DecodedAlternative]) {
        self.pattern(rule);
        for (n, alternative) in alternatives.iter().enumerate() {
            if n > 0 {
                self.out.extend_from_slice(b"or ");
            }
            self.alternative(alternative);
        }
    }

    fn pattern(&mut self, rule: &SpdRule) {
        let selector = &rule.selector;
        self.word(b"{");
        if let Some(tunnel) = &rule.tunnel {
            self.word(b"tunnel");
            self.word(tunnel.as_bytes());
            let mode = match rule.mode {
                TunnelMode::Tunnel => "tunnel",
                TunnelMode::Transport => "transport",
            };
            self.pair("negotiate", mode);
        }
        if let Some(proto) = selector.proto {
            match self.names.and_then(|names| names.protocol_by_number(proto)) {
                Some(name) => self.pair("ulp", name),
                None => self.pair("ulp", proto),
            }
        }
        self.address("laddr", selector.local);
        self.port("lport", selector.local_port);
        self.address("raddr", selector.remote);
        self.port("rport", selector.remote_port);
        if let Some(icmp) = selector.icmp {
            self.range("type", icmp.type_min, icmp.type_max);
            if let Some((first, last)) = icmp.code {
                self.range("code", first, last);
            }
        }
        match (rule.direction.contains(Direction::IN), rule.direction.contains(Direction::OUT)) {
            (true, true) => self.pair("dir", "both"),
            (true, false) => self.pair("dir", "in"),
            (false, true) => self.pair("dir", "out"),
            (false, false) => {}
        }
        self.word(b"}");
    }

    fn address(&mut self, keyword: &str, prefix: Option<Prefix>) {
        let Some(prefix) = prefix else { return };
        let name = match self.names {
            Some(names) if !prefix.addr().is_unspecified() => host_name(names, prefix.addr()),
            _ => None,
        };
        match name {
            Some(name) => self.pair(keyword, format_args!("{name}/{}", prefix.len())),
            None => match dotted_tail(prefix.addr()) {
                Some(tail) => self.pair(keyword, format_args!("::{tail}/{}", prefix.len())),
                None => self.pair(keyword, prefix),
            },
        }
    }

    fn port(&mut self, keyword: &str, port: Option<u16>) {
        if let Some(port) = port.filter(|&port| port != 0) {
            self.pair(keyword, port);
        }
    }

    fn range(&mut self, keyword: &str, first: u8, last: u8) {
        if first == last {
            self.pair(keyword, first);
        } else {
            self.pair(keyword, format_args!("{first}-{last}"));
        }
    }

    fn alternative(&mut self, alternative: &DecodedAlternative) {
        for (position, attr) in &alternative.extras {
            let _ = writeln!(self.out, "\tattr {position}: {:X}-{}", attr.tag.0, attr.value);
        }
        let alt = &alternative.alternative;
        match alt.kind {
            ActionKind::Drop => self.word(b"drop"),
            ActionKind::Pass => self.word(b"pass"),
            ActionKind::Ipsec => self.word(b"ipsec"),
            ActionKind::Other(_) => {}
        }
        self.word(b"{");
        if alt.kind == ActionKind::Ipsec {
            let esp = alt.flags.contains(ActionFlags::ESP);
            if alt.flags.contains(ActionFlags::AH) && alt.ah.id != 0 {
                self.algorithm("auth_algs", AlgUse::Ah, alt.ah);
            }
            if esp {
                self.algorithm("encr_algs", AlgUse::EspEncr, alt.encr);
            }
            if esp && alt.esp_auth.id != 0 {
                self.algorithm("encr_auth_algs", AlgUse::EspAuth, alt.esp_auth);
            }
            let unique = alt.flags.contains(ActionFlags::UNIQUE);
            self.pair("sa", if unique { "unique" } else { "shared" });
        }
        self.word(b"}");
    }

    fn algorithm(&mut self, keyword: &str, usage: AlgUse, alg: AlgChoice) {
        self.out.extend_from_slice(keyword.as_bytes());
        let _ = match self.algs.name(usage.proto(), alg.id) {
            Some(name) => write!(self.out, " {name}"),
            None => write!(self.out, " {}", alg.id),
        };
        let _ = match (alg.min, alg.max) {
            (0, 0 | u16::MAX) => Ok(()),
            (0, _) => write!(self.out, "()"),
            (min, max) if min == max || max == 0 => write!(self.out, "({min})"),
            (min, u16::MAX) => write!(self.out, "({min}..)"),
            (min, max) => write!(self.out, "({min}..{max})"),
        };
        self.out.push(b' ');
    }
}

/// The last four bytes of an IPv6 address that begins with six zero groups and has
/// something in the seventh: `inet_ntop` writes those with dots.
fn dotted_tail(addr: IpAddr) -> Option<Ipv4Addr> {
    match addr {
        IpAddr::V6(addr) if addr.to_bits() >> 32 == 0 && addr.segments()[6] != 0 => {
            Some(Ipv4Addr::from_bits(addr.to_bits() as u32))
        }
        _ => None,
    }
}

/// The name of an address, without the domain if that is this host's own.
fn host_name(names: &dyn Names, addr: IpAddr) -> Option<String> {
    let mut name = names.host_by_addr(addr)?;
    let hostname = names.hostname();
    if let (Some((short, domain)), Some((_, own))) =
        (name.split_once('.'), hostname.split_once('.'))
        && domain.eq_ignore_ascii_case(own)
    {
        name.truncate(short.len());
    }
    Some(name)
}
