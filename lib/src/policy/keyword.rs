// SPDX-License-Identifier: MIT OR Apache-2.0

//! The words of the language, as tables.

use crate::model::{AlgUse, Direction, TunnelMode};

/// Words and what they mean.
pub(super) type Table<T> = &'static [(&'static str, T)];

/// The meaning of a word, letter case as in the table.
pub(super) fn lookup<T: Copy>(table: Table<T>, word: &[u8]) -> Option<T> {
    table.iter().find(|(name, _)| name.as_bytes() == word).map(|&(_, meaning)| meaning)
}

/// The names in a table.
pub(super) fn names<T>(table: Table<T>) -> impl Iterator<Item = &'static str> {
    table.iter().map(|&(name, _)| name)
}

/// The two ways of writing a pattern. One rule keeps to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Source and destination; the direction may exchange them.
    Old,
    /// Local and remote.
    New,
}

impl Style {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Old => "old style",
            Self::New => "new style",
        }
    }
}

/// One end of the traffic as a pattern names it: source or local, destination or remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Source or local.
    Src,
    /// Destination or remote.
    Dst,
}

/// A keyword of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternKey {
    /// Address of one end.
    Addr(Style, End),
    /// Netmask of one end, old style only.
    Mask(End),
    /// Port of one end.
    Port(Style, End),
    /// Upper-layer protocol.
    Proto,
    /// ICMP type.
    Type,
    /// ICMP code.
    Code,
    /// Direction.
    Dir,
    /// Tunnel name.
    Tunnel,
    /// Tunnel mode.
    Negotiate,
}

pub(super) const PATTERN: Table<PatternKey> = &[
    ("laddr", PatternKey::Addr(Style::New, End::Src)),
    ("raddr", PatternKey::Addr(Style::New, End::Dst)),
    ("local", PatternKey::Addr(Style::New, End::Src)),
    ("remote", PatternKey::Addr(Style::New, End::Dst)),
    ("lport", PatternKey::Port(Style::New, End::Src)),
    ("rport", PatternKey::Port(Style::New, End::Dst)),
    ("ulp", PatternKey::Proto),
    ("proto", PatternKey::Proto),
    ("dir", PatternKey::Dir),
    ("tunnel", PatternKey::Tunnel),
    ("negotiate", PatternKey::Negotiate),
    ("type", PatternKey::Type),
    ("code", PatternKey::Code),
    ("saddr", PatternKey::Addr(Style::Old, End::Src)),
    ("src", PatternKey::Addr(Style::Old, End::Src)),
    ("srcaddr", PatternKey::Addr(Style::Old, End::Src)),
    ("daddr", PatternKey::Addr(Style::Old, End::Dst)),
    ("dst", PatternKey::Addr(Style::Old, End::Dst)),
    ("dstaddr", PatternKey::Addr(Style::Old, End::Dst)),
    ("smask", PatternKey::Mask(End::Src)),
    ("dmask", PatternKey::Mask(End::Dst)),
    ("sport", PatternKey::Port(Style::Old, End::Src)),
    ("dport", PatternKey::Port(Style::Old, End::Dst)),
];

impl PatternKey {
    /// What stands behind the keyword.
    pub(super) fn value(self) -> &'static str {
        match self {
            Self::Addr(..) => "an address, host name or network name",
            Self::Mask(_) => "a netmask such as 255.255.0.0 or 0xffff0000",
            Self::Port(..) => "a service name or a port number",
            Self::Proto => "a protocol name or a number from 0 to 255",
            Self::Type => "an ICMP type: a name, a number or a range of numbers",
            Self::Code => "an ICMP code: a name, a number or a range of numbers",
            Self::Dir => "`in`, `out` or `both`",
            Self::Tunnel => "the name of a tunnel",
            Self::Negotiate => "`tunnel` or `transport`",
        }
    }
}

/// An action word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKey {
    /// Protect outbound traffic.
    Apply,
    /// Require protection of inbound traffic.
    Permit,
    /// Protect, direction by the pattern.
    Ipsec,
    /// Let pass in clear.
    Pass,
    /// Discard.
    Drop,
}

pub(super) const ACTIONS: Table<ActionKey> = &[
    ("ipsec", ActionKey::Ipsec),
    ("pass", ActionKey::Pass),
    ("bypass", ActionKey::Pass),
    ("drop", ActionKey::Drop),
    ("apply", ActionKey::Apply),
    ("permit", ActionKey::Permit),
];

impl ActionKey {
    /// Does it ask for protection?
    pub(super) fn protects(self) -> bool {
        matches!(self, Self::Apply | Self::Permit | Self::Ipsec)
    }
}

