// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rules ready to be sent.
//!
//! Source: `spec/ipsecconf.md` section 7.3.

use std::sync::Arc;

use super::Span;
use crate::model::{
    ActionFlags, ActionKind, Alternative, Direction, IcmpSelector, Prefix, Selector, TunnelMode,
    TunnelName,
};
use crate::wire::policy::{
    AddressExt, Attr, Diagnostic, Ext, HEADER_LEN, Message, MsgType, PortsExt, ProtoExt, RuleExt,
    RuleFlags, SPD_STANDBY, TunNameExt,
};

/// Base priority of the first request of a run; each further one has one less.
pub const FIRST_PRIORITY: u32 = 0x000f_ffff;
/// Requests for which a run has base priorities. Priority 0 would never match.
pub const MAX_REQUESTS: usize = FIRST_PRIORITY as usize;

/// Added to the base priority if one of the alternatives lets traffic pass.
const LEVEL_PASS: u32 = 0x0080_0000;
/// Added if one uses ESP.
const LEVEL_ESP: u32 = 0x0040_0000;
/// Added if one uses AH.
const LEVEL_AH: u32 = 0x0020_0000;

/// A rule of a policy, names and algorithms resolved.
#[derive(Clone, Debug)]
pub struct PolicyRule {
    /// Where it stands.
    pub span: Span,
    /// Its text for the view file.
    pub text: Arc<[u8]>,
    /// Directions, at least one.
    pub direction: Direction,
    /// Tunnel and mode; none for the host's own policy.
    pub tunnel: Option<(TunnelName, TunnelMode)>,
    /// Upper-layer protocol.
    pub proto: Option<u8>,
    /// ICMP types and codes.
    pub icmp: Option<IcmpSelector>,
    /// Source port, the local one unless swapped.
    pub src_port: Option<u16>,
    /// Destination port.
    pub dst_port: Option<u16>,
    /// Source and destination address of each request. One pair of nothing for a
    /// rule without addresses.
    pub pairs: Vec<(Option<Prefix>, Option<Prefix>)>,
    /// Is the source the remote end?
    pub swapped: bool,
    /// The action, shared by all rules that say the same.
    pub action: Arc<RuleAction>,
}

/// What a rule does, in the form in which it is sent and in the form in which it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleAction {
    /// Number of alternatives.
    pub count: u16,
    /// Attributes as sent.
    pub attrs: Vec<Attr>,
    /// Alternatives as the kernel lists them, keys clipped to what the algorithms have.
    pub alternatives: Vec<Alternative>,
    /// The bits of the priority that put kinds of rules above each other.
    pub level: u32,
    /// One of the alternatives asks for unique security associations.
    pub unique: bool,
    /// What the kernel will say if it has to refuse them in any rule.
    pub refused: Option<Diagnostic>,
}

/// The base priority of the `k`-th request of a run, from 0; none behind the last one.
#[must_use]
pub fn base_priority(k: usize) -> Option<u32> {
    (k < MAX_REQUESTS).then(|| FIRST_PRIORITY - k as u32)
}

impl PolicyRule {
    /// Does the rule select by an address?
    #[must_use]
    pub fn has_address(&self) -> bool {
        self.pairs.first().is_some_and(|(src, dst)| src.is_some() || dst.is_some())
    }

