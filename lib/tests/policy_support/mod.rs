// SPDX-License-Identifier: MIT OR Apache-2.0

//! A small system for policies: names, algorithms, shortcuts.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

use std::net::{IpAddr, Ipv4Addr};

use illumos_ipsec::model::KernelAlg;
use illumos_ipsec::policy::{
    AlgDb, Names, Parsed, PolicyRule, Problem, Resolver, SourceText, compile, parse,
};

/// Algorithms of the test system.
pub const ALGS: &str = "\
ALG|2|0|none,any|-|0|0
ALG|2|2|hmac-md5,md5|CKM_MD5_HMAC_GENERAL|128|12
ALG|2|3|hmac-sha1,sha1|CKM_SHA_1_HMAC_GENERAL|160|12
ALG|2|5|hmac-sha256,sha256|CKM_SHA256_HMAC_GENERAL|256|16
ALG|3|0|any|-|0|0
ALG|3|3|3des-cbc,3des|CKM_DES3_CBC|192|8
ALG|3|11|null|-|0|0
ALG|3|12|aes-cbc,aes|CKM_AES_CBC|128/128-256,64|16
ALG|3|20|aes-gcm,aes-gcm16|CKM_AES_GCM|128/128-256,64|16|8,16,4|23
";

const HOSTS: &[(&str, &str)] = &[
    ("alpha.example.com", "192.0.2.10"),
    ("beta.example.org", "198.51.100.20"),
    ("six.example.com", "2001:db8::10"),
    ("multi", "192.0.2.31"),
    ("multi", "192.0.2.32"),
    ("dual", "2001:db8::31"),
    ("dual", "192.0.2.33"),
];
const SERVICES: &[(&str, u16)] = &[("ssh", 22), ("http", 80), ("www", 80), ("https", 443)];
const PROTOCOLS: &[(&str, u8)] =
    &[("ip", 0), ("icmp", 1), ("tcp", 6), ("udp", 17), ("ipv6-icmp", 58)];

/// Names from the tables above.
pub struct TestNames;

impl Names for TestNames {
    fn host(&self, name: &[u8]) -> Vec<IpAddr> {
        let short = |host: &str| host.split('.').next().unwrap().to_owned();
        HOSTS
            .iter()
            .filter(|(host, _)| {
                host.as_bytes().eq_ignore_ascii_case(name)
                    || short(host).as_bytes().eq_ignore_ascii_case(name)
            })
            .map(|(_, addr)| addr.parse().unwrap())
            .collect()
    }

    fn host_by_addr(&self, addr: IpAddr) -> Option<String> {
        let text = addr.to_string();
        HOSTS[..3].iter().find(|(_, known)| *known == text).map(|(name, _)| (*name).to_owned())
    }

    fn network(&self, name: &[u8]) -> Option<Ipv4Addr> {
        (name == b"lab-net").then(|| Ipv4Addr::new(10, 7, 0, 0))
    }

    fn service(&self, name: &[u8]) -> Option<u16> {
        SERVICES.iter().find(|(known, _)| known.as_bytes() == name).map(|&(_, port)| port)
    }

    fn protocol(&self, name: &[u8]) -> Option<u8> {
        PROTOCOLS.iter().find(|(known, _)| known.as_bytes() == name).map(|&(_, proto)| proto)
    }

    fn protocol_by_number(&self, number: u8) -> Option<String> {
        PROTOCOLS.iter().find(|&&(_, proto)| proto == number).map(|(name, _)| (*name).to_owned())
    }

    fn hostname(&self) -> String {
        "gw.example.com".to_owned()
    }

    fn similar(&self, _: &[u8]) -> Vec<String> {
        let services = SERVICES.iter().map(|(name, _)| *name);
        let protocols = PROTOCOLS.iter().map(|(name, _)| *name);
        services.chain(protocols).map(str::to_owned).collect()
    }
}

/// The algorithm table and what a kernel with it has.
pub fn algorithms() -> (AlgDb, Vec<KernelAlg>) {
    let (db, complaints) = AlgDb::parse(ALGS.as_bytes());
    assert!(complaints.is_empty(), "{complaints:?}");
    let kernel = db.kernel_algs();
    (db, kernel)
}

/// One source.
pub fn source(text: impl Into<Vec<u8>>) -> SourceText {
    SourceText { name: "test".to_owned(), text: text.into(), tunnel: None }
}

/// Parses and compiles; problems of both stages, in the order of their places.
pub fn load(sources: &[SourceText]) -> (Parsed, Vec<PolicyRule>, Vec<Problem>) {
    let (algs, kernel) = algorithms();
    let parsed = parse(sources);
    let resolver = Resolver { names: &TestNames, algs: &algs, kernel: &kernel };
    let (rules, problems) = compile(&parsed, &resolver);
    let mut all = parsed.problems.clone();
    all.extend(problems);
    all.sort_by_key(|problem| problem.span);
    (parsed, rules, all)
}
