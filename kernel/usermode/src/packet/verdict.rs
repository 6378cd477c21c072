// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is answered about a packet.

use std::fmt;

use illumos_ipsec::model::{Alternative, LinkId, TunnelMode, TunnelName};

use super::question::Spis;
use crate::sadb::SaId;
use crate::spd::{Rule, Way};

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It leaves protected in this way, or it had been, and that satisfies the rule.
    Protect {
        /// The alternative of the rule.
        alternative: Alternative,
        /// Transport or tunnel mode.
        mode: TunnelMode,
        /// The associations that do it, where they have been looked for.
        spis: Spis,
    },
    /// It passes in clear.
    Pass(Clear),
    /// It waits for the other parts of its datagram; none of them passes before.
    Held,
    /// It goes no further.
    Drop(Reason),
}

/// Why a packet passes in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Clear {
    /// No rule is about it, and what no rule is about may pass.
    NoRule,
    /// The rule says so, or accepts what is not protected.
    Rule,
    /// An ICMP error that this host made itself.
    OwnError,
}

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// There is no tunnel of that name.
    NoLink,
    /// No tunnel has these outer addresses.
    NoTunnel,
    /// The tunnel is not bound, or no interface is plumbed on it.
    NotRunning,
    /// The tunnel requires IPsec and has no policy in force.
    NoPolicy,
    /// The tunnel requires IPsec and the rule would let the packet leave in clear.
    NotProtected,
    /// It arrived in clear and has to be protected.
    GotClear,
    /// It arrived protected and nothing asks for that.
    GotSecure,
    /// The policy of the tunnel has no rule for it.
    NoRule,
    /// The rule says so.
    Rule,
    /// The algorithm of AH is not that of the rule.
    AhAlgorithm,
    /// The cipher of ESP is not that of the rule.
    EspCipher,
    /// The authentication of ESP is not that of the rule.
    EspAuthentication,
    /// A key is shorter or longer than the rule allows.
    KeySize,
    /// It came with AH, which the rule does not have.
    UnexpectedAh,
    /// It came with ESP, which the rule does not have.
    UnexpectedEsp,
    /// It came with or without self-encapsulation, and the rule asks for the other.
    SelfEncapsulation,
    /// The associations are of the other mode.
    Mode,
    /// There is no association that could protect or open it.
    NoAssociation,
    /// The association is for other inner addresses.
    OtherTraffic,
    /// Its addresses do not fit a 6to4 tunnel.
    SixToFour,
    /// It may not be encapsulated once more.
    EncapsulationLimit,
    /// It was accepted, but no interface is plumbed on the tunnel.
    NoInterface,
    /// It is no packet that could be sent.
    Malformed,
}

impl Clear {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NoRule, Self::Rule, Self::OwnError];

    /// A word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NoRule => "no-rule",
            Self::Rule => "rule",
            Self::OwnError => "own-error",
        }
    }
}

impl fmt::Display for Clear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRule => "no rule is about it",
            Self::Rule => "the rule accepts clear text",
            Self::OwnError => "it is an ICMP error that this host made itself",
        })
    }
}

/// Reasons, their words for programs and their sentences for people.
const REASONS: [(Reason, &str, &str); 23] = [
    (Reason::NoLink, "no-link", "there is no tunnel of that name"),
    (Reason::NoTunnel, "no-tunnel", "no tunnel has these outer addresses"),
    (
        Reason::NotRunning,
        "not-running",
        "the tunnel is not bound, or no interface is plumbed on it",
    ),
    (Reason::NoPolicy, "no-policy", "the tunnel requires IPsec and has no policy in force"),
    (
        Reason::NotProtected,
        "not-protected",
        "the tunnel requires IPsec and the rule does not protect",
    ),
    (Reason::GotClear, "got-clear", "it arrived in clear and has to be protected"),
    (Reason::GotSecure, "got-secure", "it arrived protected and nothing asks for that"),
    (Reason::NoRule, "no-rule", "the policy of the tunnel has no rule for it"),
    (Reason::Rule, "rule", "the rule says so"),
    (Reason::AhAlgorithm, "ah-algorithm", "the algorithm of AH is not that of the rule"),
    (Reason::EspCipher, "esp-cipher", "the cipher of ESP is not that of the rule"),
    (
        Reason::EspAuthentication,
        "esp-authentication",
        "the authentication of ESP is not that of the rule",
    ),
    (Reason::KeySize, "key-size", "a key is shorter or longer than the rule allows"),
    (Reason::UnexpectedAh, "unexpected-ah", "it came with AH, which the rule does not have"),
    (Reason::UnexpectedEsp, "unexpected-esp", "it came with ESP, which the rule does not have"),
    (
        Reason::SelfEncapsulation,
        "self-encapsulation",
        "it came with or without self-encapsulation, and the rule asks for the other",
    ),
    (Reason::Mode, "mode", "the associations are of the other mode"),
    (Reason::NoAssociation, "no-association", "there is no association for it"),
    (
        Reason::OtherTraffic,
        "other-traffic",
        "its association is for other addresses than it has inside",
    ),
    (Reason::SixToFour, "6to4", "its addresses do not fit the 6to4 tunnel"),
    (
        Reason::EncapsulationLimit,
        "encapsulation-limit",
        "it may not be encapsulated once more; its source gets an ICMP error",
    ),
    (Reason::NoInterface, "no-interface", "it was accepted, but no interface is plumbed"),
    (Reason::Malformed, "malformed", "it is no packet that could be sent"),
];

impl Reason {
    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        REASONS.iter().map(|(reason, _, _)| *reason)
    }

    /// A word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        REASONS[self as usize].1
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REASONS[*self as usize].2)
    }
}

/// The rule that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Its policy head: that of a tunnel, or the system's. The active side of it.
    pub head: Option<TunnelName>,
    /// Mode of the head, if it is a tunnel's.
    pub mode: Option<TunnelMode>,
    /// Direction of the rule.
    pub way: Way,
    /// The rule.
    pub rule: Rule,
}

/// What becomes of a packet, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of it.
    pub outcome: Outcome,
    /// The tunnel that it takes or would have taken.
    pub link: Option<LinkId>,
    /// The rule that was chosen, if one was.
    pub matched: Option<Matched>,
    /// Its associations.
    pub(super) used: Vec<SaId>,
}

impl Verdict {
    pub(super) fn new(link: Option<LinkId>, outcome: Outcome) -> Self {
        Self { outcome, link, matched: None, used: Vec::new() }
    }

    pub(super) fn drop(link: Option<LinkId>, reason: Reason) -> Self {
        Self::new(link, Outcome::Drop(reason))
    }

    pub(super) fn by(link: Option<LinkId>, outcome: Outcome, matched: Matched) -> Self {
        Self { outcome, link, matched: Some(matched), used: Vec::new() }
    }

    /// Would it be seen, or has it been, in clear?
    #[must_use]
    pub fn is_clear(&self) -> bool {
        matches!(self.outcome, Outcome::Pass(_))
    }

    /// Does it get through?
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self.outcome, Outcome::Pass(_) | Outcome::Protect { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_reasons_is_in_order_and_its_words_differ() {
        for (at, (reason, word, _)) in REASONS.iter().enumerate() {
            assert_eq!(*reason as usize, at);
            assert_eq!(REASONS.iter().filter(|(_, other, _)| other == word).count(), 1);
        }
        assert_eq!(Reason::Malformed as usize + 1, REASONS.len());
    }
}
