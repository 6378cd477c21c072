// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the tunnel driver refuses, with which error, and in which order
//! (`spec/iptun_ioctl.md` sections 1 and 3).

mod common;

use common::links::*;
use common::*;
use illumos_ipsec::model::{LinkClass, LinkId, TunnelType};
use illumos_ipsec::wire::dlmgmt::{LinkFlags, Request};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{self, KparamFlags, Kparams, SimplePolicy, SockAddr};
use illumos_ipsec::wire::{dld, lab};
use ipsec_usermode::host::Privileges;
use ipsec_usermode::{Config, Event, IpsecState, KernelKind};

const KINDS: [KernelKind; 2] = [KernelKind::Modified, KernelKind::Unmodified];

/// ESP for everything.
const SIMPLE: SimplePolicy =
    SimplePolicy { ah: 0, esp: 2, self_encap: 0, ah_alg: 0, esp_alg: 12, esp_auth_alg: 5 };

fn with(params: Kparams, flags: KparamFlags) -> Kparams {
    Kparams { flags: params.flags | flags, ..params }
}

fn without(params: Kparams, flags: KparamFlags) -> Kparams {
    Kparams { flags: params.flags - flags, ..params }
}

fn simple(params: Kparams, secinfo: SimplePolicy) -> Kparams {
    with(Kparams { secinfo, ..params }, KparamFlags::SECINFO)
}

#[test]
fn commands_are_checked_before_privilege_and_privilege_before_the_argument() {
    for kind in KINDS {
        let mut host = Host::new(kind);
        host.caller(0, Privileges::empty());
        for unknown in [0, 1, 0x454A_0005, 0x454A_0008, 0x454A_FFFF, 0x0D1D_0001, 0x1234_0001] {
            assert_eq!(host.ioctl(unknown, &[]).errno, Errno::ENOTSUP, "{unknown:#x}");
        }
        let changing = [
            iptun::CREATE,
            iptun::DELETE,
            iptun::MODIFY,
            iptun::SET_6TO4RELAY,
            dld::RENAME,
            dld::SETMACPROP,
        ];
        for command in changing {
            assert_eq!(host.ioctl(command, &[]).errno, Errno::EPERM, "{command:#x}");
        }
        for asking in [iptun::INFO, iptun::GET_6TO4RELAY, dld::ATTR, dld::GETMACPROP] {
            assert_eq!(host.ioctl(asking, &[]).errno, Errno::EFAULT, "{asking:#x}");
        }
        host.caller(0, Privileges::SYS_IPTUN_CONFIG);
        for command in changing {
            assert_eq!(host.ioctl(command, &[0; 3]).errno, Errno::EFAULT, "{command:#x}");
        }
        let expected = match kind {
            KernelKind::Modified => Errno::EFAULT,
            KernelKind::Unmodified => Errno::ENOTSUP,
        };
        assert_eq!(host.ioctl(iptun::CREATE_SECURE, &[]).errno, expected);
    }
}

#[test]
fn each_of_the_three_privileges_is_enough_for_tunnels_and_one_is_not_for_other_links() {
    let mut host = Host::new(KernelKind::Modified);
    let ether = host.link_with("net0", LinkClass::PHYS, LinkFlags::ACTIVE).unwrap();
    let link = host.link("t0");
    let params = ends(link, HERE, THERE);
    for privileges in
        [Privileges::SYS_IPTUN_CONFIG, Privileges::SYS_DL_CONFIG, Privileges::SYS_NET_CONFIG]
    {
        host.caller(0, privileges);
        assert_eq!(host.create(&params), Errno::OK);
        assert_eq!(host.delete(link), Errno::OK);
    }
    host.caller(0, Privileges::SYS_IPTUN_CONFIG);
    let rename = dld::Rename { link: ether, other: LinkId::NONE, name: b"net1".to_vec() };
    assert_eq!(host.ioctl(dld::RENAME, &rename.encode()).errno, Errno::EPERM);
    assert_eq!(host.set_property(ether, dld::PROP_MTU, &[0; 4]), Errno::EPERM);
    host.caller(0, Privileges::SYS_DL_CONFIG);
    assert_eq!(host.ioctl(dld::RENAME, &rename.encode()).errno, Errno::OK);
    let unknown = dld::Rename { link: LinkId(99), ..rename };
    assert_eq!(host.ioctl(dld::RENAME, &unknown.encode()).errno, Errno::ENOENT);
}

