// SPDX-License-Identifier: MIT OR Apache-2.0

//! The end of a tunnel, and its new name.

use illumos_ipsec::model::{LinkId, TunnelName};
use illumos_ipsec::wire::errno::Errno;

use crate::{Kernel, KernelKind};

impl Kernel {
    /// IPTUN_DELETE. The policy of the tunnel goes with it.
    pub(crate) fn iptun_delete(&mut self, link: LinkId) -> Result<(), Errno> {
        let tunnel = self.own_tunnel(link)?;
        if tunnel.started {
            return Err(Errno::EBUSY);
        }
        self.discard_tunnel(link);
        Ok(())
    }

    /// Removes a tunnel and its policy. After a rename two tunnels can have the same policy:
    /// it goes with the last one. Without the change it goes with the first.
    pub(crate) fn discard_tunnel(&mut self, link: LinkId) {
        let Some(policy) = self.tunnels.remove(link).and_then(|tunnel| tunnel.policy) else {
            return;
        };
        let others = self.tunnels.with_policy(&policy);
        if self.kind == KernelKind::Modified && !others.is_empty() {
            return;
        }
        self.spd.destroy(&policy);
        for other in others {
            self.tunnels.attach(other, None);
            self.policy_changed(other);
        }
    }

    /// DLDIOC_RENAME of a tunnel link; the registry has the new name afterwards.
    ///
    /// A tunnel keeps the policy that is attached to it, under its old name, until
    /// something is done to the policy of the new name; so it is in illumos. A secure
    /// tunnel with policy in force is not renamed, and one without gets the policy of the
    /// new name.
    pub(crate) fn iptun_rename(&mut self, link: LinkId, name: &TunnelName) -> Result<(), Errno> {
        let Some(tunnel) = self.tunnels.by_link.get(&link) else {
            return self.links.link(link).map(|_| ()).ok_or(Errno::ENOENT);
        };
        if tunnel.started {
            return Err(Errno::EBUSY);
        }
        if !tunnel.secure {
            return Ok(());
        }
        if self.policy_attached(tunnel) {
            return Err(Errno::EBUSY);
        }
        self.attach_policy_of(link, name);
        self.policy_changed(link);
        Ok(())
    }
}