    /// The number of ADDRULE requests: one for each pair of addresses, or one.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.pairs.len()
    }

    /// The selector of one request, from the point of view of this host.
    ///
    /// # Panics
    ///
    /// If there is no such request.
    #[must_use]
    pub fn selector(&self, n: usize) -> Selector {
        let (src, dst) = self.pairs[n];
        let ends = [(self.src_port, src), (self.dst_port, dst)];
        let [local, remote] = if self.swapped { [ends[1], ends[0]] } else { ends };
        Selector {
            proto: self.proto,
            local_port: local.0,
            remote_port: remote.0,
            local: local.1,
            remote: remote.1,
            icmp: self.icmp,
        }
    }

    /// The alternatives as a dump of the kernel will show them.
    #[must_use]
    pub fn alternatives(&self) -> Vec<Alternative> {
        let mut alternatives = self.action.alternatives.clone();
        if matches!(self.tunnel, Some((_, TunnelMode::Transport))) {
            for alt in alternatives.iter_mut().filter(|alt| alt.kind == ActionKind::Ipsec) {
                alt.flags |= ActionFlags::UNIQUE;
            }
        }
        alternatives
    }

    /// One ADDRULE request for the standby policy.
    ///
    /// `direction` is normally that of the rule; `base_priority` comes from
    /// [`base_priority`].
    ///
    /// # Panics
    ///
    /// If there is no such request.
    #[must_use]
    pub fn message(
        &self,
        n: usize,
        base_priority: u32,
        seq: u32,
        pid: u32,
        direction: Direction,
    ) -> Message {
        let (src, dst) = self.pairs[n];
        let mut message = Message::request(MsgType::ADDRULE, SPD_STANDBY);
        message.header.seq = seq;
        message.header.pid = pid;
        let exts = &mut message.exts;
        exts.reserve_exact(9);
        let flags = self.flags(direction);
        let priority = base_priority | self.action.level;
        exts.push(Ext::Rule(RuleExt { priority, flags, unused: 0, index: 0 }));
        exts.extend(self.proto.map(|number| Ext::Proto(ProtoExt { number, reserved: (0, 0) })));
        exts.extend(self.tunnel.as_ref().map(|(name, _)| Ext::TunName(TunNameExt::for_rule(name))));
        exts.extend(self.icmp.map(|icmp| Ext::TypeCode(icmp.into())));
        // Source before destination, whichever of them is local.
        let swapped = self.swapped;
        let port = |port, local| {
            let port = PortsExt::single(port);
            if local { Ext::LocalPort(port) } else { Ext::RemotePort(port) }
        };
        exts.extend(self.src_port.map(|src| port(src, !swapped)));
        exts.extend(self.dst_port.map(|dst| port(dst, swapped)));
        let addr = |prefix: Prefix, local| {
            let addr = AddressExt::from(prefix);
            if local { Ext::LocalAddr(addr) } else { Ext::RemoteAddr(addr) }
        };
        exts.extend(src.map(|src| addr(src, !swapped)));
        exts.extend(dst.map(|dst| addr(dst, swapped)));
        let RuleAction { count, attrs, .. } = &*self.action;
        exts.push(Ext::Action { count: *count, reserved: 0, attrs: attrs.clone() });
        message
    }

    fn flags(&self, direction: Direction) -> RuleFlags {
        let mut flags = RuleFlags::empty();
        flags.set(RuleFlags::INBOUND, direction.contains(Direction::IN));
        flags.set(RuleFlags::OUTBOUND, direction.contains(Direction::OUT));
        flags.set(RuleFlags::TUNNEL, matches!(self.tunnel, Some((_, TunnelMode::Tunnel))));
        flags
    }

    /// Bytes of the largest of its requests, at most: every selector counted, and the
    /// longest namespace.
    pub(super) fn max_message_len(&self) -> usize {
        const SELECTORS: usize = 24 + 8 + 40 + 8 + 2 * 8 + 2 * 24;
        const NAMESPACE: usize = 8 + 256;
        HEADER_LEN + SELECTORS + NAMESPACE + 8 + 8 * self.action.attrs.len()
    }
}

/// What alternatives add to the priority of their rule: passing above ESP, ESP above
/// AH, all of them above dropping.
pub(super) fn level(alternatives: &[Alternative]) -> u32 {
    alternatives.iter().fold(0, |level, alt| match alt.kind {
        ActionKind::Pass => level | LEVEL_PASS,
        ActionKind::Ipsec => {
            let esp = if alt.flags.contains(ActionFlags::ESP) { LEVEL_ESP } else { 0 };
            let ah = if alt.flags.contains(ActionFlags::AH) { LEVEL_AH } else { 0 };
            level | esp | ah
        }
        _ => level,
    })
}