/// Every request breaks its own row of the table and all that can be broken with it in the
/// rows below.
#[test]
fn create_refuses_in_the_order_of_the_driver() {
    for kind in KINDS {
        let mut host = Host::new(kind);
        let taken = host.tunnel("t0", false);
        let link = host.link("t1");
        let elsewhere = addr(ELSEWHERE);
        let bad_type = Kparams { kind: 4, ..ends(link, "0.0.0.0", THERE) };
        // 1
        let none = without(Kparams { link: taken, ..bad_type }, KparamFlags::TYPE);
        assert_eq!(host.create(&none), Errno::EINVAL);
        // 3
        assert_eq!(host.create(&Kparams { link: taken, ..bad_type }), Errno::EEXIST);
        // 5
        for number in [0, 4, u32::MAX] {
            let params = Kparams { kind: number, ..bad_type };
            assert_eq!(host.create(&params), Errno::EINVAL);
        }
        // 6, then 7, for the local end first
        let v6_here = ends(link, HERE6, "0.0.0.0");
        assert_eq!(host.create(&v6_here), Errno::EINVAL);
        let no_family = Kparams { local: SockAddr::Other(0), ..v6_here };
        assert_eq!(host.create(&no_family), Errno::EINVAL);
        assert_eq!(host.create(&ends(link, "0.0.0.0", THERE6)), Errno::EADDRNOTAVAIL);
        assert_eq!(host.create(&ends(link, HERE, THERE6)), Errno::EINVAL);
        for bad in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "239.255.255.255"] {
            assert_eq!(host.create(&ends(link, bad, THERE)), Errno::EADDRNOTAVAIL);
            assert_eq!(host.create(&ends(link, HERE, bad)), Errno::EADDRNOTAVAIL);
        }
        for bad in ["::", "ff02::1", "::ffff:192.0.2.10"] {
            let v6 = Kparams::new(link).with_type(TunnelType::Ipv6);
            let local = v6.with_local(ip(bad)).with_remote(ip(THERE6));
            assert_eq!(host.create(&local), Errno::EADDRNOTAVAIL);
            let remote = v6.with_local(ip(HERE6)).with_remote(ip(bad));
            assert_eq!(host.create(&remote), Errno::EADDRNOTAVAIL);
        }
        // 8
        let sixto4 = Kparams::new(link).with_type(TunnelType::SixToFour);
        let sixto4 = sixto4.with_local(ip(ELSEWHERE)).with_remote(Some(elsewhere));
        assert_eq!(host.create(&sixto4), Errno::EINVAL);
        // 9 and 10 are below. 11
        let nobody = Kparams { link: LinkId(77), ..ends(link, ELSEWHERE, THERE) };
        assert_eq!(host.create(&nobody), Errno::ENOENT);
        // 12, before 13: the address of a tunnel that is bound has gone
        assert_eq!(host.create(&ends(link, ELSEWHERE, THERE)), Errno::EADDRNOTAVAIL);
        assert_eq!(host.create(&ends(link, DOWN, THERE)), Errno::EADDRNOTAVAIL);
        host.kernel.remove_address(addr(HERE));
        assert_eq!(host.create(&ends(link, HERE, THERE)), Errno::EADDRNOTAVAIL);
        host.kernel.set_address(addr(HERE), true);
        // 13, before 14: a link that has another driver
        let ether = host.link_with("net0", LinkClass::PHYS, LinkFlags::ACTIVE).unwrap();
        assert_eq!(host.create(&ends(ether, HERE, THERE)), Errno::EADDRINUSE);
        assert_eq!(host.create(&ends(ether, HERE, ELSEWHERE)), Errno::EEXIST);

        // Nothing has been left behind.
        assert_eq!(host.kernel.tunnels().count(), 1);
        assert_eq!(host.create(&ends(link, HERE, ELSEWHERE)), Errno::OK);
    }
}

#[test]
fn a_6to4_tunnel_needs_an_address_that_need_not_be_up_and_there_is_one_for_each() {
    let mut host = Host::new(KernelKind::Modified);
    let [a, b] = ["t0", "t1"].map(|name| host.link(name));
    let sixto4 =
        |link, local| Kparams::new(link).with_type(TunnelType::SixToFour).with_local(ip(local));
    assert_eq!(host.create(&sixto4(a, ELSEWHERE)), Errno::EADDRNOTAVAIL);
    assert_eq!(host.create(&sixto4(a, DOWN)), Errno::OK);
    assert_eq!(host.create(&sixto4(b, DOWN)), Errno::EADDRINUSE);
    assert!(host.inside("t0").bound);
    // A tunnel with a remote end is another pair.
    assert_eq!(host.create(&sixto4(b, HERE)), Errno::OK);
    let c = host.link("t2");
    assert_eq!(host.create(&ends(c, HERE, THERE)), Errno::OK);
}

