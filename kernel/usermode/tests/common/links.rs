// SPDX-License-Identifier: MIT OR Apache-2.0

//! A kernel with tunnels, reached through the bytes of its interfaces.

use std::net::IpAddr;

use illumos_ipsec::model::{LinkClass, LinkId, LinkState, LinkStatistics, TunnelType};
use illumos_ipsec::wire::dld::{self, MacProp};
use illumos_ipsec::wire::dlmgmt::{LinkFlags, Reply, ReplyError, Request};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{self, Kparams};
use illumos_ipsec::wire::lab::{Answer, Call};
use illumos_ipsec::wire::policy::{Message, MsgType};
use ipsec_usermode::host::{Caller, Privileges};
use ipsec_usermode::iptun::Tunnel;
use ipsec_usermode::{Config, ConnId, IpsecState, Kernel, KernelKind};

use super::{
    ACTIVE, BOTH, ESP, TUNNEL, add, addr, done, dump, in_tunnel, indexes, message, status,
};

/// Two addresses of the host, and ends that it does not have.
pub(crate) const HERE: &str = "192.0.2.10";
pub(crate) const ALSO_HERE: &str = "192.0.2.11";
pub(crate) const DOWN: &str = "192.0.2.12";
pub(crate) const HERE6: &str = "2001:db8::10";
pub(crate) const THERE: &str = "198.51.100.20";
pub(crate) const ELSEWHERE: &str = "198.51.100.21";
pub(crate) const THERE6: &str = "2001:db8:1::20";

/// A host, seen as programs see it.
pub(crate) struct Host {
    pub(crate) kernel: Kernel,
    dld: ConnId,
    policy: ConnId,
}

impl Host {
    pub(crate) fn new(kind: KernelKind) -> Self {
        Self::with(Config::new(kind, IpsecState::Loaded))
    }

    pub(crate) fn with(config: Config) -> Self {
        let mut kernel = Kernel::new(config);
        for (address, up) in [(HERE, true), (ALSO_HERE, true), (DOWN, false), (HERE6, true)] {
            kernel.set_address(addr(address), up);
        }
        let (dld, policy) = (kernel.open_dld(), kernel.open_policy());
        Self { kernel, dld, policy }
    }

    pub(crate) fn call(&mut self, call: &Call) -> Answer {
        self.kernel.request(self.dld, &call.encode());
        let answer = self.kernel.next_reply(self.dld).expect("an answer");
        assert_eq!(self.kernel.next_reply(self.dld), None);
        Answer::decode(&answer).expect("a well-formed answer")
    }

    pub(crate) fn ioctl(&mut self, command: u32, argument: &[u8]) -> Answer {
        self.call(&Call::Ioctl { command, argument: argument.to_vec() })
    }

    pub(crate) fn door(&mut self, request: &Request) -> Result<Reply, Errno> {
        let Answer { errno, bytes } = self.call(&Call::Door(request.encode()));
        assert_eq!(errno, Errno::OK);
        Reply::decode(request, &bytes).map_err(|error| match error {
            ReplyError::Errno(errno) => errno,
            error => panic!("{request:?}: {error}"),
        })
    }

    /// A request that only succeeds or fails.
    pub(crate) fn ask(&mut self, request: &Request) -> Errno {
        self.door(request).err().unwrap_or(Errno::OK)
    }

    pub(crate) fn caller(&mut self, zone: u32, privileges: Privileges) {
        self.kernel.set_caller(Caller { zone, privileges });
    }

    /// A new link for a tunnel.
    pub(crate) fn link(&mut self, name: &str) -> LinkId {
        self.link_with(name, LinkClass::IPTUN, LinkFlags::ACTIVE).expect("a new link")
    }

