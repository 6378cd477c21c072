// SPDX-License-Identifier: MIT OR Apache-2.0

//! Other addresses for a tunnel, and what is known of one.

use illumos_ipsec::model::LinkId;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{KparamFlags, Kparams};

use super::{Tunnel, address};
use crate::spd::SideFlags;
use crate::{Kernel, KernelKind};

impl Kernel {
    /// A tunnel that the caller may change.
    pub(super) fn own_tunnel(&self, link: LinkId) -> Result<&Tunnel, Errno> {
        let tunnel = self.tunnels.by_link.get(&link).ok_or(Errno::ENOENT)?;
        if tunnel.zone == self.host.caller.zone { Ok(tunnel) } else { Err(Errno::EACCES) }
    }

    /// IPTUN_MODIFY.
    ///
    /// When the tunnel cannot be bound to its new addresses, it keeps the old ones. The
    /// driver without the change loses them: the tunnel stays unbound and without the
    /// addresses that were to be set.
    pub(crate) fn iptun_modify(&mut self, params: &Kparams) -> Result<(), Errno> {
        let link = params.link;
        let before = self.own_tunnel(link)?.clone();
        if params.flags.contains(KparamFlags::TYPE) {
            return Err(Errno::EINVAL);
        }
        let modified = self.kind == KernelKind::Modified;
        // The requirement of IPsec is for life. Saying it again changes nothing.
        if modified && params.flags.contains(KparamFlags::SECURE) && !before.secure {
            return Err(Errno::EINVAL);
        }
        let mut after = before.clone();
        address::apply(&mut after, params)?;
        if params.flags.contains(KparamFlags::SECINFO) {
            return Err(self.no_simple_policy(before.kind));
        }
        let addresses = KparamFlags::LADDR | KparamFlags::RADDR;
        if !params.flags.intersects(addresses) {
            return Ok(());
        }
        if let Err(errno) = self.can_bind(&after) {
            if !modified {
                if params.flags.contains(KparamFlags::LADDR) {
                    after.local = None;
                }
                if params.flags.contains(KparamFlags::RADDR) {
                    after.remote = None;
                }
                self.unbind(link);
                after.bound = false;
                self.tunnels.by_link.insert(link, after);
                self.update_link_state(link);
            }
            return Err(errno);
        }
        self.unbind(link);
        after.bound = false;
        self.tunnels.by_link.insert(link, after);
        self.bind(link)?;
        self.update_link_state_if_known(link);
        Ok(())
    }

    /// IPTUN_INFO: what is known of a tunnel.
    pub(crate) fn iptun_info(&self, link: LinkId) -> Result<Kparams, Errno> {
        let tunnel = self.tunnels.by_link.get(&link).ok_or(Errno::ENOENT)?;
        let zone = self.host.caller.zone;
        let assigned = self.links.link(link).is_some_and(|link| link.zone == zone);
        if tunnel.zone != zone && !assigned {
            return Err(Errno::ENOENT);
        }
        let mut params = Kparams::new(link)
            .with_type(tunnel.kind)
            .with_local(tunnel.local)
            .with_remote(tunnel.remote);
        let policy = tunnel.policy.as_ref().and_then(|name| self.spd.head(Some(name)));
        for (flag, set) in [
            (KparamFlags::IMPLICIT, tunnel.implicit),
            (KparamFlags::SECURE, tunnel.secure),
            (
                KparamFlags::IPSECPOL,
                policy.is_some_and(|head| head.flags.active.contains(SideFlags::ACTIVE)),
            ),
        ] {
            params.flags.set(flag, set);
        }
        Ok(params)
    }
}
