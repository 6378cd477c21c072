// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the flags of tunnels should be, worked out from messages alone.
//!
//! A side is in use from its first accepted rule until it is flushed or its last rule
//! is deleted; FLIP exchanges and CLONE copies sides; nothing else changes a side.

use std::collections::BTreeMap;

use illumos_ipsec::wire::policy::{ExtType, Frame, MsgType, RuleFlags};

use super::replay::Notice;

const ACTIVE: u32 = 1;
const TUNNEL: u32 = 2;
const PER_PORT: u32 = 4;

/// Flags of the tunnels, active and standby side.
#[derive(Clone, Debug, Default)]
pub(super) struct FlagModel {
    tunnels: BTreeMap<Vec<u8>, [u32; 2]>,
}

impl FlagModel {
    /// Is this request the first rule of a side while the other side is in use?
    pub(super) fn overwrites(&self, request: &[u8]) -> bool {
        let Some((frame, name, side)) = tunnel_request(request) else {
            return false;
        };
        let sides = self.sides(&name);
        frame.header.kind == MsgType::ADDRULE
            && frame.get(ExtType::RULE).is_some()
            && sides[side] & ACTIVE == 0
            && sides[1 - side] != 0
    }

    /// Would this rule mix modes on its side?
    pub(super) fn mixes_modes(&self, request: &[u8]) -> bool {
        let Some((frame, name, side)) = tunnel_request(request) else {
            return false;
        };
        let flags = self.sides(&name)[side];
        frame.header.kind == MsgType::ADDRULE
            && flags & ACTIVE != 0
            && frame.get(ExtType::RULE).is_some_and(|rule| (rule.u32(8) ^ flags << 1) & 4 != 0)
    }

    /// Takes note of a request and what followed.
    pub(super) fn see(&mut self, request: &[u8], accepted: bool, notices: &[Notice]) {
        let Ok(frame) = Frame::parse(request) else {
            return;
        };
        let kind = frame.header.kind;
        let name = frame.get(ExtType::TUN_NAME).map(|ext| name(ext.bytes));
        let (Some(name), true) = (name, accepted) else {
            return;
        };
        let side = usize::from(frame.header.spdid & 1);
        let each = |act: &mut dyn FnMut(&mut [u32; 2]), tunnels: &mut BTreeMap<_, _>| {
            tunnels
                .iter_mut()
                .filter(|(n, _): &(&Vec<u8>, _)| name.is_empty() || **n == name)
                .for_each(|(_, sides)| act(sides));
        };
        match kind {
            MsgType::ADDRULE => {
                let flags = RuleFlags::from_bits_retain(
                    frame.get(ExtType::RULE).map_or(0, |rule| rule.u32(8)),
                );
                let tunnel = flags.contains(RuleFlags::TUNNEL);
                let ports = [ExtType::LCLPORT, ExtType::REMPORT]
                    .iter()
                    .any(|&kind| frame.get(kind).is_some());
                let own = &mut self.tunnels.entry(name).or_default()[side];
                *own |= ACTIVE;
                *own |= if tunnel { TUNNEL } else { 0 };
                *own |= if tunnel && ports { PER_PORT } else { 0 };
            }
            MsgType::DELETERULE => {
                let last = notices.iter().rev().find_map(|notice| match notice {
                    Notice::Tunnel { rules, .. } => Some([rules.0, rules.1][side]),
                    Notice::LoadRequested => None,
                });
                if last == Some(0) {
                    each(&mut |sides| sides[side] = 0, &mut self.tunnels);
                }
            }
            MsgType::FLUSH => each(&mut |sides| sides[side] = 0, &mut self.tunnels),
            MsgType::FLIP => each(&mut |sides| sides.reverse(), &mut self.tunnels),
            MsgType::CLONE => each(&mut |sides| sides[1] = sides[0], &mut self.tunnels),
            _ => {}
        }
    }

    /// The flag word of a tunnel.
    pub(super) fn word(&self, name: &[u8]) -> u32 {
        let [active, standby] = self.sides(name);
        active | standby << 3
    }

    /// Is the side of a tunnel in tunnel mode?
    pub(super) fn in_tunnel_mode(&self, name: &[u8], side: usize) -> bool {
        self.sides(name)[side] & TUNNEL != 0
    }

    fn sides(&self, name: &[u8]) -> [u32; 2] {
        self.tunnels.get(name).copied().unwrap_or_default()
    }
}

/// A request that names one tunnel: frame, name, side.
fn tunnel_request(request: &[u8]) -> Option<(Frame<'_>, Vec<u8>, usize)> {
    let frame = Frame::parse(request).ok()?;
    let name = name(frame.get(ExtType::TUN_NAME)?.bytes);
    let side = usize::from(frame.header.spdid & 1);
    (!name.is_empty()).then_some((frame, name, side))
}

/// The name in a TUN_NAME extension of a request or a record.
pub(super) fn name(ext: &[u8]) -> Vec<u8> {
    ext[4..].iter().copied().take_while(|&byte| byte != 0).collect()
}