#[test]
fn a_tunnel_without_all_its_addresses_is_not_checked_against_the_host() {
    let mut host = Host::new(KernelKind::Modified);
    let [a, b] = ["t0", "t1"].map(|name| host.link(name));
    let half = without(ends(a, ELSEWHERE, THERE), KparamFlags::RADDR);
    assert_eq!(host.create(&half), Errno::OK);
    assert_eq!(host.create(&Kparams::new(b).with_type(TunnelType::Ipv6)), Errno::OK);
    assert!(!host.inside("t0").bound && !host.inside("t1").bound);
    let info = host.info(a).unwrap();
    assert_eq!((info.local_addr(), info.remote_addr()), (ip(ELSEWHERE), None));
}

#[test]
fn create_refuses_simple_policy_in_the_order_of_the_driver() {
    for kind in KINDS {
        let with_self = SimplePolicy { self_encap: 2, ..SIMPLE };
        // 9
        let mut host = Host::with(Config::new(kind, IpsecState::Unloaded));
        let link = host.link("t0");
        let sixto4 = Kparams::new(link).with_type(TunnelType::SixToFour);
        assert_eq!(host.create(&simple(sixto4, with_self)), Errno::EINVAL);
        assert_eq!(host.kernel.take_events(), []);
        let params = ends(link, ELSEWHERE, THERE);
        assert_eq!(host.create(&simple(params, with_self)), Errno::EAGAIN);
        assert_eq!(host.kernel.take_events(), [Event::LoadRequested]);
        host.kernel.ipsec_loaded(false);
        assert_eq!(host.create(&simple(params, with_self)), Errno::EPROTONOSUPPORT);

        // 10
        let mut host = Host::new(kind);
        let link = host.link("t0");
        let params = ends(link, ELSEWHERE, THERE);
        host.protect("t0");
        assert_eq!(host.create(&simple(params, with_self)), Errno::EINVAL);
        assert_eq!(host.create(&simple(params, SIMPLE)), Errno::EEXIST);
        let unknown = SimplePolicy { esp_alg: 200, ..SIMPLE };
        let other = host.link("t1");
        assert_eq!(host.create(&simple(ends(other, HERE, THERE), unknown)), Errno::EINVAL);
        // 12, and nothing is left of the policy
        let late = simple(ends(other, ELSEWHERE, THERE), SIMPLE);
        assert_eq!(host.create(&late), Errno::EADDRNOTAVAIL);
        assert_eq!(host.kernel.tunnel_flags(&name("t1")), None);
        assert_eq!(host.create(&simple(ends(other, HERE, THERE), SIMPLE)), Errno::OK);
    }
}

#[test]
fn modify_refuses_in_the_order_of_the_driver() {
    for kind in KINDS {
        let mut host = Host::new(kind);
        let link = host.tunnel("t0", false);
        let other = host.link("t1");
        assert_eq!(host.create(&ends(other, HERE, ELSEWHERE)), Errno::OK);
        let change = |local, remote| without(ends(link, local, remote), KparamFlags::TYPE);

        let typed = ends(LinkId(99), "0.0.0.0", "0.0.0.0");
        assert_eq!(host.modify(&typed), Errno::ENOENT);
        host.caller(7, Privileges::all());
        assert_eq!(host.modify(&Kparams { link, ..typed }), Errno::EACCES);
        host.caller(0, Privileges::all());
        assert_eq!(host.modify(&Kparams { link, ..typed }), Errno::EINVAL);
        assert_eq!(host.modify(&change(HERE6, "0.0.0.0")), Errno::EINVAL);
        assert_eq!(host.modify(&change("0.0.0.0", THERE)), Errno::EADDRNOTAVAIL);
        let policy = SimplePolicy { self_encap: 1, ..SIMPLE };
        assert_eq!(host.modify(&simple(change(ELSEWHERE, THERE), policy)), Errno::EINVAL);
        host.protect("t0");
        assert_eq!(host.modify(&simple(change(ELSEWHERE, THERE), SIMPLE)), Errno::EBUSY);

        // Up to here the tunnel has kept its addresses, on both kinds.
        let info = host.info(link).unwrap();
        assert_eq!((info.local_addr(), info.remote_addr()), (ip(HERE), ip(THERE)));
        assert!(host.inside("t0").bound);

        // Another local end that was never here: 12 before 13.
        host.kernel.remove_address(addr(HERE));
        assert_eq!(host.modify(&change(HERE, ELSEWHERE)), Errno::EADDRNOTAVAIL);
    }
}

