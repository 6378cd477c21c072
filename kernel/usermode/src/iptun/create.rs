// SPDX-License-Identifier: MIT OR Apache-2.0

//! A new tunnel.

use illumos_ipsec::model::{LinkClass, TunnelName, TunnelType};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{KparamFlags, Kparams};

use super::{Tunnel, address};
use crate::{Kernel, KernelKind};

/// What a request to create may say.
const KNOWN: KparamFlags = KparamFlags::TYPE
    .union(KparamFlags::LADDR)
    .union(KparamFlags::RADDR)
    .union(KparamFlags::SECINFO)
    .union(KparamFlags::IMPLICIT)
    .union(KparamFlags::IPSECPOL)
    .union(KparamFlags::SECURE);

impl Kernel {
    /// IPTUN_CREATE_SECURE: as IPTUN_CREATE, but nothing unknown is ignored.
    pub(crate) fn iptun_create_secure(&mut self, params: &Kparams) -> Result<(), Errno> {
        if !KNOWN.contains(params.flags) {
            return Err(Errno::EINVAL);
        }
        self.iptun_create(params)
    }

    /// IPTUN_CREATE. The order of the checks is that of the driver; the requirement of
    /// IPsec is part of the tunnel before it can be bound.
    pub(crate) fn iptun_create(&mut self, params: &Kparams) -> Result<(), Errno> {
        let link = params.link;
        if !params.flags.contains(KparamFlags::TYPE) {
            return Err(Errno::EINVAL);
        }
        let caller = self.host.caller;
        let known = self.links.link(link).cloned();
        let assigned = known.as_ref().is_some_and(|known| known.zone == caller.zone);
        if caller.zone != 0 && !assigned {
            return Err(Errno::EINVAL);
        }
        if self.tunnels.by_link.contains_key(&link) {
            return Err(Errno::EEXIST);
        }
        let kind = TunnelType::from_number(params.kind).ok_or(Errno::EINVAL)?;
        let mut tunnel = Tunnel::new(link, kind);
        tunnel.zone = caller.zone;
        tunnel.implicit = params.flags.contains(KparamFlags::IMPLICIT);
        tunnel.secure =
            self.kind == KernelKind::Modified && params.flags.contains(KparamFlags::SECURE);
        if tunnel.secure && (kind == TunnelType::SixToFour || tunnel.implicit) {
            return Err(Errno::EINVAL);
        }
        address::apply(&mut tunnel, params)?;
        let simple = self.simple_policy(&tunnel, params)?;
        let known = known.ok_or(Errno::ENOENT)?;
        self.can_bind(&tunnel)?;
        if known.class != LinkClass::IPTUN {
            // The link is there already, with another driver.
            return Err(Errno::EEXIST);
        }
        let name = TunnelName::new(&known.name).map_err(|_| Errno::EINVAL)?;

        // From here on nothing fails, so nothing has to be undone.
        let secure = tunnel.secure;
        self.tunnels.insert(tunnel);
        // Before policy of its name is attached: what is there already is not the tunnel's to
        // take away.
        if let Some(simple) = simple {
            self.set_simple_policy(link, simple);
        }
        self.attach_policy_of(link, &name);
        self.bind(link)?;
        self.apply_stored_properties(link, &known.attrs);
        if secure {
            // Nobody has told anything yet; this link is down until it is known to be up.
            self.update_link_state(link);
        }
        Ok(())
    }
}
