// SPDX-License-Identifier: MIT OR Apache-2.0

//! The simple policy that can come with the parameters of a tunnel: AH, ESP or both for
//! everything, in transport mode.
//!
//! It is checked before anything is changed, so that it is set together with what else a
//! request says, or not at all. Source: `spec/iptun_ioctl.md` sections 2, 3 and 10.

use illumos_ipsec::model::{
    ActionFlags, ActionKind, AlgChoice, AlgUse, Alternative, LinkId, Side, TunnelName, TunnelType,
};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{KparamFlags, Kparams, SimplePolicy};

use super::Tunnel;
use crate::Kernel;
use crate::kernel::Load;
use crate::spd::{Family, HeadFlags, Rule, RuleSelector, SideFlags, Way};

/// Bits of a request word.
const NEVER: u32 = 1;
const REQUIRED: u32 = 2;
const UNIQUE: u32 = 4;

/// Above everything that comes through `PF_POLICY`, as the policy of a socket.
const PRIORITY: u32 = 0x0100_0000;

/// A simple policy that can be set.
pub(super) struct Simple {
    asked: SimplePolicy,
    name: TunnelName,
    /// What the rules do; nothing takes all rules away.
    chain: Vec<Alternative>,
}

impl Kernel {
    /// The simple policy of a request, if it has one.
    pub(super) fn simple_policy(
        &mut self,
        tunnel: &Tunnel,
        params: &Kparams,
    ) -> Result<Option<Simple>, Errno> {
        if !params.flags.contains(KparamFlags::SECINFO) {
            return Ok(None);
        }
        if tunnel.kind == TunnelType::SixToFour {
            return Err(Errno::EINVAL);
        }
        match self.load {
            Load::Loaded => {}
            Load::Failed => return Err(Errno::EPROTONOSUPPORT),
            Load::Not => {
                self.request_load();
                return Err(Errno::EAGAIN);
            }
        }
        let asked = params.secinfo;
        if asked.self_encap != 0 {
            return Err(Errno::EINVAL);
        }
        let link = self.links.link(tunnel.link).ok_or(Errno::ENOENT)?;
        let name = TunnelName::new(&link.name).map_err(|_| Errno::EINVAL)?;
        let clear = (asked.ah | asked.esp) & (NEVER | REQUIRED) == 0;
        let chain = if clear { Vec::new() } else { self.chain(&asked)? };
        match &tunnel.policy {
            None if clear => {}
            None if self.spd.head(Some(&name)).is_some() => return Err(Errno::EEXIST),
            None => {}
            Some(policy) => {
                let head = self.spd.head(Some(policy));
                // It would put rules in the place of those of others.
                let sides = [Side::Active, Side::Standby];
                if head.is_some_and(|head| sides.iter().any(|side| head.table(*side).has_named())) {
                    return Err(Errno::EBUSY);
                }
                if head.is_some_and(|head| head.flags.active.contains(SideFlags::TUNNEL)) {
                    return Err(Errno::EBUSY);
                }
            }
        }
        Ok(Some(Simple { asked, name, chain }))
    }

    /// Puts four rules in the place of everything on both sides of what is attached, or takes
    /// it all away. Without anything attached there is nothing to take away, whatever policy
    /// there may be under the name of the link.
    pub(super) fn set_simple_policy(&mut self, link: LinkId, simple: Simple) {
        let Simple { asked, name, chain } = simple;
        let attached = self.tunnels.by_link.get(&link).and_then(|tunnel| tunnel.policy.clone());
        self.with_tunnel(link, |tunnel| tunnel.simple = Some(asked));
        if attached.is_none() && chain.is_empty() {
            return;
        }
        let name = attached.unwrap_or(name);
        if !chain.is_empty() {
            self.spd.create(&name);
            self.tunnels.attach(link, Some(name.clone()));
        }
        let action = self.spd.chains.intern(chain);
        if let Some(head) = self.spd.head_mut(Some(&name)) {
            head.flush(Side::Active);
            head.flush(Side::Standby);
            if !action.is_empty() {
                for family in [Family::V4, Family::V6] {
                    for way in [Way::In, Way::Out] {
                        let index = head.take_index();
                        let (selector, action) = (everything(family), action.clone());
                        let namespace = None;
                        let rule = Rule { index, priority: PRIORITY, selector, action, namespace };
                        head.table_mut(Side::Active).insert(way, rule);
                    }
                }
                head.flags = HeadFlags { active: SideFlags::ACTIVE, ..HeadFlags::default() };
            }
        }
        self.policy_of_name_changed(&name);
        self.policy_changed(link);
    }

    /// The alternatives of a simple policy: each algorithm where none is named.
    fn chain(&self, asked: &SimplePolicy) -> Result<Vec<Alternative>, Errno> {
        let mut flags = ActionFlags::empty();
        if (asked.ah | asked.esp) & NEVER != 0 {
            let pass = Alternative { kind: ActionKind::Pass, ..Alternative::empty() };
            return Ok(vec![pass]);
        }
        flags.set(ActionFlags::AH, asked.ah & REQUIRED != 0);
        flags.set(ActionFlags::ESP, asked.esp & REQUIRED != 0);
        flags.set(
            ActionFlags::ESP_AUTH,
            flags.contains(ActionFlags::ESP) && asked.esp_auth_alg != 0,
        );
        flags.set(ActionFlags::UNIQUE, (asked.ah | asked.esp) & UNIQUE != 0);
        let none = Alternative::empty();
        let ah = self.choices(flags, ActionFlags::AH, AlgUse::Ah, asked.ah_alg, none.ah)?;
        let encr =
            self.choices(flags, ActionFlags::ESP, AlgUse::EspEncr, asked.esp_alg, none.encr)?;
        let auth = self.choices(
            flags,
            ActionFlags::ESP_AUTH,
            AlgUse::EspAuth,
            asked.esp_auth_alg,
            none.esp_auth,
        )?;
        let mut chain = Vec::new();
        for ah in &ah {
            for encr in &encr {
                for esp_auth in &auth {
                    let (ah, encr, esp_auth) = (*ah, *encr, *esp_auth);
                    let kind = ActionKind::Ipsec;
                    chain.push(Alternative { kind, flags, ah, encr, esp_auth, ..none });
                }
            }
        }
        Ok(chain)
    }

    /// What can stand for an algorithm: itself, each one for 0, or nothing if it is not
    /// asked for.
    fn choices(
        &self,
        flags: ActionFlags,
        flag: ActionFlags,
        usage: AlgUse,
        id: u8,
        none: AlgChoice,
    ) -> Result<Vec<AlgChoice>, Errno> {
        if !flags.contains(flag) {
            return Ok(vec![none]);
        }
        let known = self.algs.iter(usage.proto()).map(|alg| alg.id);
        let wanted = known.filter(|known| *known != 0 && (id == 0 || id == *known));
        let mut choices = Vec::new();
        for id in wanted {
            let mut choice = AlgChoice { id, min: 0, max: 0 };
            if self.algs.fit_keys(usage, &mut choice) {
                choices.push(choice);
            }
        }
        if choices.is_empty() { Err(Errno::EINVAL) } else { Ok(choices) }
    }
}

fn everything(family: Family) -> RuleSelector {
    RuleSelector {
        family,
        proto: None,
        local_port: None,
        remote_port: None,
        local: None,
        remote: None,
        icmp: None,
    }
}
