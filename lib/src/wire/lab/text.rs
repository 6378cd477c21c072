// SPDX-License-Identifier: MIT OR Apache-2.0

//! One line of text for a packet, for traces.

use std::net::Ipv4Addr;

use bstr::BStr;

use super::super::dld::{self, Attr, MacProp, Rename};
use super::super::dlmgmt::{self, ReplyError, Request};
use super::super::errno::Errno;
use super::super::image::Fields;
use super::super::iptun::{self, Kparams, SockAddr};
use super::{Answer, Call, LinkStatistics};
use crate::model::{LinkId, TunnelType};

/// One line about a packet, for a trace.
///
/// An answer does not say what it answers. Its payload is named by its size, where only
/// one structure has that size.
#[must_use]
pub fn describe(bytes: &[u8]) -> String {
    match Call::decode(bytes) {
        Some(Call::Ioctl { command, argument }) => describe_ioctl(command, &argument),
        Some(Call::Door(request)) => match Request::decode(&request) {
            Ok(request) => format!("door {request}"),
            Err(_) => format!("door with {} bytes", request.len()),
        },
        Some(Call::Statistics { link }) => format!("statistics of {}", BStr::new(&link)),
        Some(Call::Topology { link }) => format!("topology of link {link}"),
        Some(Call::Zone) => "zone".to_owned(),
        None => match Answer::decode(bytes) {
            Some(Answer { errno: Errno::OK, bytes }) => format!("ok{}", describe_payload(&bytes)),
            Some(answer) => format!("{:?}{}", answer.errno, describe_payload(&answer.bytes)),
            None => format!("{} bytes", bytes.len()),
        },
    }
}

/// Names of ioctls.
const IOCTLS: &[(u32, &str)] = &[
    (iptun::CREATE, "IPTUN_CREATE"),
    (iptun::CREATE_SECURE, "IPTUN_CREATE_SECURE"),
    (iptun::DELETE, "IPTUN_DELETE"),
    (iptun::MODIFY, "IPTUN_MODIFY"),
    (iptun::INFO, "IPTUN_INFO"),
    (iptun::SET_6TO4RELAY, "IPTUN_SET_6TO4RELAY"),
    (iptun::GET_6TO4RELAY, "IPTUN_GET_6TO4RELAY"),
    (dld::ATTR, "DLDIOC_ATTR"),
    (dld::RENAME, "DLDIOC_RENAME"),
    (dld::SETMACPROP, "DLDIOC_SETMACPROP"),
    (dld::GETMACPROP, "DLDIOC_GETMACPROP"),
];

fn describe_ioctl(command: u32, argument: &[u8]) -> String {
    let Some((_, name)) = IOCTLS.iter().find(|(number, _)| *number == command) else {
        return format!("ioctl {command:#010x} with {} bytes", argument.len());
    };
    let fields = match command {
        iptun::CREATE | iptun::CREATE_SECURE | iptun::MODIFY | iptun::INFO => {
            Kparams::decode(argument).map(|params| kparams(&params))
        }
        iptun::DELETE => Fields(argument).u32(0).map(|link| format!("link={link}")),
        iptun::SET_6TO4RELAY | iptun::GET_6TO4RELAY => {
            Fields(argument).array(0).map(|addr: [u8; 4]| Ipv4Addr::from(addr).to_string())
        }
        dld::ATTR => Attr::decode(argument)
            .map(|Attr { link, max_sdu }| format!("link={link} max_sdu={max_sdu}")),
        dld::RENAME => Rename::decode(argument).map(|Rename { link, other, name }| {
            format!("link={link}/{other} {}", BStr::new(&name))
        }),
        _ => MacProp::decode(argument).map(|property| macprop(&property)),
    };
    let fields = fields.unwrap_or_else(|| format!("with {} bytes", argument.len()));
    format!("{name} {fields}")
}

