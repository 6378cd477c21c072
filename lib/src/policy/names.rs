// SPDX-License-Identifier: MIT OR Apache-2.0

//! The name services that the language needs.

use std::net::{IpAddr, Ipv4Addr};

/// Host, network, service and protocol names.
///
/// Names are bytes, as they stand in a policy file.
pub trait Names {
    /// All addresses of a host name, of both families, in the order of the name service.
    /// Empty if there is no such host. Letter case does not matter.
    fn host(&self, name: &[u8]) -> Vec<IpAddr>;

    /// The first name of an address.
    fn host_by_addr(&self, addr: IpAddr) -> Option<String>;

    /// The address of a network name; the bits behind the network are zero.
    fn network(&self, name: &[u8]) -> Option<Ipv4Addr>;

    /// The port of a service name or alias, of any protocol. Letter case matters.
    fn service(&self, name: &[u8]) -> Option<u16>;

    /// The number of a protocol name or alias. Letter case matters.
    fn protocol(&self, name: &[u8]) -> Option<u8>;

    /// The name of a protocol.
    fn protocol_by_number(&self, number: u8) -> Option<String>;

    /// The name of this host.
    fn hostname(&self) -> String;

    /// Names that are close to `name`, for hints: services, protocols or hosts.
    fn similar(&self, name: &[u8]) -> Vec<String>;
}