#[test]
fn a_modify_that_cannot_be_bound_keeps_the_tunnel_or_loses_the_addresses() {
    for (kind, kept) in [(KernelKind::Modified, true), (KernelKind::Unmodified, false)] {
        let mut host = Host::new(kind);
        let link = host.tunnel("t0", false);
        let other = host.link("t1");
        assert_eq!(host.create(&ends(other, HERE, ELSEWHERE)), Errno::OK);
        let remote = Kparams::new(link).with_remote(ip(ELSEWHERE));
        assert_eq!(host.modify(&remote), Errno::EADDRINUSE);
        let info = host.info(link).unwrap();
        assert_eq!(info.local_addr(), ip(HERE));
        assert_eq!(info.remote_addr(), ip(THERE).filter(|_| kept));
        assert_eq!(host.inside("t0").bound, kept);
        // Who has lost his place can be given another.
        let free = Kparams::new(link).with_remote(ip("203.0.113.1"));
        assert_eq!(host.modify(&free), Errno::OK);
        assert!(host.inside("t0").bound);
        // The old pair is free for somebody else.
        let third = host.link("t2");
        assert_eq!(host.create(&ends(third, HERE, THERE)), Errno::OK);
    }
}

#[test]
fn delete_refuses_what_is_not_there_not_ours_or_in_use() {
    for kind in KINDS {
        let mut host = Host::new(kind);
        assert_eq!(host.delete(LinkId(1)), Errno::ENOENT);
        let link = host.tunnel("t0", false);
        host.kernel.plumb(link);
        host.caller(3, Privileges::all());
        assert_eq!(host.delete(link), Errno::EACCES);
        host.caller(0, Privileges::all());
        assert_eq!(host.delete(link), Errno::EBUSY);
        host.kernel.unplumb(link);
        assert_eq!(host.delete(link), Errno::OK);
        assert_eq!(host.delete(link), Errno::ENOENT);
    }
}

#[test]
fn a_refused_info_gives_the_argument_back_unchanged() {
    let mut host = Host::new(KernelKind::Modified);
    let mut argument = ends(LinkId(5), HERE, THERE).encode();
    argument[100] = 0xaa;
    let answer = host.ioctl(iptun::INFO, &argument);
    assert_eq!((answer.errno, answer.bytes), (Errno::ENOENT, argument));
}

#[test]
fn zones_have_their_own_tunnels() {
    let mut host = Host::new(KernelKind::Modified);
    let global = host.tunnel("t0", false);
    host.caller(4, Privileges::all());
    // 2: the link has to be one of the zone, before anything else is looked at.
    let mut params = ends(global, "0.0.0.0", THERE);
    params.kind = 9;
    assert_eq!(host.create(&params), Errno::EINVAL);
    assert_eq!(host.create(&ends(LinkId(99), HERE, ELSEWHERE)), Errno::EINVAL);
    assert_eq!(host.info(global), Err(Errno::ENOENT));
    assert_eq!(host.property(global, dld::PROP_MTU, 0).errno, Errno::ENOENT);

    let flags = LinkFlags::ACTIVE | LinkFlags::TRANSIENT;
    let own = host.link_with("t1", LinkClass::IPTUN, flags).unwrap();
    assert_eq!(host.create(&ends(own, HERE, ELSEWHERE)), Errno::OK);
    assert!(host.info(own).is_ok());
    host.caller(0, Privileges::all());
    assert_eq!(host.delete(own), Errno::EACCES);
    assert_eq!(host.set_property(own, dld::PROP_HOPLIMIT, &[9, 0, 0, 0]), Errno::ENOENT);

    // A link lent to a zone is seen there, and belongs to who made the tunnel.
    assert_eq!(host.ask(&Request::SetZoneId { link: global, zone: 4 }), Errno::OK);
    host.caller(4, Privileges::all());
    assert!(host.info(global).is_ok());
    assert_eq!(host.delete(global), Errno::EACCES);
}

