// SPDX-License-Identifier: MIT OR Apache-2.0

//! One message to the kernel.

use std::sync::OnceLock;

use illumos_ipsec::model::{LinkClass, LinkId, TunnelType};
use illumos_ipsec::wire::dld::{self, Rename};
use illumos_ipsec::wire::dlmgmt::{LinkFlags, Reply, Request};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{self, KparamFlags, Kparams, SimplePolicy};
use illumos_ipsec::wire::lab::{Answer, Call};
use illumos_ipsec::wire::policy::{AttrTag, Header, MsgType, RuleFlags};
use ipsec_usermode::{ConnId, Kernel, KernelKind, Way};

use crate::common::links::{DOWN, ELSEWHERE, HERE, THERE, ends, ip};
use crate::common::traffic::{DROP, ESP_OR_PASS};
use crate::common::*;

/// The two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Name {
    A,
    B,
}

impl Name {
    pub(crate) const ALL: [Self; 2] = [Self::A, Self::B];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::A => "tun0",
            Self::B => "tun1",
        }
    }
}

/// Kinds of rules. Those about everything exclude each other; the kernel takes one of them
/// for a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Everything, tunnel mode.
    Protect,
    /// Everything, transport mode.
    Transport,
    /// Transport mode, what leaves only.
    TransportOut,
    /// Everything passes in clear.
    Pass,
    /// Nothing passes.
    Drop,
    ProtectOrPass,
    /// What arrives only.
    ProtectIn,
    /// Some addresses only.
    ProtectPart,
    /// One port passes in clear: the head looks at ports.
    PassPort,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Msg {
    NewLink(Name),
    UpLink(Name),
    /// The tunnel itself, with its requirement where the kernel has that.
    Create(Name),
    Info(Name),
    Delete(Name),
    Destroy(Name, Stored),
    ModifyTo(Name, Remote),
    /// To an address that the host does not have up.
    ModifyRefused(Name),
    SimpleNever(Name),
    SimpleNone(Name),
    RenameTo(Name),
    RemapTo(Name),
    Plumb(Name),
    Unplumb(Name),
    Add(Name, Kind),
    AddStandby(Name, Kind),
    AddRefused(Name, Stored),
    /// Marks a side as in use and enters nothing.
    AddNothing(Name),
    DeleteRule(Name),
    Flush(Name),
    FlushAll,
    FlushStandby,
    Flip(Name),
    FlipAll,
    CloneAll,
}

/// The link that exists now or the stored one; the side in force or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stored {
    No,
    Yes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Remote {
    There,
    Elsewhere,
}

/// Connections of the clients; that they share them changes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conns {
    pub(crate) dld: ConnId,
    pub(crate) policy: ConnId,
}

const NO_SUCH: &[(AttrTag, u32)] =
    &[(AttrTag::TYPE, 3), (AttrTag::FLAGS, 2), (AttrTag::ESP_ENCR, 200), (AttrTag::END, 0)];