    pub(crate) fn link_with(
        &mut self,
        name: &str,
        class: LinkClass,
        flags: LinkFlags,
    ) -> Result<LinkId, Errno> {
        let name = name.as_bytes().to_vec();
        let media = TunnelType::Ipv4.media();
        match self.door(&Request::CreateLinkId { name, class, media, prefix: false, flags })? {
            Reply::Link(info) => Ok(info.link),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn create(&mut self, params: &Kparams) -> Errno {
        self.ioctl(iptun::CREATE, &params.encode()).errno
    }

    pub(crate) fn create_secure(&mut self, params: &Kparams) -> Errno {
        self.ioctl(iptun::CREATE_SECURE, &params.encode()).errno
    }

    pub(crate) fn modify(&mut self, params: &Kparams) -> Errno {
        self.ioctl(iptun::MODIFY, &params.encode()).errno
    }

    pub(crate) fn delete(&mut self, link: LinkId) -> Errno {
        self.ioctl(iptun::DELETE, &link.0.to_le_bytes()).errno
    }

    pub(crate) fn info(&mut self, link: LinkId) -> Result<Kparams, Errno> {
        let answer = self.ioctl(iptun::INFO, &Kparams::new(link).encode());
        let params = Kparams::decode(&answer.bytes).expect("parameters come back");
        if answer.errno == Errno::OK { Ok(params) } else { Err(answer.errno) }
    }

    pub(crate) fn rename(&mut self, link: LinkId, name: &str) -> Errno {
        let name = name.as_bytes().to_vec();
        let rename = dld::Rename { link, other: LinkId::NONE, name: name.clone() };
        match self.ioctl(dld::RENAME, &rename.encode()).errno {
            Errno::OK => self.ask(&Request::RemapLinkId { link, name }),
            errno => errno,
        }
    }

    /// A link with a tunnel that has both ends.
    pub(crate) fn tunnel(&mut self, name: &str, secure: bool) -> LinkId {
        let link = self.link(name);
        let params = ends(link, HERE, THERE);
        let errno = if secure {
            let flags = params.flags | iptun::KparamFlags::SECURE;
            self.create_secure(&Kparams { flags, ..params })
        } else {
            self.create(&params)
        };
        assert_eq!(errno, Errno::OK);
        link
    }

    /// What the link statistics say.
    pub(crate) fn state(&mut self, name: &str) -> LinkState {
        let answer = self.call(&Call::Statistics { link: name.as_bytes().to_vec() });
        assert_eq!(answer.errno, Errno::OK);
        LinkStatistics::decode(&answer.bytes).expect("statistics").state
    }

    pub(crate) fn mtu(&mut self, link: LinkId) -> u32 {
        let answer = self.ioctl(dld::ATTR, &dld::Attr { link, max_sdu: 0 }.encode());
        assert_eq!(answer.errno, Errno::OK);
        dld::Attr::decode(&answer.bytes).expect("attributes").max_sdu
    }

    /// Asks for a property with room for a value.
    pub(crate) fn property(&mut self, link: LinkId, number: u32, flags: u32) -> Answer {
        let value = vec![0; 16];
        let property = MacProp { link, number, flags, value, ..MacProp::default() };
        self.ioctl(dld::GETMACPROP, &property.encode())
    }

    pub(crate) fn set_property(&mut self, link: LinkId, number: u32, value: &[u8]) -> Errno {
        let property = MacProp { link, number, value: value.to_vec(), ..MacProp::default() };
        self.ioctl(dld::SETMACPROP, &property.encode()).errno
    }

    /// The tunnel as the kernel has it.
    pub(crate) fn inside(&self, name: &str) -> &Tunnel {
        self.kernel.tunnel(name.as_bytes()).expect("a tunnel")
    }

    /// A request about policy that has to succeed.
    pub(crate) fn policy(&mut self, request: &Message) -> Message {
        done(&mut self.kernel, self.policy, request)
    }

    /// The errno of a request about policy.
    pub(crate) fn try_policy(&mut self, request: &Message) -> Errno {
        status(&mut self.kernel, self.policy, request).0
    }

    /// Numbers of the rules of a tunnel that are in force.
    pub(crate) fn rules(&mut self, tunnel: &str) -> Vec<u64> {
        let request = in_tunnel(message(MsgType::DUMP, ACTIVE), tunnel);
        indexes(&dump(&mut self.kernel, self.policy, &request))
    }

    /// A rule that protects everything of a tunnel.
    pub(crate) fn protect(&mut self, tunnel: &str) {
        self.policy(&in_tunnel(add(ACTIVE, BOTH | TUNNEL, 5, ESP), tunnel));
    }

    pub(crate) fn flush(&mut self, tunnel: &str) {
        self.policy(&in_tunnel(message(MsgType::FLUSH, ACTIVE), tunnel));
    }
}

/// Parameters of a tunnel in IPv4.
pub(crate) fn ends(link: LinkId, local: &str, remote: &str) -> Kparams {
    let kind = TunnelType::Ipv4;
    Kparams::new(link).with_type(kind).with_local(ip(local)).with_remote(ip(remote))
}

pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    Some(addr(text))
}