/// The keyword of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyKey {
    /// An algorithm.
    Alg(AlgUse),
    /// Shared or unique security associations.
    Sa,
    /// Direction, old style only.
    Dir,
}

pub(super) const PROPERTIES: Table<PropertyKey> = &[
    ("auth_algs", PropertyKey::Alg(AlgUse::Ah)),
    ("encr_algs", PropertyKey::Alg(AlgUse::EspEncr)),
    ("encr_auth_algs", PropertyKey::Alg(AlgUse::EspAuth)),
    ("sa", PropertyKey::Sa),
    ("dir", PropertyKey::Dir),
];

impl PropertyKey {
    pub(super) fn value(self) -> &'static str {
        match self {
            Self::Alg(AlgUse::EspEncr) => "an encryption algorithm",
            Self::Alg(_) => "an authentication algorithm",
            Self::Sa => "`shared` or `unique`",
            Self::Dir => "`in` or `out`",
        }
    }
}

/// The keyword under which a rule names an algorithm.
pub(super) fn alg_keyword(usage: AlgUse) -> &'static str {
    match usage {
        AlgUse::Ah => "auth_algs",
        AlgUse::EspEncr => "encr_algs",
        AlgUse::EspAuth => "encr_auth_algs",
    }
}

/// Directions of a pattern; any word that begins like this.
pub(super) const DIR_PREFIXES: Table<Direction> =
    &[("in", Direction::IN), ("out", Direction::OUT), ("both", Direction::all())];

/// Modes; any word that begins like this.
pub(super) const MODE_PREFIXES: Table<TunnelMode> =
    &[("tunnel", TunnelMode::Tunnel), ("transport", TunnelMode::Transport)];

/// The meaning of the first entry with which a word begins.
pub(super) fn lookup_prefix<T: Copy>(table: Table<T>, word: &[u8]) -> Option<T> {
    table.iter().find(|(name, _)| word.starts_with(name.as_bytes())).map(|&(_, meaning)| meaning)
}

pub(super) const ICMP_TYPES: Table<u8> = &[
    ("unreach", 3),
    ("echo", 8),
    ("echorep", 0),
    ("squench", 4),
    ("redir", 5),
    ("timex", 11),
    ("paramprob", 12),
    ("timest", 13),
    ("timestrep", 14),
    ("inforeq", 15),
    ("inforep", 16),
    ("maskreq", 17),
    ("maskrep", 18),
    ("unreach6", 1),
    ("pkttoobig6", 2),
    ("timex6", 3),
    ("paramprob6", 4),
    ("echo6", 128),
    ("echorep6", 129),
    ("router-sol6", 133),
    ("router-ad6", 134),
    ("neigh-sol6", 135),
    ("neigh-ad6", 136),
    ("redir6", 137),
];

pub(super) const ICMP_CODES: Table<u8> = &[
    ("net-unr", 0),
    ("host-unr", 1),
    ("proto-unr", 2),
    ("port-unr", 3),
    ("needfrag", 4),
    ("srcfail", 5),
    ("net-unk", 6),
    ("host-unk", 7),
    ("isolate", 8),
    ("net-prohib", 9),
    ("host-prohib", 10),
    ("net-tos", 11),
    ("host-tos", 12),
    ("filter-prohib", 13),
    ("host-preced", 14),
    ("cutoff-preced", 15),
    ("no-route6", 0),
    ("adm-prohib6", 1),
    ("addr-unr6", 3),
    ("port-unr6", 4),
    ("hop-limex6", 0),
    ("frag-re-timex6", 1),
    ("err-head6", 0),
    ("unrec-head6", 1),
    ("unreq-opt6", 2),
];

/// Words of other languages and older manuals, and the word used here.
pub(super) const SYNONYMS: Table<&str> = &[
    ("dest", "dst"),
    ("destination", "dst"),
    ("source", "src"),
    ("direction", "dir"),
    ("protocol", "proto"),
    ("mode", "negotiate"),
    ("interface", "tunnel"),
    ("discard", "drop"),
    ("deny", "drop"),
    ("reject", "drop"),
    ("block", "drop"),
    ("allow", "pass"),
    ("accept", "pass"),
    ("clear", "pass"),
    ("encrypt", "ipsec"),
    ("protect", "ipsec"),
    ("require", "ipsec"),
    ("ah_algs", "auth_algs"),
    ("esp_algs", "encr_algs"),
    ("esp_auth_algs", "encr_auth_algs"),
    ("ping", "echo"),
    ("ping6", "echo6"),
    ("udp4", "udp"),
    ("icmp6", "ipv6-icmp"),
    ("icmpv6", "ipv6-icmp"),
];
