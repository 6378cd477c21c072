// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls on the `dld` socket: ioctls, the door, statistics.
//!
//! Source: `spec/iptun_ioctl.md` sections 1, 4 and 5.

use illumos_ipsec::model::{LinkClass, LinkId, LinkStatistics, TunnelName};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::Kparams;
use illumos_ipsec::wire::lab::{Answer, Call};
use illumos_ipsec::wire::{dld, iptun};

use crate::links::Link;
use crate::{Kernel, KernelKind};

impl Kernel {
    /// Answers one packet.
    pub(crate) fn dld_call(&mut self, packet: &[u8]) -> Vec<u8> {
        let (errno, bytes) = match Call::decode(packet) {
            None => (Errno::EINVAL, Vec::new()),
            Some(Call::Ioctl { command, argument }) => self.ioctl(command, argument),
            Some(Call::Door(request)) => {
                let caller = self.host.caller;
                (Errno::OK, self.links.call(caller, &request))
            }
            Some(Call::Statistics { link }) => match self.statistics(&link) {
                Some(statistics) => (Errno::OK, statistics.encode()),
                None => (Errno::ENOENT, Vec::new()),
            },
            Some(Call::Zone) => (Errno::OK, self.host.caller.zone.to_le_bytes().to_vec()),
            Some(Call::Topology { link }) => {
                (Errno::OK, self.host.topology.get(&link).cloned().unwrap_or_default().encode())
            }
        };
        Answer { errno, bytes }.encode()
    }

    /// One ioctl: the errno, and the argument if it is copied out.
    fn ioctl(&mut self, command: u32, mut argument: Vec<u8>) -> (Errno, Vec<u8>) {
        let Some(row) = COMMANDS.iter().find(|row| row.command == command) else {
            return (Errno::ENOTSUP, Vec::new());
        };
        if row.since_change && self.kind() == KernelKind::Unmodified {
            return (Errno::ENOTSUP, Vec::new());
        }
        if row.privileged && !self.host.caller.privileges.tunnels() {
            return (Errno::EPERM, Vec::new());
        }
        if argument.len() < row.size {
            return (Errno::EFAULT, Vec::new());
        }
        let outcome = (row.run)(self, &mut argument);
        let errno = outcome.err().unwrap_or(Errno::OK);
        (errno, if row.output { argument } else { Vec::new() })
    }

    /// The privilege for tunnels is none for other links.
    fn may_configure(&self, link: LinkId) -> Result<(), Errno> {
        let other = |link: &Link| link.class != LinkClass::IPTUN;
        let refused =
            self.links.link(link).is_some_and(other) && !self.host.caller.privileges.links();
        if refused { Err(Errno::EPERM) } else { Ok(()) }
    }

    fn statistics(&self, name: &[u8]) -> Option<LinkStatistics> {
        if let Some(known) = self.host.statistics.get(name) {
            return *known;
        }
        let (link, _) = self.links.find(name)?;
        let tunnel = self.tunnels.by_link.get(&link)?;
        Some(LinkStatistics { state: tunnel.link_state, counters: tunnel.counters })
    }
}

/// An ioctl.
struct Row {
    command: u32,
    /// Bytes of the argument at least.
    size: usize,
    /// Is the argument copied out?
    output: bool,
    privileged: bool,
    /// The kernel without the change does not have it.
    since_change: bool,
    run: fn(&mut Kernel, &mut Vec<u8>) -> Result<(), Errno>,
}

const COMMANDS: &[Row] = &[
    Row {
        command: iptun::CREATE,
        size: Kparams::SIZE,
        output: false,
        privileged: true,
        since_change: false,
        run: |kernel, argument| kernel.iptun_create(&kparams(argument)?),
    },
    Row {
        command: iptun::CREATE_SECURE,
        size: Kparams::SIZE,
        output: false,
        privileged: true,
        since_change: true,
        run: |kernel, argument| kernel.iptun_create_secure(&kparams(argument)?),
    },
    Row {
        command: iptun::DELETE,
        size: 4,
        output: false,
        privileged: true,
        since_change: false,
        run: |kernel, argument| kernel.iptun_delete(LinkId(u32::from_le_bytes(word(argument)?))),
    },
    Row {
        command: iptun::MODIFY,
        size: Kparams::SIZE,
        output: false,
        privileged: true,
        since_change: false,
        run: |kernel, argument| kernel.iptun_modify(&kparams(argument)?),
    },
    Row {
        command: iptun::INFO,
        size: Kparams::SIZE,
        output: true,
        privileged: false,
        since_change: false,
        run: |kernel, argument| {
            *argument = kernel.iptun_info(kparams(argument)?.link)?.encode();
            Ok(())
        },
    },
    Row {
        command: iptun::SET_6TO4RELAY,
        size: 4,
        output: false,
        privileged: true,
        since_change: false,
        run: |kernel, argument| kernel.set_relay(word(argument)?.into()),
    },
    Row {
        command: iptun::GET_6TO4RELAY,
        size: 4,
        output: true,
        privileged: false,
        since_change: false,
        run: |kernel, argument| {
            *argument = kernel.tunnels.relay.octets().to_vec();
            Ok(())
        },
    },
    Row {
        command: dld::ATTR,
        size: dld::Attr::SIZE,
        output: true,
        privileged: false,
        since_change: false,
        run: |kernel, argument| {
            let link = dld::Attr::decode(argument).ok_or(Errno::EFAULT)?.link;
            *argument = dld::Attr { link, max_sdu: kernel.link_mtu(link)? }.encode();
            Ok(())
        },
    },
    Row {
        command: dld::RENAME,
        size: dld::Rename::SIZE,
        output: false,
        privileged: true,
        since_change: false,
        run: |kernel, argument| {
            let rename = dld::Rename::decode(argument).ok_or(Errno::EFAULT)?;
            kernel.may_configure(rename.link)?;
            let name = TunnelName::new(&rename.name).map_err(|_| Errno::EINVAL)?;
            kernel.iptun_rename(rename.link, &name)
        },
    },
    Row {
        command: dld::SETMACPROP,
        size: dld::MacProp::HEADER,
        output: false,
        privileged: true,
        since_change: false,
        run: |kernel, argument| {
            let property = dld::MacProp::decode(argument).ok_or(Errno::EFAULT)?;
            kernel.may_configure(property.link)?;
            kernel.set_property(&property)
        },
    },
    Row {
        command: dld::GETMACPROP,
        size: dld::MacProp::HEADER,
        output: true,
        privileged: false,
        since_change: false,
        run: |kernel, argument| {
            let mut property = dld::MacProp::decode(argument).ok_or(Errno::EFAULT)?;
            kernel.get_property(&mut property)?;
            *argument = property.encode();
            Ok(())
        },
    },
];

fn kparams(argument: &[u8]) -> Result<Kparams, Errno> {
    Kparams::decode(argument).ok_or(Errno::EFAULT)
}

fn word(argument: &[u8]) -> Result<[u8; 4], Errno> {
    argument.get(..4).and_then(|word| word.try_into().ok()).ok_or(Errno::EFAULT)
}