#[test]
fn the_relay_is_one_address_and_no_group() {
    let mut host = Host::new(KernelKind::Modified);
    let relay = |host: &mut Host, address: [u8; 4]| {
        let errno = host.ioctl(iptun::SET_6TO4RELAY, &address).errno;
        (errno, host.ioctl(iptun::GET_6TO4RELAY, &[1; 4]).bytes)
    };
    assert_eq!(host.ioctl(iptun::GET_6TO4RELAY, &[1; 4]).bytes, [0; 4]);
    assert_eq!(relay(&mut host, [192, 88, 99, 1]), (Errno::OK, vec![192, 88, 99, 1]));
    for bad in [[255; 4], [224, 0, 0, 1], [239, 1, 2, 3]] {
        assert_eq!(relay(&mut host, bad), (Errno::EADDRNOTAVAIL, vec![192, 88, 99, 1]));
    }
    assert_eq!(relay(&mut host, [0; 4]), (Errno::OK, vec![0; 4]));
}

#[test]
fn the_secure_create_ignores_nothing() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.link("t0");
    let params = ends(link, HERE, THERE);
    for unknown in [0x40, 0x100, 0x4000_0000] {
        let flags = params.flags | KparamFlags::from_bits_retain(unknown) | KparamFlags::SECURE;
        assert_eq!(host.create_secure(&Kparams { flags, ..params }), Errno::EINVAL);
        // The plain one does, as it always has.
        assert_eq!(
            host.create(&Kparams { flags: flags - KparamFlags::SECURE, ..params }),
            Errno::OK
        );
        assert_eq!(host.delete(link), Errno::OK);
    }
    let sixto4 = Kparams::new(link).with_type(TunnelType::SixToFour).with_local(ip(HERE));
    let implicit = with(params, KparamFlags::IMPLICIT);
    for refused in [sixto4, implicit] {
        assert_eq!(host.create_secure(&refused), Errno::OK);
        assert_eq!(host.delete(link), Errno::OK);
        assert_eq!(host.create_secure(&with(refused, KparamFlags::SECURE)), Errno::EINVAL);
        assert_eq!(host.create(&with(refused, KparamFlags::SECURE)), Errno::EINVAL);
    }
    assert_eq!(host.kernel.tunnels().count(), 0);
}

#[test]
fn the_requirement_is_for_life_whichever_command_has_set_it() {
    for command in [iptun::CREATE, iptun::CREATE_SECURE] {
        let mut host = Host::new(KernelKind::Modified);
        let [secure, open] = ["t0", "t1"].map(|name| host.link(name));
        let params = with(ends(secure, HERE, THERE), KparamFlags::SECURE);
        assert_eq!(host.ioctl(command, &params.encode()).errno, Errno::OK);
        assert_eq!(host.ioctl(command, &ends(open, HERE, ELSEWHERE).encode()).errno, Errno::OK);
        assert!(host.info(secure).unwrap().flags.contains(KparamFlags::SECURE));
        assert!(!host.info(open).unwrap().flags.contains(KparamFlags::SECURE));

        let remote = |link| Kparams::new(link).with_remote(ip("203.0.113.1"));
        assert_eq!(host.modify(&with(remote(open), KparamFlags::SECURE)), Errno::EINVAL);
        assert_eq!(host.info(open).unwrap().remote_addr(), ip(ELSEWHERE));
        assert_eq!(host.modify(&remote(secure)), Errno::OK);
        assert!(host.info(secure).unwrap().flags.contains(KparamFlags::SECURE));
    }
}

#[test]
fn the_kernel_without_the_change_does_not_know_the_command_and_ignores_the_bit() {
    let mut host = Host::new(KernelKind::Unmodified);
    let link = host.link("t0");
    let params = with(ends(link, HERE, THERE), KparamFlags::SECURE);
    assert_eq!(host.create_secure(&params), Errno::ENOTSUP);
    assert_eq!(host.kernel.tunnels().count(), 0);
    assert_eq!(host.create(&params), Errno::OK);
    assert!(!host.info(link).unwrap().flags.contains(KparamFlags::SECURE));
    let again = with(Kparams::new(link), KparamFlags::SECURE);
    assert_eq!(host.modify(&again), Errno::OK);
}

