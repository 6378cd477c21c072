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

    /// A tunnel that the caller may know about.
    pub(super) fn visible_tunnel(&self, link: LinkId) -> Result<&Tunnel, Errno> {
        let tunnel = self.tunnels.by_link.get(&link).ok_or(Errno::ENOENT)?;
        let zone = self.host.caller.zone;
        let assigned = self.links.link(link).is_some_and(|link| link.zone == zone);
        if tunnel.zone == zone || assigned { Ok(tunnel) } else { Err(Errno::ENOENT) }
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
        let mut after = before;
        address::apply(&mut after, params)?;
        let simple = self.simple_policy(&after, params)?;
        let addresses = params.flags.intersects(KparamFlags::LADDR | KparamFlags::RADDR);
        let bindable = if addresses { self.can_bind(&after) } else { Ok(()) };
        if let Err(errno) = bindable
            && modified
        {
            return Err(errno);
        }
        if let Some(simple) = simple {
            self.set_simple_policy(link, simple);
        }
        if addresses {
            self.unbind(link);
            if bindable.is_err() {
                let lost = |flag| params.flags.contains(flag);
                after.local = after.local.filter(|_| !lost(KparamFlags::LADDR));
                after.remote = after.remote.filter(|_| !lost(KparamFlags::RADDR));
            }
            let Tunnel { local, remote, .. } = after;
            self.with_tunnel(link, |tunnel| (tunnel.local, tunnel.remote) = (local, remote));
            bindable?;
            self.bind(link)?;
        }
        Ok(())
    }

    /// IPTUN_INFO: what is known of a tunnel.
    pub(crate) fn iptun_info(&self, link: LinkId) -> Result<Kparams, Errno> {
        let tunnel = self.visible_tunnel(link)?;
        let mut params = Kparams::new(link)
            .with_type(tunnel.kind)
            .with_local(tunnel.local)
            .with_remote(tunnel.remote);
        let policy = tunnel.policy.as_ref().and_then(|name| self.spd.head(Some(name)));
        let in_use = policy.is_some_and(|head| head.flags.active.contains(SideFlags::ACTIVE));
        let simple = tunnel.simple.filter(|_| in_use);
        for (flag, set) in [
            (KparamFlags::IMPLICIT, tunnel.implicit),
            (KparamFlags::SECURE, tunnel.secure),
            (KparamFlags::IPSECPOL, in_use),
            (KparamFlags::SECINFO, simple.is_some()),
        ] {
            params.flags.set(flag, set);
        }
        params.secinfo = simple.unwrap_or_default();
        Ok(params)
    }
}
