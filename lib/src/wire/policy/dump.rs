// SPDX-License-Identifier: MIT OR Apache-2.0

//! The records of a DUMP (`spec/pf_policy.md` section 6).

use super::action::{DecodedAlternative, decode_alternatives};
use super::consts::{ExtType, RuleFlags};
use super::ext::Ext;
use super::fields::{AddressExt, RulesetExt};
use super::message::Message;
use crate::model::{
    BadTunnelName, Direction, IcmpSelector, Prefix, PrefixTooLong, Selector, SpdRule, TunnelMode,
    TunnelName,
};
use crate::wire::namespace::NamespaceExt;

/// One message of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DumpItem {
    /// Header or trailer.
    Ruleset(RulesetExt),
    /// A rule, and what its alternatives say beyond the model.
    Rule {
        /// The rule.
        rule: SpdRule,
        /// Its alternatives once more, with the attributes that have no place in the model.
        alternatives: Vec<DecodedAlternative>,
    },
}

/// Why a dump record does not describe a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Neither RULE nor RULESET.
    #[error("dump record without a RULE extension")]
    NoRule,
    /// No ACTION.
    #[error("rule {index}: dump record without an ACTION extension")]
    NoAction {
        /// Index of the rule.
        index: u64,
    },
    /// An address that cannot be.
    #[error("rule {index}: {source}")]
    Prefix {
        /// Index of the rule.
        index: u64,
        /// What is wrong.
        source: PrefixTooLong,
    },
    /// A tunnel name that cannot be.
    #[error("rule {index}: {source}")]
    Tunnel {
        /// Index of the rule.
        index: u64,
        /// What is wrong.
        source: BadTunnelName,
    },
}

/// Reads one record of a dump whose header carries no error.
pub fn decode_record(message: &Message) -> Result<DumpItem, RecordError> {
    if let Some(Ext::Ruleset(ruleset)) = message.get(ExtType::RULESET) {
        return Ok(DumpItem::Ruleset(*ruleset));
    }
    let rule = message.rule().ok_or(RecordError::NoRule)?;
    let index = rule.index;
    let mut selector = Selector::default();
    let mut tunnel = None;
    let mut alternatives = None;
    let mut namespace = None;
    for ext in &message.exts {
        match ext {
            Ext::LocalPort(port) => selector.local_port = Some(port.min),
            Ext::RemotePort(port) => selector.remote_port = Some(port.min),
            Ext::Proto(proto) => selector.proto = Some(proto.number),
            Ext::LocalAddr(addr) => selector.local = Some(prefix(index, addr)?),
            Ext::RemoteAddr(addr) => selector.remote = Some(prefix(index, addr)?),
            Ext::TypeCode(tc) => {
                selector.icmp = Some(IcmpSelector {
                    type_min: tc.type_min,
                    type_max: tc.type_end,
                    code: (tc.code != 255).then_some((tc.code, tc.code_end)),
                });
            }
            Ext::TunName(name) => {
                let name = TunnelName::new(name.name())
                    .map_err(|source| RecordError::Tunnel { index, source })?;
                tunnel = Some(name);
            }
            Ext::Action { attrs, .. } => alternatives = Some(decode_alternatives(attrs)),
            Ext::Namespace(NamespaceExt::Name(name)) => namespace = Some(name.clone()),
            Ext::Rule(_) | Ext::Ruleset(_) | Ext::Namespace(_) | Ext::Other { .. } => {}
        }
    }
    let alternatives = alternatives.ok_or(RecordError::NoAction { index })?;
    let mut direction = Direction::empty();
    direction.set(Direction::IN, rule.flags.contains(RuleFlags::INBOUND));
    direction.set(Direction::OUT, rule.flags.contains(RuleFlags::OUTBOUND));
    // Rules of the host have the flag of whatever tunnel was dumped before.
    let mode = match tunnel.is_some() && rule.flags.contains(RuleFlags::TUNNEL) {
        true => TunnelMode::Tunnel,
        false => TunnelMode::Transport,
    };
    let action = alternatives.iter().map(|alt| alt.alternative).collect();
    let priority = rule.priority;
    let rule = SpdRule { index, priority, direction, tunnel, mode, selector, action, namespace };
    Ok(DumpItem::Rule { rule, alternatives })
}

fn prefix(index: u64, ext: &AddressExt) -> Result<Prefix, RecordError> {
    Prefix::new(ext.addr(), ext.prefixlen).map_err(|source| RecordError::Prefix { index, source })
}
