// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tunnels: many created with their policies by a program, one by a command, and how long
//! it takes to decide about a packet.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Instant;

use illumos_ipsec::model::{Side, TunnelName, TunnelType};
use illumos_ipsec::policy::{self, AlgDb, FIRST_PRIORITY, PolicyRule, Resolver, SourceText};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::names::SystemNames;
use illumos_ipsec::sys::policy::PolicyClient;
use illumos_ipsec::tunnels::{Tunnel, Tunnels};
use illumos_ipsec::wire::dlmgmt::LinkFlags;
use illumos_ipsec::wire::iptun::KparamFlags;
use illumos_ipsec::wire::policy::{Ext, Message, MsgType, SPD_ACTIVE, TunNameExt};
use ipsec_usermode::packet::{Packet, Path};
use ipsec_usermode::{Config, Kernel as Core, Way};
use tabled::Tabled;

use super::scenario::{Kernel, address};
use super::{Figures, median};

/// A line of the result.
#[derive(Tabled)]
pub(super) struct Row {
    what: String,
    #[tabled(rename = "median")]
    median: String,
    #[tabled(rename = "per item")]
    per_item: String,
    beside: String,
}

/// Tunnels that one program creates.
const TUNNELS: usize = 10_000;
/// Rules among which a packet is looked up.
const RULES: usize = 50_000;

/// Measures all of it.
pub(super) fn run(rounds: usize) -> Result<Vec<Row>, Box<dyn Error>> {
    Ok(vec![create_many(rounds)?, create_one(rounds)?, decide(rounds)?])
}

/// Rules of a policy text, with the default algorithms.
pub(super) fn rules(text: &str, system: &System) -> Result<Vec<PolicyRule>, Box<dyn Error>> {
    let algs = AlgDb::installed();
    let kernel = algs.kernel_algs();
    let names = SystemNames::new(system);
    let source = SourceText { name: "policy".to_owned(), text: text.into(), tunnel: None };
    let sources = [source];
    let parsed = policy::parse(&sources);
    let resolver = Resolver { names: &names, algs: &algs, kernel: &kernel };
    let (rules, _) = policy::compile(&parsed, &resolver);
    Ok(rules)
}

/// The requests for rules, in their order.
pub(super) fn messages(rules: &[PolicyRule]) -> impl Iterator<Item = Message> {
    rules.iter().enumerate().map(|(at, rule)| {
        let place = at as u32;
        rule.message(0, FIRST_PRIORITY - place, place + 1, std::process::id(), rule.direction)
    })
}

/// Secure tunnels with a policy each, policy first, so that they are up at once.
fn create_many(rounds: usize) -> Result<Row, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut figures = Vec::new();
    for _ in 0..rounds {
        let kernel = Kernel::start(dir.path())?;
        let system = System::lab(kernel.lab.path());
        let start = Instant::now();
        let mut text = String::new();
        for k in 0..TUNNELS {
            let _ = writeln!(
                text,
                "{{ tunnel tun{} negotiate tunnel }} ipsec {{ encr_algs aes-gcm }}",
                k + 1
            );
        }
        let rules = rules(&text, &system)?;
        let mut policy = PolicyClient::new(system.open_policy()?);
        policy.add_all(messages(&rules), |_, result| result.is_ok())?;
        policy.flip_all()?;
        let mut client = system.open_links()?;
        let names = SystemNames::new(&system);
        let mut tunnels = Tunnels::new(&mut client, &names);
        for k in 0..TUNNELS {
            let tunnel = Tunnel {
                name: format!("tun{}", k + 1).into_bytes(),
                kind: Some(TunnelType::Ipv4),
                local: Some(b"10.1.1.1".to_vec()),
                remote: Some(address(k + 1_000_000).to_string().into_bytes()),
                secure: true,
            };
            tunnels.create(&tunnel, true)?;
        }
        figures.push(Figures::wall(start.elapsed().as_secs_f64()));
        let last = tunnels.list(LinkFlags::ACTIVE)?.pop().ok_or("no tunnel")?;
        let info = client.tunnel_info(last.link)?;
        if !info.flags.contains(KparamFlags::SECURE | KparamFlags::IPSECPOL) {
            return Err("a tunnel without its policy".into());
        }
    }
    let seconds = median(&figures, |figure| figure.seconds);
    Ok(Row {
        what: format!("{TUNNELS} secure tunnels with their policies, library"),
        median: format!("{seconds:.3} s"),
        per_item: format!("{:.0} us", seconds * 1e6 / TUNNELS as f64),
        beside: String::new(),
    })
}