fn describe_payload(bytes: &[u8]) -> String {
    let link = LinkId::NONE;
    let door = |request| match dlmgmt::Reply::decode(&request, bytes) {
        Ok(reply) => Some(format!("door {reply}")),
        Err(ReplyError::Errno(errno)) => Some(format!("door {errno:?}")),
        Err(ReplyError::Malformed { .. }) => None,
    };
    let known = match bytes.len() {
        0 => return String::new(),
        4 => door(Request::UpLinkId { link }),
        24 => door(Request::GetLinkId { name: Vec::new() }),
        48 => door(Request::GetName { link }),
        Kparams::SIZE => Kparams::decode(bytes).map(|params| kparams(&params)),
        LinkStatistics::SIZE => LinkStatistics::decode(bytes).map(|found| statistics(&found)),
        _ => None,
    };
    format!(", {}", known.unwrap_or_else(|| format!("{} bytes", bytes.len())))
}

fn kparams(params: &Kparams) -> String {
    let Kparams { link, flags, local, remote, secinfo, kind } = params;
    let kind = TunnelType::from_number(*kind).map_or(kind.to_string(), |kind| kind.word().into());
    let mut out = format!("link={link} {flags:?} type={kind}");
    for (name, addr) in [("local", local), ("remote", remote)] {
        match addr {
            SockAddr::Other(0) => {}
            SockAddr::Other(family) => out += &format!(" {name}=family {family}"),
            SockAddr::V4(addr) => out += &format!(" {name}={addr}"),
            SockAddr::V6(addr) => out += &format!(" {name}={addr}"),
        }
    }
    if *secinfo != Default::default() {
        out += &format!(" {secinfo:?}");
    }
    out
}

fn macprop(property: &MacProp) -> String {
    let MacProp { flags, link, number, permissions, name, value } = property;
    let name = BStr::new(name);
    let start = Fields(value).u32(0).map_or_else(String::new, |value| format!(" {value}"));
    format!(
        "link={link} {name} number={number:#x} flags={flags} permissions={permissions:#x} \
         value of {} bytes{start}",
        value.len()
    )
}

fn statistics(found: &LinkStatistics) -> String {
    let counters = &found.counters;
    format!(
        "{} ipackets={} rbytes={} ierrors={} opackets={} obytes={} oerrors={}",
        found.state.word(),
        counters.ipackets,
        counters.rbytes,
        counters.ierrors,
        counters.opackets,
        counters.obytes,
        counters.oerrors
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_names_calls_and_answers() {
        let params = Kparams::new(LinkId(5)).with_remote(Some([192, 0, 2, 1].into()));
        let ioctl = |command, argument| Call::Ioctl { command, argument }.encode();
        let answer = |errno, bytes| Answer { errno, bytes }.encode();
        let request = Request::GetLinkId { name: b"tun0".to_vec() };
        let refusal = dlmgmt::Reply::encode_error(Some(&request), Errno::ENOENT);
        let name = b"hoplimit".to_vec();
        let property = MacProp { number: dld::PROP_HOPLIMIT, name, ..Default::default() };
        for (packet, words) in [
            (
                ioctl(iptun::CREATE_SECURE, params.encode()),
                "IPTUN_CREATE_SECURE link=5 remote=192.0.2.1",
            ),
            (ioctl(iptun::DELETE, vec![5, 0, 0, 0]), "IPTUN_DELETE link=5"),
            (ioctl(iptun::SET_6TO4RELAY, vec![10, 0, 0, 1]), "IPTUN_SET_6TO4RELAY 10.0.0.1"),
            (ioctl(iptun::MODIFY, vec![1]), "IPTUN_MODIFY with 1 bytes"),
            (ioctl(dld::SETMACPROP, property.encode()), "DLDIOC_SETMACPROP hoplimit number=0x18"),
            (ioctl(7, vec![1]), "ioctl 0x00000007 with 1 bytes"),
            (Call::Door(request.encode()).encode(), "door GETLINKID tun0"),
            (Call::Statistics { link: b"tun0".to_vec() }.encode(), "statistics of tun0"),
            (Call::Topology { link: LinkId(3) }.encode(), "topology of link 3"),
            (answer(Errno::EBUSY, Vec::new()), "EBUSY"),
            (answer(Errno::OK, params.encode()), "ok, link=5 remote=192.0.2.1"),
            (answer(Errno::OK, refusal), "ok, door ENOENT"),
            (answer(Errno::OK, vec![1; 9]), "ok, 9 bytes"),
            (vec![1], "1 bytes"),
        ] {
            let line = describe(&packet);
            let found = words.split(' ').all(|word| line.contains(word));
            assert!(found && !line.contains('\n'), "{words:?} in {line:?}");
        }
    }
}
