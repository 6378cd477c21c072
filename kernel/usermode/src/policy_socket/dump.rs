// SPDX-License-Identifier: MIT OR Apache-2.0

//! DUMP, one record at a time (`spec/pf_policy.md` section 6).

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::namespace::NamespaceExt;
use illumos_ipsec::wire::policy::{
    AF_INET, AF_INET6, AddressExt, Ext, Frame, Header, Message, MsgType, PortsExt, ProtoExt,
    RuleExt, RuleFlags, RulesetExt, TunNameExt, encode_alternatives,
};

use super::{Scope, namespace};
use crate::kernel::Kernel;
use crate::spd::{Family, Place, Rule, RulePrefix, RuleSelector, SideFlags, Way};

/// A dump that is not finished.
#[derive(Clone, Debug)]
pub(super) struct Dump {
    request: Header,
    side: Side,
    /// Heads still to dump, the current one included.
    heads_left: usize,
    /// How often heads had come or gone when the dump began.
    generation: u64,
    /// The current head.
    tunnel: Option<TunnelName>,
    /// Version of the current table when its dump began.
    version: u64,
    /// The last rule given out.
    place: Option<Place>,
    count: u32,
    /// Whose rules are asked for, and that their owners are shown; none for everybody's,
    /// without owners.
    asked: Option<NamespaceExt>,
}

/// One message of a dump.
pub(super) struct Record {
    pub(super) bytes: Vec<u8>,
    /// This was the trailer.
    pub(super) last: bool,
}

impl Dump {
    /// Begins a dump of existing heads; gives its header record.
    pub(super) fn start(
        kernel: &Kernel,
        frame: &Frame<'_>,
        scope: Scope,
        side: Side,
        tunnel_flag: &mut bool,
    ) -> (Self, Vec<u8>) {
        let (tunnel, heads_left) = match scope {
            Scope::System => (None, 1),
            Scope::Tunnel(name) => (Some(name), 1),
            Scope::All => (None, 1 + kernel.spd.tunnel_count()),
        };
        let mut dump = Self {
            request: frame.header,
            side,
            heads_left,
            generation: kernel.spd.generation(),
            tunnel: None,
            version: 0,
            place: None,
            count: 0,
            asked: namespace::of(frame),
        };
        dump.enter(kernel, tunnel, tunnel_flag);
        let header = dump.ruleset(0, dump.version, Errno::OK);
        (dump, header)
    }

    /// The next record. The trailer says EAGAIN if a table changed while it was dumped,
    /// or the set of heads before the next head was reached.
    pub(super) fn next(&mut self, kernel: &Kernel, tunnel_flag: &mut bool) -> Record {
        loop {
            let Some(table) = kernel.spd.table(self.tunnel.as_ref(), self.side) else {
                return self.trailer(self.version, Errno::EAGAIN);
            };
            if table.version() != self.version {
                return self.trailer(table.version(), Errno::EAGAIN);
            }
            let next = match &self.asked {
                Some(NamespaceExt::Name(owner)) => table.next_owned(self.place, owner),
                Some(NamespaceExt::Any) | None => table.next(self.place),
            };
            if let Some((place, rule)) = next {
                self.place = Some(place);
                self.count += 1;
                return Record { bytes: self.rule(place.way(), rule, *tunnel_flag), last: false };
            }
            self.heads_left -= 1;
            if self.heads_left == 0 {
                return self.trailer(self.version, Errno::OK);
            }
            let next = kernel.spd.next_tunnel(self.tunnel.as_ref());
            match next.filter(|_| kernel.spd.generation() == self.generation) {
                Some((name, _)) => self.enter(kernel, Some(name.clone()), tunnel_flag),
                None => return self.trailer(self.version, Errno::EAGAIN),
            }
        }
    }

    /// Turns to a head. The flag for tunnel mode stays what it was when that is the system's.
    fn enter(&mut self, kernel: &Kernel, tunnel: Option<TunnelName>, tunnel_flag: &mut bool) {
        let Some(head) = kernel.spd.head(tunnel.as_ref()) else {
            return;
        };
        if tunnel.is_some() {
            *tunnel_flag = head.flags.side(self.side).contains(SideFlags::TUNNEL);
        }
        self.version = head.table(self.side).version();
        self.tunnel = tunnel;
        self.place = None;
        self.count = 0;
    }

    fn trailer(&self, version: u64, errno: Errno) -> Record {
        Record { bytes: self.ruleset(self.count, version, errno), last: true }
    }

    fn ruleset(&self, count: u32, version: u64, errno: Errno) -> Vec<u8> {
        let header = Header { errno, ..self.request };
        let exts = vec![Ext::Ruleset(RulesetExt { count, version })];
        Message { header, exts }.encode()
    }

    fn rule(&self, way: Way, rule: &Rule, tunnel_flag: bool) -> Vec<u8> {
        let mut flags = match way {
            Way::Out => RuleFlags::OUTBOUND,
            Way::In => RuleFlags::INBOUND,
        };
        flags.set(RuleFlags::TUNNEL, tunnel_flag);
        let header = Header {
            seq: self.request.seq,
            pid: self.request.pid,
            ..Header::request(MsgType::DUMP, 0)
        };
        let mut exts = vec![Ext::Rule(RuleExt {
            priority: rule.priority,
            flags,
            unused: 0,
            index: rule.index,
        })];
        exts.extend(self.tunnel.as_ref().map(|name| Ext::TunName(name_field(name))));
        exts.extend(selectors(&rule.selector));
        exts.push(Ext::Action {
            count: rule.action.len() as u16,
            reserved: 0,
            attrs: encode_alternatives(&*rule.action),
        });
        if let (Some(_), Some(owner)) = (&self.asked, &rule.namespace) {
            exts.push(Ext::Namespace(NamespaceExt::Name(owner.clone())));
        }
        Message { header, exts }.encode()
    }
}

/// A name as dump records have it: a NUL only where there is room for one.
fn name_field(name: &TunnelName) -> TunNameExt {
    let mut field = name.as_bytes().to_vec();
    let more = field.len().saturating_sub(4).next_multiple_of(8);
    field.resize(4 + more, 0);
    TunNameExt(field)
}

fn selectors(selector: &RuleSelector) -> impl Iterator<Item = Ext> {
    let RuleSelector { family, proto, local_port, remote_port, local, remote, icmp } = *selector;
    [
        proto.map(|number| Ext::Proto(ProtoExt { number, reserved: (0, 0) })),
        local_port.map(|p| Ext::LocalPort(PortsExt::single(p))),
        remote_port.map(|p| Ext::RemotePort(PortsExt::single(p))),
        remote.map(|prefix| Ext::RemoteAddr(address(family, prefix))),
        local.map(|prefix| Ext::LocalAddr(address(family, prefix))),
        icmp.map(|icmp| Ext::TypeCode(icmp.into())),
    ]
    .into_iter()
    .flatten()
}

fn address(family: Family, prefix: RulePrefix) -> AddressExt {
    let (af, len) = match family {
        Family::V4 => (AF_INET, 8),
        Family::V6 => (AF_INET6, 16),
    };
    AddressExt { af, prefixlen: prefix.len, reserved: 0, data: prefix.addr[..len].to_vec() }
}
