// SPDX-License-Identifier: MIT OR Apache-2.0

//! Name services that read the files under `/etc`.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::System;
use crate::policy::Names;

/// Names as the system has them: from its name services on illumos, from files in a lab.
#[cfg(not(target_os = "illumos"))]
pub type SystemNames<'a> = FileNames<'a>;
#[cfg(target_os = "illumos")]
pub use super::illumos::ServiceNames as SystemNames;

/// Host, network, service and protocol names from their files, each read at most once.
#[derive(Debug)]
pub struct FileNames<'a> {
    system: &'a System,
    hosts: OnceCell<Hosts>,
    networks: OnceCell<HashMap<Vec<u8>, Ipv4Addr>>,
    services: OnceCell<HashMap<Vec<u8>, u16>>,
    protocols: OnceCell<Protocols>,
}

#[derive(Debug, Default)]
struct Hosts {
    by_name: HashMap<Vec<u8>, Vec<IpAddr>>,
    by_addr: HashMap<IpAddr, String>,
}

#[derive(Debug, Default)]
struct Protocols {
    by_name: HashMap<Vec<u8>, u8>,
    by_number: HashMap<u8, String>,
}

impl<'a> FileNames<'a> {
    /// Names as this system's files have them.
    #[must_use]
    pub fn new(system: &'a System) -> Self {
        Self {
            system,
            hosts: OnceCell::new(),
            networks: OnceCell::new(),
            services: OnceCell::new(),
            protocols: OnceCell::new(),
        }
    }

    /// The same: files do not ask which addresses this host has.
    #[must_use]
    pub fn whatever_is_configured(self) -> Self {
        self
    }

    /// The system whose files these are.
    #[must_use]
    pub fn system(&self) -> &System {
        self.system
    }

    /// The first of these files that can be read, in a lab before those of the machine; none
    /// is as good as an empty one.
    fn read(&self, paths: &[&str]) -> Vec<u8> {
        let inside = paths.iter().find_map(|path| std::fs::read(self.system.path(path)).ok());
        inside
            .or_else(|| paths.iter().find_map(|path| self.system.read(path).ok()))
            .unwrap_or_default()
    }

    fn hosts(&self) -> &Hosts {
        self.hosts.get_or_init(|| {
            let mut hosts = Hosts::default();
            for fields in lines(&self.read(&["/etc/inet/hosts", "/etc/hosts"])) {
                let Some(addr) = text(fields[0]).and_then(|addr| addr.parse::<IpAddr>().ok())
                else {
                    continue;
                };
                for name in &fields[1..] {
                    let addrs = hosts.by_name.entry(name.to_ascii_lowercase()).or_default();
                    if !addrs.contains(&addr) {
                        addrs.push(addr);
                    }
                }
                if let Some(name) = fields.get(1) {
                    hosts
                        .by_addr
                        .entry(addr)
                        .or_insert_with(|| String::from_utf8_lossy(name).into_owned());
                }
            }
            hosts
        })
    }

    fn networks(&self) -> &HashMap<Vec<u8>, Ipv4Addr> {
        self.networks.get_or_init(|| {
            let mut networks = HashMap::new();
            for fields in lines(&self.read(&["/etc/inet/networks", "/etc/networks"])) {
                let Some(addr) = fields.get(1).and_then(|number| network_number(number)) else {
                    continue;
                };
                for name in fields.iter().take(1).chain(&fields[2..]) {
                    networks.entry(name.to_vec()).or_insert(addr);
                }
            }
            networks
        })
    }

    fn services(&self) -> &HashMap<Vec<u8>, u16> {
        self.services.get_or_init(|| {
            let mut services = HashMap::new();
            for fields in lines(&self.read(&["/etc/inet/services", "/etc/services"])) {
                let port = fields.get(1).copied().and_then(text).and_then(|field| {
                    let (port, _) = field.split_once('/')?;
                    port.parse().ok()
                });
                let Some(port) = port else { continue };
                for name in fields.iter().take(1).chain(&fields[2..]) {
                    services.entry(name.to_vec()).or_insert(port);
                }
            }
            services
        })
    }

