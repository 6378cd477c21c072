// SPDX-License-Identifier: MIT OR Apache-2.0

//! The clients that the commands use, on this back end, with the user-mode kernel below.

use std::net::{IpAddr, Ipv4Addr};

use ipsec_usermode::KernelKind;

use super::super::{links, socket};
use super::kernel::Machine;
use crate::model::{LinkClass, Namespace, SaType, Side, TunnelName, TunnelType};
use crate::policy::Names;
use crate::sys::key::KeyClient;
use crate::sys::links::{LinkClient, LinkStatus};
use crate::sys::policy::{PolicyClient, Scope};
use crate::tunnels::{Tunnel, TunnelError, Tunnels};
use crate::wire::dlmgmt::{AttrValue, LinkFlags};
use crate::wire::key::{Ext, Message, MsgType};
use crate::wire::policy;

const BOTH: [KernelKind; 2] = [KernelKind::Modified, KernelKind::Unmodified];

/// A host without name services.
struct Nobody;

impl Names for Nobody {
    fn host(&self, _: &[u8]) -> Vec<IpAddr> {
        Vec::new()
    }

    fn host_by_addr(&self, _: IpAddr) -> Option<String> {
        None
    }

    fn network(&self, _: &[u8]) -> Option<Ipv4Addr> {
        None
    }

    fn service(&self, _: &[u8]) -> Option<u16> {
        None
    }

    fn protocol(&self, _: &[u8]) -> Option<u8> {
        None
    }

    fn protocol_by_number(&self, _: u8) -> Option<String> {
        None
    }

    fn hostname(&self) -> String {
        String::new()
    }

    fn similar(&self, _: &[u8]) -> Vec<String> {
        Vec::new()
    }
}

fn drop_rule(tunnel: &TunnelName) -> policy::Message {
    let flags = policy::RuleFlags::INBOUND | policy::RuleFlags::OUTBOUND;
    let rule = policy::RuleExt { priority: 7, flags, unused: 0, index: 0 };
    let attr = policy::Attr::new;
    let attrs = vec![
        attr(policy::AttrTag::EMPTY, 0),
        attr(policy::AttrTag::TYPE, 1),
        attr(policy::AttrTag::END, 0),
    ];
    policy::Message::request(policy::MsgType::ADDRULE, policy::SPD_ACTIVE)
        .with(policy::Ext::Rule(rule))
        .with(policy::Ext::TunName(policy::TunNameExt::for_rule(tunnel)))
        .with(policy::Ext::Action { count: 1, reserved: 0, attrs })
}

#[test]
fn policy_is_added_listed_exchanged_and_flushed() {
    for kind in BOTH {
        let machine = Machine::new(kind);
        let socket = socket::open(machine.clone(), &socket::POLICY).unwrap();
        let mut client = PolicyClient::new(socket);
        assert!(!client.algorithms().unwrap().is_empty());
        let tunnel = TunnelName::new("tun0").unwrap();
        client.request(&drop_rule(&tunnel)).unwrap();
        let rules = |client: &mut PolicyClient, side| {
            client.rules(side, &Scope::Tunnel(tunnel.clone())).unwrap().len()
        };
        // Both directions, and both families.
        assert_eq!((rules(&mut client, Side::Active), rules(&mut client, Side::Standby)), (4, 0));
        client.flip_all().unwrap();
        assert_eq!((rules(&mut client, Side::Active), rules(&mut client, Side::Standby)), (0, 4));
        client.flush(Side::Standby, &Scope::All).unwrap();
        assert_eq!(rules(&mut client, Side::Standby), 0);
        assert_eq!(client.knows_namespaces().unwrap(), kind == KernelKind::Modified);
        drop(client);
        assert_eq!(machine.left(), (0, 0));
    }
}

#[test]
fn keys_are_asked_for_listed_and_flushed() {
    for kind in BOTH {
        let machine = Machine::new(kind);
        let mut client = KeyClient::new(socket::open(machine.clone(), &socket::KEY).unwrap());
        // Another socket hears answers that are not its own.
        let mut other = KeyClient::new(socket::open(machine.clone(), &socket::KEY).unwrap());
        client.flush(SaType::ESP).unwrap();
        assert_eq!(other.dump(SaType::ESP).unwrap().count(), 0);
        assert_eq!(client.knows_namespaces().unwrap(), kind == KernelKind::Modified);
        let range = Ext::SpiRange { min: 300, max: 300, reserved: 0 };
        let request = Message::request(MsgType::GETSPI, SaType::ESP).with(range);
        // No addresses: a refusal is an answer as well.
        let refusal = client.request(request).unwrap_err();
        assert!(refusal.to_string().starts_with("GETSPI"), "{refusal}");
        if kind == KernelKind::Modified {
            let mut mine = client.in_namespace(Namespace::new("vpn").unwrap());
            mine.flush(SaType::UNSPEC).unwrap();
        }
        drop(other);
    }
}

fn tunnel(secure: bool) -> Tunnel {
    Tunnel {
        name: b"tun0".to_vec(),
        kind: Some(TunnelType::Ipv4),
        local: Some(b"192.0.2.10".to_vec()),
        remote: Some(b"198.51.100.20".to_vec()),
        secure,
    }
}

#[test]
fn a_tunnel_is_made_asked_about_and_deleted() {
    for kind in BOTH {
        let machine = Machine::new(kind);
        let mut client = LinkClient::new(links::open(machine.clone()).unwrap());
        let link = Tunnels::new(&mut client, &Nobody).create(&tunnel(false), false).unwrap();
        assert_eq!(client.name(link).unwrap().name, b"tun0");
        let params = client.tunnel_info(link).unwrap();
        assert_eq!(params.link, link);
        assert_eq!(client.list(LinkClass::IPTUN, LinkFlags::ACTIVE).unwrap().len(), 1);
        assert!(client.mtu(link).unwrap() > 1000);
        // An answer that has no room where others have.
        let long = AttrValue::Str(vec![b'x'; 300]);
        client.restore(link, &[("a", Some(long.clone())), ("b", Some(long))]).unwrap();
        let stored = client.stored(link).unwrap();
        assert_eq!(stored.iter().filter(|(_, value)| value.len() >= 300).count(), 2);
        client.tunnel_delete(link).unwrap();
        client.destroy_link(link, LinkFlags::ACTIVE).unwrap();
        drop(client);
        assert_eq!(machine.left(), (0, 0));
    }
}

#[test]
fn an_old_kernel_makes_no_secure_tunnel_and_nothing_is_left_of_it() {
    let machine = Machine::new(KernelKind::Unmodified);
    let mut client = LinkClient::new(links::open(machine).unwrap());
    let refused = Tunnels::new(&mut client, &Nobody).create(&tunnel(true), false).unwrap_err();
    assert!(matches!(refused, TunnelError::NotGuaranteed), "{refused}");
    assert_eq!(client.find(b"tun0"), Err(LinkStatus::NotFound));

    let machine = Machine::new(KernelKind::Modified);
    let mut client = LinkClient::new(links::open(machine).unwrap());
    assert!(Tunnels::new(&mut client, &Nobody).create(&tunnel(true), false).is_ok());
}
