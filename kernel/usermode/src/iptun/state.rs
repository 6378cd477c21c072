// SPDX-License-Identifier: MIT OR Apache-2.0

//! What follows from policy, binding and plumbing: which policy is attached, and the state
//! of the link.

use illumos_ipsec::model::{LinkId, LinkState, Side, TunnelName};

use super::Tunnel;
use crate::spd::SideFlags;
use crate::{Kernel, KernelKind};

impl Kernel {
    /// Is policy attached to the tunnel: a head in use, with at least one rule in force?
    /// Source: `spec/kernel-hooks.md` section 3.1.
    #[must_use]
    pub fn policy_attached(&self, tunnel: &Tunnel) -> bool {
        let head = tunnel.policy.as_ref().and_then(|name| self.spd.head(Some(name)));
        head.is_some_and(|head| {
            head.flags.active.contains(SideFlags::ACTIVE) && head.table(Side::Active).len() > 0
        })
    }

    /// Does the tunnel transmit: bound, plumbed and, if it is secure, with policy?
    #[must_use]
    pub fn running(&self, tunnel: &Tunnel) -> bool {
        tunnel.bound && tunnel.started && (!tunnel.secure || self.policy_attached(tunnel))
    }

    /// Tells the state of the link.
    pub(crate) fn update_link_state(&mut self, link: LinkId) {
        let Some(tunnel) = self.tunnels.by_link.get(&link) else { return };
        let state = if self.running(tunnel) { LinkState::Up } else { LinkState::Down };
        self.with_tunnel(link, |tunnel| tunnel.link_state = state);
    }

    /// Something has happened to the policy of a name. The tunnel of that name, if there
    /// is one, takes it. With the change also those hear of it to which it is attached
    /// under that name, after a rename.
    pub(crate) fn policy_of_name_changed(&mut self, name: &TunnelName) {
        let named = self.links.find(name.as_bytes()).map(|(link, _)| link);
        let named = named.filter(|link| self.tunnels.by_link.contains_key(link));
        if let Some(link) = named {
            self.attach_policy_of(link, name);
            self.policy_changed(link);
        }
        if self.kind == KernelKind::Modified {
            let others = self.tunnels.with_policy(name).into_iter();
            others.filter(|link| Some(*link) != named).for_each(|link| self.policy_changed(link));
        }
    }

    /// Attaches the policy head of a name, if there is one.
    pub(super) fn attach_policy_of(&mut self, link: LinkId, name: &TunnelName) {
        let policy = self.spd.head(Some(name)).map(|_| name.clone());
        self.tunnels.attach(link, policy);
    }

    /// A secure tunnel without policy looks again whether there is some under its name.
    pub(super) fn look_for_policy(&mut self, link: LinkId) {
        if self.tunnels.by_link.get(&link).is_some_and(|tunnel| tunnel.policy.is_none()) {
            self.take_own_policy(link);
        }
    }

    /// A secure tunnel takes the policy of its name, or none: the link may have got another
    /// name without the driver.
    pub(crate) fn take_own_policy(&mut self, link: LinkId) {
        if !self.tunnels.by_link.get(&link).is_some_and(|tunnel| tunnel.secure) {
            return;
        }
        let name = self.links.link(link).and_then(|link| TunnelName::new(&link.name).ok());
        if let Some(name) = name {
            self.attach_policy_of(link, &name);
            self.update_mtu(link);
        }
    }

    /// The policy of a tunnel may have changed.
    pub(super) fn policy_changed(&mut self, link: LinkId) {
        self.update_mtu(link);
        if self.tunnels.by_link.get(&link).is_some_and(|tunnel| tunnel.secure) {
            self.update_link_state(link);
        }
    }
}