    fn protocols(&self) -> &Protocols {
        self.protocols.get_or_init(|| {
            let mut protocols = Protocols::default();
            for fields in lines(&self.read(&["/etc/inet/protocols", "/etc/protocols"])) {
                let number = fields.get(1).copied().and_then(text).and_then(|n| n.parse().ok());
                let Some(number) = number else { continue };
                for name in fields.iter().take(1).chain(&fields[2..]) {
                    protocols.by_name.entry(name.to_vec()).or_insert(number);
                }
                protocols
                    .by_number
                    .entry(number)
                    .or_insert_with(|| String::from_utf8_lossy(fields[0]).into_owned());
            }
            protocols
        })
    }
}

impl Names for FileNames<'_> {
    fn host(&self, name: &[u8]) -> Vec<IpAddr> {
        self.hosts().by_name.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default()
    }

    fn host_by_addr(&self, addr: IpAddr) -> Option<String> {
        self.hosts().by_addr.get(&addr).cloned()
    }

    fn network(&self, name: &[u8]) -> Option<Ipv4Addr> {
        self.networks().get(name).copied()
    }

    fn service(&self, name: &[u8]) -> Option<u16> {
        self.services().get(name).copied()
    }

    fn protocol(&self, name: &[u8]) -> Option<u8> {
        self.protocols().by_name.get(name).copied()
    }

    fn protocol_by_number(&self, number: u8) -> Option<String> {
        self.protocols().by_number.get(&number).cloned()
    }

    fn hostname(&self) -> String {
        let nodename = std::fs::read(self.system.path("/etc/nodename")).unwrap_or_default();
        match lines(&nodename).next() {
            Some(fields) => String::from_utf8_lossy(fields[0]).into_owned(),
            None => nix::unistd::gethostname()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
        }
    }

    fn similar(&self, name: &[u8]) -> Vec<String> {
        let near = |candidate: &&Vec<u8>| {
            candidate.len().abs_diff(name.len()) <= 1 && candidate.first() == name.first()
        };
        let services = self.services().keys();
        let protocols = self.protocols().by_name.keys();
        let hosts = self.hosts().by_name.keys();
        let mut names: Vec<_> = services
            .chain(protocols)
            .chain(hosts)
            .filter(near)
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Lines with at least one field; comments are cut.
fn lines(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|&b| b == b'\n').filter_map(|line| {
        let line = line.split(|&b| b == b'#').next().unwrap_or_default();
        let fields: Vec<_> =
            line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).collect();
        (!fields.is_empty()).then_some(fields)
    })
}

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok()
}

/// `10`, `172.16` or `192.168.7`: the leading parts of a network.
fn network_number(field: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let parts: Vec<_> = text(field)?.split('.').collect();
    for (octet, part) in octets.iter_mut().zip(&parts) {
        *octet = part.parse().ok()?;
    }
    (parts.len() <= 4).then(|| octets.into())
}

#[cfg(all(test, not(target_os = "illumos")))]
mod tests {
    use super::*;

    fn lab(files: &[(&str, &str)]) -> (tempfile::TempDir, System) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("root/etc/inet")).unwrap();
        for (path, content) in files {
            std::fs::write(dir.path().join(format!("root{path}")), content).unwrap();
        }
        let system = System::lab(dir.path());
        (dir, system)
    }

    #[test]
    fn addresses_keep_the_order_of_the_file_and_case_of_hosts_does_not_matter() {
        let (_dir, system) = lab(&[(
            "/etc/inet/hosts",
            "192.0.2.1 Dual.example dual # one\n2001:db8::1\tdual.example\n# 192.0.2.2 dual\n",
        )]);
        let names = FileNames::new(&system);
        let addrs: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!(names.host(b"DUAL.example"), addrs);
        assert_eq!(names.host_by_addr(addrs[0]), Some("Dual.example".to_owned()));
        assert!(names.host(b"nosuch").is_empty());
    }

    #[test]
    fn aliases_and_damaged_lines() {
        let (_dir, system) = lab(&[
            ("/etc/inet/services", "ssh 22/tcp secure\nbroken\nweb 80\n"),
            ("/etc/inet/protocols", "tcp 6 TCP\n"),
            ("/etc/inet/networks", "lab 10.1 bench\nbad 300\n"),
        ]);
        let names = FileNames::new(&system);
        assert_eq!(names.service(b"secure"), Some(22));
        assert_eq!(names.service(b"web"), None);
        assert_eq!(names.protocol(b"TCP"), Some(6));
        assert_eq!(names.protocol(b"Tcp"), None);
        assert_eq!(names.network(b"bench"), Some(Ipv4Addr::new(10, 1, 0, 0)));
        assert_eq!(names.network(b"bad"), None);
    }
}
