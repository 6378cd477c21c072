// SPDX-License-Identifier: MIT OR Apache-2.0

//! A toy VPN daemon: policy and associations of many tunnels in a namespace of its own.
//!
//! ```text
//! vpn_daemon NAMESPACE NETWORK TUNNELS ROUNDS
//! ```
//!
//! In each round it replaces the policy of all its tunnels, in one step, and gives them new
//! keys before the old ones go. After each it looks at what is there: exactly its own set.
//! Another daemon, with another namespace and network, can do the same at the same time.

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;

use illumos_ipsec::model::{InnerSelector, Namespace, Prefix, Sa, SaFlags, SaKey, SaType, Side};
use illumos_ipsec::policy::{self, AlgDb, PolicyRule, Resolver, SourceText};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::key::KeyClient;
use illumos_ipsec::sys::names::SystemNames;
use illumos_ipsec::sys::policy::{PolicyClient, Scope};
use illumos_ipsec::wire::key::{AddressExt, Ext, ExtType, Message, MsgType, SaExt};
use illumos_ipsec::wire::policy::Message as PolicyMessage;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The address of this host.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 1, 1));
/// AES-GCM with an ICV of 16 octets, the bits of its key and those of its salt.
const AES_GCM: (u8, u16, u16) = (20, 128, 32);
/// How often a set is tried again because of the rules of somebody else.
const TRIES: usize = 1000;

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vpn_daemon: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let [namespace, network, tunnels, rounds] = args else {
        return Err("usage: vpn_daemon NAMESPACE NETWORK TUNNELS ROUNDS".into());
    };
    let system = System::current();
    let mut daemon = Daemon {
        policy: PolicyClient::new(system.open_policy()?),
        keys: KeyClient::new(system.open_key()?),
        network: network.parse()?,
        tunnels: tunnels.parse()?,
        conflicts: 0,
    };
    // An old kernel would refuse each request; this says why.
    if !daemon.policy.knows_namespaces()? || !daemon.keys.knows_namespaces()? {
        return Err("this kernel does not know namespaces".into());
    }
    let namespace = Namespace::new(namespace)?;
    daemon.policy = daemon.policy.in_namespace(namespace.clone());
    daemon.keys = daemon.keys.in_namespace(namespace);

    // What a process before this one has left is not wanted.
    daemon.keys.flush(SaType::ESP)?;
    for round in 0..rounds.parse()? {
        daemon.reload_policy(&system, round)?;
        daemon.renew_keys(round)?;
        daemon.check(round)?;
    }
    println!("{} tunnels, {} conflicts", daemon.tunnels, daemon.conflicts);
    Ok(())
}

struct Daemon {
    policy: PolicyClient,
    keys: KeyClient,
    network: u8,
    tunnels: u32,
    conflicts: usize,
}

impl Daemon {
    fn reload_policy(&mut self, system: &System, round: u32) -> Result<()> {
        let mut text = String::new();
        let bits = if round.is_multiple_of(2) { 128 } else { 256 };
        for k in 0..self.tunnels {
            let network = self.network;
            writeln!(
                text,
                "{{ tunnel vpn{network}x{k} negotiate tunnel }} ipsec {{ encr_algs aes-gcm({bits}) }}"
            )?;
        }
        let rules = rules(&text, system)?;
        for _ in 0..TRIES {
            match self.policy.replace_all(messages(&rules)) {
                // Somebody else has rules for the same traffic, perhaps not for long.
                Err(error) if error.is_conflict() => self.conflicts += 1,
                outcome => return Ok(outcome?),
            }
        }
        Err("somebody else has rules for these tunnels and keeps them".into())
    }

    /// New associations first, then the old ones go: there are always some.
    fn renew_keys(&mut self, round: u32) -> Result<()> {
        let old = self.spis()?;
        for k in 0..self.tunnels {
            self.keys.request(self.association(round, k).add_request())?;
        }
        for spi in old {
            let peer = AddressExt::new(self.peer(spi), 0, 0);
            let deletion = Message::request(MsgType::DELETE, SaType::ESP)
                .with(Ext::Sa(SaExt::find(spi, SaFlags::OUTBOUND)))
                .with(Ext::Address(ExtType::ADDRESS_DST, peer));
            self.keys.request(deletion)?;
        }
        Ok(())
    }

    fn association(&self, round: u32, k: u32) -> Sa {
        // The number of the tunnel is in it, so that its peer can be told from it.
        let spi = 0x1000 + (round % 2) * self.tunnels + k;
        let mut sa = Sa::new(SaType::ESP, spi, HERE, self.peer(spi));
        let (encr, bits, salt_bits) = AES_GCM;
        let octets = usize::from(bits + salt_bits) / 8;
        let key = SaKey { bits, salt_bits, bytes: vec![7; octets].into() };
        (sa.encr, sa.encr_key) = (encr, Some(key));
        sa.flags |= SaFlags::OUTBOUND;
        let any = Prefix::new(Ipv4Addr::UNSPECIFIED.into(), 0).expect("0 is no too long a prefix");
        sa.inner = Some(InnerSelector { src: any, src_port: 0, dst: any, dst_port: 0, proto: 0 });
        sa
    }

    fn peer(&self, spi: u32) -> IpAddr {
        let k = (spi - 0x1000) % self.tunnels;
        let [.., high, low] = k.to_be_bytes();
        Ipv4Addr::new(172, 16 + self.network, high, low).into()
    }

    /// The SPIs of all own associations.
    fn spis(&mut self) -> Result<BTreeSet<u32>> {
        let mut spis = BTreeSet::new();
        let mut dump = self.keys.dump(SaType::ESP)?;
        while let Some(record) = dump.next_record()? {
            spis.extend(Message::decode(&record)?.sa().map(|sa| sa.spi));
        }
        Ok(spis)
    }

    /// Exactly the own set is there, whatever others do.
    fn check(&mut self, round: u32) -> Result<()> {
        let rules = self.policy.rules(Side::Active, &Scope::All)?;
        // Two directions, two address families.
        let wanted = 4 * self.tunnels as usize;
        if rules.len() != wanted {
            return Err(format!("{} rules in round {round}, not {wanted}", rules.len()).into());
        }
        let spis = self.spis()?;
        let wanted: BTreeSet<u32> =
            (0..self.tunnels).map(|k| self.association(round, k).spi).collect();
        if spis != wanted {
            return Err(format!("other associations in round {round}: {spis:x?}").into());
        }
        Ok(())
    }
}

/// Rules of a policy text.
fn rules(text: &str, system: &System) -> Result<Vec<PolicyRule>> {
    let algs = AlgDb::installed();
    let kernel = algs.kernel_algs();
    let names = SystemNames::new(system);
    let source = SourceText { name: "policy".to_owned(), text: text.into(), tunnel: None };
    let parsed = policy::parse(&[source]);
    let resolver = Resolver { names: &names, algs: &algs, kernel: &kernel };
    let (rules, problems) = policy::compile(&parsed, &resolver);
    match parsed.problems.first().or(problems.first()) {
        Some(problem) => Err(problem.to_string().into()),
        None => Ok(rules),
    }
}

/// The requests for rules, earlier ones before later ones.
fn messages(rules: &[PolicyRule]) -> impl Iterator<Item = PolicyMessage> {
    let requests = rules.iter().flat_map(|rule| (0..rule.requests()).map(move |n| (rule, n)));
    requests.enumerate().map(|(k, (rule, n))| {
        let priority = policy::base_priority(k).expect("more than these are not compiled");
        rule.message(n, priority, k as u32 + 1, std::process::id(), rule.direction)
    })
}
