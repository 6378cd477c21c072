// SPDX-License-Identifier: MIT OR Apache-2.0

//! The keywords, in the order in which `help attr` shows them.

/// What a keyword stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Spi,
    PairSpi,
    Replay,
    State,
    AuthAlg,
    EncrAlg,
    /// A word that is kept and never accepted.
    Reserved,
    Lifetime(Limit, Amount),
    Src(Family),
    Dst(Family),
    InnerSrc(Family),
    InnerDst(Family),
    SrcPort,
    DstPort,
    InnerSrcPort,
    InnerDstPort,
    Proto,
    InnerProto,
    AuthKey,
    AuthString,
    /// The octets of a string in hexadecimal digits.
    AuthStringHex,
    EncrKey,
    SrcIdentity,
    DstIdentity,
    /// The name in hexadecimal digits.
    SrcIdentityHex,
    DstIdentityHex,
    NatLocal,
    NatRemote,
    NatLocalPort,
    NatRemotePort,
    Encap,
    Outbound,
    Inbound,
    ReservedBits,
    ReplayValue,
    Label,
    OuterLabel,
    ImplicitLabel,
}

/// Which kind of lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Soft,
    Hard,
    Idle,
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    Allocations,
    Bytes,
    AddTime,
    UseTime,
}

/// Which addresses of a name count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Any,
    V6,
}

use Amount::{AddTime, Allocations, Bytes, UseTime};
use Family::{Any, V6};
use Keyword::*;
use Limit::{Hard, Idle, Soft};

/// Every word, in the order of the help text.
const WORDS: &[(&str, Keyword)] = &[
    ("spi", Spi),
    ("pair-spi", PairSpi),
    ("replay", Replay),
    ("state", State),
    ("auth_alg", AuthAlg),
    ("authalg", AuthAlg),
    ("encr_alg", EncrAlg),
    ("encralg", EncrAlg),
    ("flags", Reserved),
    ("soft_alloc", Lifetime(Soft, Allocations)),
    ("soft_bytes", Lifetime(Soft, Bytes)),
    ("soft_addtime", Lifetime(Soft, AddTime)),
    ("soft_usetime", Lifetime(Soft, UseTime)),
    ("hard_alloc", Lifetime(Hard, Allocations)),
    ("hard_bytes", Lifetime(Hard, Bytes)),
    ("hard_addtime", Lifetime(Hard, AddTime)),
    ("hard_usetime", Lifetime(Hard, UseTime)),
    ("current_alloc", Reserved),
    ("current_bytes", Reserved),
    ("current_addtime", Reserved),
    ("current_usetime", Reserved),
    ("saddr", Src(Any)),
    ("srcaddr", Src(Any)),
    ("src", Src(Any)),
    ("daddr", Dst(Any)),
    ("dstaddr", Dst(Any)),
    ("dst", Dst(Any)),
    ("proxyaddr", InnerSrc(Any)),
    ("proxy", InnerSrc(Any)),
    ("innersrc", InnerSrc(Any)),
    ("isrc", InnerSrc(Any)),
    ("innerdst", InnerDst(Any)),
    ("idst", InnerDst(Any)),
    ("sport", SrcPort),
    ("dport", DstPort),
    ("innersport", InnerSrcPort),
    ("isport", InnerSrcPort),
    ("innerdport", InnerDstPort),
    ("idport", InnerDstPort),
    ("proto", Proto),
    ("ulp", Proto),
    ("iproto", InnerProto),
    ("iulp", InnerProto),
    ("saddr6", Src(V6)),
    ("srcaddr6", Src(V6)),
    ("src6", Src(V6)),
    ("daddr6", Dst(V6)),
    ("dstaddr6", Dst(V6)),
    ("dst6", Dst(V6)),
    ("proxyaddr6", InnerSrc(V6)),
    ("proxy6", InnerSrc(V6)),
    ("innersrc6", InnerSrc(V6)),
    ("isrc6", InnerSrc(V6)),
    ("innerdst6", InnerDst(V6)),
    ("idst6", InnerDst(V6)),
    ("authkey", AuthKey),
    ("authstring", AuthString),
    ("encrkey", EncrKey),
    ("srcidtype", SrcIdentity),
    ("dstidtype", DstIdentity),
    ("dpd", Reserved),
    ("sens_level", Reserved),
    ("sens_map", Reserved),
    ("integ_level", Reserved),
    ("integ_map", Reserved),
    ("nat_loc", NatLocal),
    ("nat_rem", NatRemote),
    ("nat_lport", NatLocalPort),
    ("nat_rport", NatRemotePort),
    ("encap", Encap),
    ("outbound", Outbound),
    ("inbound", Inbound),
    ("reserved_bits", ReservedBits),
    ("replay_value", ReplayValue),
    ("idle_addtime", Lifetime(Idle, AddTime)),
    ("idle_usetime", Lifetime(Idle, UseTime)),
    ("label", Label),
    ("outer-label", OuterLabel),
    ("implicit-label", ImplicitLabel),
];

/// Words that the original does not have. They are what `save` needs for names and strings
/// that no word can hold.
const ADDED: &[(&str, Keyword)] = &[
    ("authstring_hex", AuthStringHex),
    ("srcidtype_hex", SrcIdentityHex),
    ("dstidtype_hex", DstIdentityHex),
];

/// The words of `tcpkey`, in the order of its help text.
const TCPKEY: &[&str] = &[
    "src",
    "src6",
    "dst",
    "dst6",
    "sport",
    "dport",
    "authalg",
    "authstring",
    "soft_addtime",
    "soft_usetime",
    "hard_addtime",
    "hard_usetime",
];

/// The keyword with a name.
pub(crate) fn find(word: &[u8], tcpkey: bool) -> Option<Keyword> {
    let known = |table: &[(&str, Keyword)]| {
        table.iter().find(|(name, _)| name.as_bytes() == word).map(|(_, keyword)| *keyword)
    };
    if tcpkey {
        let listed = TCPKEY.iter().any(|name| name.as_bytes() == word);
        return if listed { known(WORDS) } else { known(&ADDED[..1]) };
    }
    known(WORDS).or_else(|| known(ADDED))
}

/// The words that the help text shows.
pub(crate) fn listed(tcpkey: bool) -> Vec<&'static str> {
    match tcpkey {
        true => TCPKEY.to_vec(),
        false => WORDS.iter().map(|(name, _)| *name).collect(),
    }
}