/// One process of ours beside one of `ip link add`, where that is allowed.
fn create_one(rounds: usize) -> Result<Row, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let kernel = Kernel::start(dir.path())?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for k in 0..rounds.max(10) {
        let mut dladm = Command::new(crate::program("dladm")?);
        let pair = format!("local=10.1.1.1,remote={}", address(k));
        let name = format!("tun{k}");
        dladm.args(["create-iptun", "-t", "-T", "ipv4", "-a", &pair, &name]);
        dladm.env("IPSEC_LAB", kernel.lab.path());
        ours.push(Figures::of(&dladm)?);
        let mut ip = Command::new("ip");
        let remote = address(k).to_string();
        ip.args(["link", "add", &name, "type", "ipip", "local", "127.0.0.1", "remote", &remote]);
        if let Ok(figure) = Figures::of(&ip) {
            theirs.push(figure);
            let _ = Command::new("ip").args(["link", "delete", &name]).output();
        }
    }
    let seconds = median(&ours, |figure| figure.seconds);
    let beside = match theirs.is_empty() {
        true => "ip link add is not possible here".to_owned(),
        false => {
            let theirs = median(&theirs, |figure| figure.seconds);
            format!("ip link add: {:.2} ms, ratio {:.1}", theirs * 1e3, theirs / seconds)
        }
    };
    Ok(Row {
        what: "one dladm create-iptun".to_owned(),
        median: format!("{:.2} ms", seconds * 1e3),
        per_item: String::new(),
        beside,
    })
}

/// Verdicts about packets of a tunnel with many rules, each for another address.
fn decide(rounds: usize) -> Result<Row, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let system = System::lab(dir.path());
    let mut text = String::new();
    for k in 0..RULES {
        let addr = address(k);
        let _ = writeln!(
            text,
            "{{ tunnel tun0 negotiate tunnel raddr {addr} }} ipsec {{ encr_algs aes-gcm }}"
        );
    }
    let mut kernel = Core::new(Config::default());
    let socket = kernel.open_policy();
    let rules = rules(&text, &system)?;
    let mut flip = Message::request(MsgType::FLIP, SPD_ACTIVE);
    flip.exts.push(Ext::TunName(TunNameExt::all()));
    for message in messages(&rules).chain([flip]) {
        kernel.request(socket, &message.encode());
        while kernel.next_reply(socket).is_some() {}
        kernel.take_events();
    }
    let name = TunnelName::new("tun0")?;
    kernel.add_link(name.clone());
    let mut tunnel = kernel.tunnel(b"tun0").cloned().ok_or("no tunnel")?;
    tunnel.local = Some(Ipv4Addr::new(10, 1, 1, 1).into());
    tunnel.remote = Some(Ipv4Addr::new(192, 0, 2, 1).into());
    (tunnel.bound, tunnel.started, tunnel.secure) = (true, true, true);
    kernel.restore_tunnel(tunnel);
    if kernel.rules(Some(&name), Side::Active).count() < RULES {
        return Err("not all rules are there".into());
    }
    let packet = |k: usize| Packet {
        path: Path::Tunnel(name.clone()),
        ..Packet::new(Way::Out, Ipv4Addr::new(1, 1, 1, 1).into(), address(k).into(), 6)
    };
    let packets: Vec<Packet> = (0..RULES).step_by(7).map(packet).collect();
    if !packets.iter().all(|packet| kernel.policy_verdict(packet).passes()) {
        return Err("a packet found no rule".into());
    }
    let mut figures = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        for packet in &packets {
            black_box(kernel.policy_verdict(black_box(packet)));
        }
        figures.push(Figures::wall(start.elapsed().as_secs_f64()));
    }
    let each = median(&figures, |figure| figure.seconds) / packets.len() as f64;
    Ok(Row {
        what: format!("verdict among {RULES} rules"),
        median: String::new(),
        per_item: format!("{:.2} us", each * 1e6),
        beside: String::new(),
    })
}
