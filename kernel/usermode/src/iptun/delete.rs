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

    /// Removes a tunnel and its policy.
    pub(crate) fn discard_tunnel(&mut self, link: LinkId) {
        self.unbind(link);
        if let Some(tunnel) = self.tunnels.by_link.remove(&link)
            && let Some(policy) = tunnel.policy
        {
            self.spd.destroy(&policy);
        }
    }

    /// DLDIOC_RENAME of a tunnel link; the registry has the new name afterwards.
    ///
    /// Policy does not follow a rename. So a secure tunnel with policy in force is not
    /// renamed; a tunnel without gets whatever policy the new name has.
    pub(crate) fn iptun_rename(&mut self, link: LinkId, name: &TunnelName) -> Result<(), Errno> {
        let Some(tunnel) = self.tunnels.by_link.get(&link) else { return Ok(()) };
        if tunnel.started {
            return Err(Errno::EBUSY);
        }
        if self.kind == KernelKind::Unmodified {
            return Ok(());
        }
        if tunnel.secure && self.policy_attached(tunnel) {
            return Err(Errno::EBUSY);
        }
        let policy = self.spd.head(Some(name)).map(|_| name.clone());
        self.with_tunnel(link, |tunnel| tunnel.policy = policy);
        self.policy_changed(link);
        Ok(())
    }
}