#[test]
fn properties_have_ranges() {
    let mut host = Host::new(KernelKind::Modified);
    let v4 = host.tunnel("t0", false);
    let v6 = host.link("t1");
    let params = Kparams::new(v6).with_type(TunnelType::Ipv6);
    assert_eq!(host.create(&params.with_local(ip(HERE6)).with_remote(ip(THERE6))), Errno::OK);
    let possible = |host: &mut Host, link, number| {
        let answer = host.property(link, number, dld::PROP_POSSIBLE);
        assert_eq!(answer.errno, Errno::OK);
        let property = dld::MacProp::decode(&answer.bytes).unwrap();
        let dld::PropRange { min, max } = dld::PropRange::decode(&property.value).unwrap();
        (min, max)
    };
    let rows = [
        (v4, dld::PROP_HOPLIMIT, 1, 255),
        (v6, dld::PROP_ENCAPLIMIT, 0, 255),
        (v4, dld::PROP_MTU, 1280, 1480),
        (v6, dld::PROP_MTU, 1280, 1452),
    ];
    for (link, number, min, max) in rows {
        assert_eq!(possible(&mut host, link, number), (min, max));
        for (value, expected) in [
            (max + 1, Errno::EINVAL),
            (min.wrapping_sub(1), Errno::EINVAL),
            (max, Errno::OK),
            (min, Errno::OK),
        ] {
            let errno = host.set_property(link, number, &value.to_le_bytes());
            assert_eq!(errno, expected, "{number:#x} {value}");
        }
        let answer = host.property(link, number, 0);
        let property = dld::MacProp::decode(&answer.bytes).unwrap();
        assert_eq!(property.value[..4], min.to_le_bytes());
        assert_eq!(property.permissions, dld::PERM_READ | dld::PERM_WRITE);
        assert_eq!(host.set_property(link, number, &[1, 0, 0]), Errno::ENOBUFS);
        let narrow = dld::MacProp { link, number, value: vec![0; 3], ..Default::default() };
        assert_eq!(host.ioctl(dld::GETMACPROP, &narrow.encode()).errno, Errno::ENOBUFS);
        let both = dld::PROP_DEFAULT | dld::PROP_POSSIBLE;
        assert_eq!(host.property(link, number, both).errno, Errno::EINVAL);
        assert_eq!(host.property(link, number, 4).errno, Errno::ENOTSUP);
    }
    assert_eq!(host.property(v4, dld::PROP_ENCAPLIMIT, 0).errno, Errno::EINVAL);
    assert_eq!(host.set_property(v4, dld::PROP_ENCAPLIMIT, &[1, 0, 0, 0]), Errno::EINVAL);
    assert_eq!(host.set_property(v4, 0x77, &[1, 0, 0, 0]), Errno::ENOTSUP);
    assert_eq!(host.property(v4, 0x77, 0).errno, Errno::ENOTSUP);
    assert_eq!(host.set_property(v4, dld::PROP_STATUS, &[1, 0, 0, 0]), Errno::ENOTSUP);
    assert_eq!(host.property(LinkId(99), dld::PROP_MTU, 0).errno, Errno::ENOENT);

    let status = |host: &mut Host| {
        let answer = host.property(v4, dld::PROP_STATUS, 0);
        let property = dld::MacProp::decode(&answer.bytes).unwrap();
        assert_eq!(property.permissions, dld::PERM_READ);
        i32::from_le_bytes(property.value[..4].try_into().unwrap())
    };
    assert_eq!(status(&mut host), -1);
    host.kernel.plumb(v4);
    assert_eq!(status(&mut host), 1);
    host.kernel.unplumb(v4);
    assert_eq!(status(&mut host), 0);
}

#[test]
fn links_without_a_driver_have_no_statistics_and_no_mtu() {
    let mut host = Host::new(KernelKind::Modified);
    let link = host.link("t0");
    let statistics = lab::Call::Statistics { link: b"t0".to_vec() };
    assert_eq!(host.call(&statistics).errno, Errno::ENOENT);
    let attr = dld::Attr { link, max_sdu: 0 }.encode();
    assert_eq!(host.ioctl(dld::ATTR, &attr).errno, Errno::ENOENT);
    assert_eq!(host.create(&ends(link, HERE, THERE)), Errno::OK);
    assert_eq!(host.call(&statistics).errno, Errno::OK);
    assert_eq!(host.mtu(link), 1480);
}