impl Msg {
    /// Sends it; false if the kernel refuses it.
    pub(crate) fn send(self, kernel: &mut Kernel, conns: Conns) -> bool {
        match self {
            Self::NewLink(name) => {
                let request = Request::CreateLinkId {
                    name: name.text().into(),
                    class: LinkClass::IPTUN,
                    media: TunnelType::Ipv4.media(),
                    prefix: false,
                    flags: LinkFlags::ACTIVE | LinkFlags::PERSIST,
                };
                door(kernel, conns, &request)
            }
            Self::UpLink(name) => {
                with(kernel, name, |kernel, link| door(kernel, conns, &Request::UpLinkId { link }))
            }
            Self::Create(name) => with(kernel, name, |kernel, link| {
                let mut params = ends(link, HERE, THERE);
                let command = match kernel.kind() {
                    KernelKind::Modified => {
                        params.flags |= KparamFlags::SECURE;
                        iptun::CREATE_SECURE
                    }
                    KernelKind::Unmodified => iptun::CREATE,
                };
                ioctl(kernel, conns, command, &params.encode())
            }),
            Self::Info(name) => with(kernel, name, |kernel, link| {
                ioctl(kernel, conns, iptun::INFO, &Kparams::new(link).encode())
            }),
            Self::Delete(name) => with(kernel, name, |kernel, link| {
                ioctl(kernel, conns, iptun::DELETE, &link.0.to_le_bytes())
            }),
            Self::Destroy(name, stored) => with(kernel, name, |kernel, link| {
                let flags = match stored {
                    Stored::No => LinkFlags::ACTIVE,
                    Stored::Yes => LinkFlags::PERSIST,
                };
                door(kernel, conns, &Request::DestroyLinkId { link, flags })
            }),
            Self::ModifyTo(name, remote) => with(kernel, name, |kernel, link| {
                let remote = match remote {
                    Remote::There => THERE,
                    Remote::Elsewhere => ELSEWHERE,
                };
                let params = Kparams::new(link).with_remote(ip(remote));
                ioctl(kernel, conns, iptun::MODIFY, &params.encode())
            }),
            Self::ModifyRefused(name) => with(kernel, name, |kernel, link| {
                let params = Kparams::new(link).with_local(ip(DOWN));
                ioctl(kernel, conns, iptun::MODIFY, &params.encode())
            }),
            Self::SimpleNever(name) => simple(kernel, conns, name, 1),
            Self::SimpleNone(name) => simple(kernel, conns, name, 0),
            Self::RenameTo(name) => with(kernel, name.other(), |kernel, link| {
                let rename = Rename { link, other: LinkId::NONE, name: name.text().into() };
                ioctl(kernel, conns, dld::RENAME, &rename.encode())
            }),
            Self::RemapTo(name) => with(kernel, name.other(), |kernel, link| {
                door(kernel, conns, &Request::RemapLinkId { link, name: name.text().into() })
            }),
            Self::Plumb(name) => with(kernel, name, |kernel, link| {
                let there = kernel.tunnel(name.text().as_bytes()).is_some();
                kernel.plumb(link);
                there
            }),
            Self::Unplumb(name) => with(kernel, name, |kernel, link| {
                kernel.unplumb(link);
                true
            }),
            Self::DeleteRule(name) => delete_rule(kernel, conns, name),
            _ => policy(kernel, conns, &self.bytes()),
        }
    }

    /// A message about policy as bytes.
    fn bytes(self) -> Vec<u8> {
        let named = |message, name: Name| in_tunnel(message, name.text());
        let add_for = |name, side, kind| {
            let (flags, priority, action, exts) = rule_of(kind);
            let request = add(side, flags, priority, action);
            named(exts.into_iter().fold(request, |request, ext| request.with(ext)), name)
        };
        match self {
            Self::Add(name, kind) => add_for(name, ACTIVE, kind),
            Self::AddStandby(name, kind) => add_for(name, STANDBY, kind),
            Self::AddRefused(name, Stored::No) => {
                named(add(ACTIVE, BOTH | TUNNEL, 5, NO_SUCH), name)
            }
            Self::AddRefused(name, Stored::Yes) => {
                named(add(STANDBY, BOTH | TUNNEL, 5, NO_SUCH), name)
            }
            Self::AddNothing(name) => named(add(ACTIVE, TUNNEL, 5, ESP), name),
            Self::Flush(name) => named(message(MsgType::FLUSH, ACTIVE), name),
            Self::FlushAll => in_tunnel(message(MsgType::FLUSH, ACTIVE), ""),
            Self::FlushStandby => in_tunnel(message(MsgType::FLUSH, STANDBY), ""),
            Self::Flip(name) => named(message(MsgType::FLIP, ACTIVE), name),
            Self::FlipAll => in_tunnel(message(MsgType::FLIP, ACTIVE), ""),
            Self::CloneAll => in_tunnel(message(MsgType::CLONE, ACTIVE), ""),
            other => unreachable!("{other:?} is not about policy"),
        }
        .encode()
    }
}

impl Name {
    fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

type RuleOf = (RuleFlags, u32, &'static [(AttrTag, u32)], Vec<illumos_ipsec::wire::policy::Ext>);

/// Flags, priority, action and selectors. No two kinds have the same priority, so the order
/// in which rules came does not count.
fn rule_of(kind: Kind) -> RuleOf {
    let both = BOTH | TUNNEL;
    match kind {
        Kind::Protect => (both, 10, ESP, vec![]),
        Kind::Transport => (BOTH, 11, ESP, vec![]),
        Kind::TransportOut => (OUT, 12, ESP, vec![]),
        Kind::Pass => (both, 13, PASS, vec![]),
        Kind::Drop => (both, 14, DROP, vec![]),
        Kind::ProtectOrPass => (both, 15, ESP_OR_PASS, vec![]),
        Kind::ProtectIn => (IN | TUNNEL, 16, ESP, vec![]),
        Kind::ProtectPart => (both, 20, ESP, vec![remote("10.0.1.0/25")]),
        Kind::PassPort => (both, 21, PASS, vec![remote_port(53)]),
    }
}

fn with(kernel: &mut Kernel, name: Name, act: impl FnOnce(&mut Kernel, LinkId) -> bool) -> bool {
    let found = kernel.links().find(name.text().as_bytes()).map(|(link, _)| link);
    found.is_some_and(|link| act(kernel, link))
}

fn call(kernel: &mut Kernel, conns: Conns, call: &Call) -> Answer {
    kernel.request(conns.dld, &call.encode());
    let answer = kernel.next_reply(conns.dld).expect("an answer");
    Answer::decode(&answer).expect("a well-formed answer")
}

fn ioctl(kernel: &mut Kernel, conns: Conns, command: u32, argument: &[u8]) -> bool {
    let argument = argument.to_vec();
    call(kernel, conns, &Call::Ioctl { command, argument }).errno == Errno::OK
}

fn door(kernel: &mut Kernel, conns: Conns, request: &Request) -> bool {
    let answer = call(kernel, conns, &Call::Door(request.encode()));
    Reply::decode(request, &answer.bytes).is_ok()
}

fn policy(kernel: &mut Kernel, conns: Conns, request: &[u8]) -> bool {
    kernel.request(conns.policy, request);
    let reply = kernel.next_reply(conns.policy).expect("a reply");
    Header::read(&reply).errno == Errno::OK
}

/// Deletes the rule with the smallest priority, outbound and IPv4 first.
fn delete_rule(kernel: &mut Kernel, conns: Conns, tunnel: Name) -> bool {
    static NAMES: OnceLock<[illumos_ipsec::model::TunnelName; 2]> = OnceLock::new();
    let names = NAMES.get_or_init(|| Name::ALL.map(|known| name(known.text())));
    let rules = kernel.rules(Some(&names[tunnel as usize]), illumos_ipsec::model::Side::Active);
    let first =
        rules.min_by_key(|(way, rule)| (rule.priority, *way == Way::In, rule.selector.family));
    let Some(index) = first.map(|(_, rule)| rule.index) else { return false };
    policy(kernel, conns, &in_tunnel(delete_index(ACTIVE, index), tunnel.text()).encode())
}

/// A simple policy with this request word for AH and ESP.
fn simple(kernel: &mut Kernel, conns: Conns, name: Name, word: u32) -> bool {
    with(kernel, name, |kernel, link| {
        let secinfo = SimplePolicy { ah: word, esp: word, ..SimplePolicy::default() };
        let params = Kparams { secinfo, flags: KparamFlags::SECINFO, ..Kparams::new(link) };
        ioctl(kernel, conns, iptun::MODIFY, &params.encode())
    })
}
