// SPDX-License-Identifier: MIT OR Apache-2.0

//! Cases: as recorded (one file each) and as imported (one line each, in the same form
//! without prose).

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::golden::{case_files, imported, read_case};

/// One command on a system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Name.
    pub id: String,
    /// How closely ours has to follow.
    pub compat: Compat,
    /// The arguments, with the name of the program.
    pub argv: Vec<String>,
    /// Additional environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The system before the command.
    pub state: State,
    /// What the original did.
    pub expect: Expected,
    /// Did it write to standard error?
    #[serde(default)]
    pub stderr: bool,
    /// The system after the command.
    pub after: After,
}

/// How closely a case has to be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compat {
    /// Exactly.
    Must,
    /// Exactly, or for a reason not.
    Quirk,
    /// It is a fault of the original.
    Improve,
}

/// What can be seen of the original.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Expected {
    /// Exit status.
    pub exit: Option<i32>,
    /// Standard output.
    pub stdout: String,
}

/// A system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// Who calls.
    pub caller: Caller,
    /// Addresses of the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub local_addresses: Vec<Address>,
    /// Host names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// Tunnels in the kernel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernel_tunnels: Vec<KernelTunnel>,
    /// Links that have statistics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link_kstats: Vec<LinkStatistics>,
    /// Where links lie.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topology: Vec<Place>,
    /// Calls that fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub injected_errors: Vec<InjectedError>,
    /// The terminal that standard output is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Text of the stored configuration.
    pub datalink_conf: String,
    /// Text of the file of active links.
    pub active_cache: String,
    /// Files below another root, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub altroot_files: BTreeMap<String, String>,
}

/// Zone and effective privileges: `all`, `none` or the name of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names of the recording")]
pub struct Caller {
    pub zoneid: u32,
    pub privileges: String,
}

/// An address of the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names of the recording")]
pub struct Address {
    pub address: IpAddr,
    pub up: bool,
}

/// A tunnel in the kernel before the command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names of the recording")]
pub struct KernelTunnel {
    pub linkid: u32,
    #[serde(rename = "type")]
    pub kind: String,
    pub ipsec_policy: bool,
    pub implicit: bool,
    pub local: Option<IpAddr>,
    pub remote: Option<IpAddr>,
    pub mtu: u32,
    pub zoneid: u32,
    pub busy: bool,
}

/// Statistics of a link; an MTU, if it is no tunnel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names of the recording")]
pub struct LinkStatistics {
    pub link: String,
    pub linkid: u32,
    pub mtu: Option<u32>,
    pub link_state: String,
    pub stats: Option<Counters>,
}

/// Counters of a link.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names of the recording")]
pub struct Counters {
    pub ipackets: u64,
    pub rbytes: u64,
    pub ierrors: u64,
    pub opackets: u64,
    pub obytes: u64,
    pub oerrors: u64,
}

/// `bridge`: the name of the bridge that a link belongs to. `over` and `ports`: numbers of
/// links below, with commas.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names of the recording")]
pub struct Place {
    pub linkid: u32,
    pub kind: String,
    pub value: String,
}

/// A call that fails so many times, or always.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names of the recording")]
pub struct InjectedError {
    pub call: String,
    pub errno: String,
    pub times: Option<u32>,
}

/// Size of a terminal.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names of the recording")]
pub struct Window {
    pub rows: u16,
    pub cols: u16,
}

/// The system after the command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct After {
    /// Tunnels in the kernel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernel_tunnels: Vec<TunnelAfter>,
    /// Text of the stored configuration.
    pub datalink_conf: String,
    /// Text of the file of active links.
    pub active_cache: String,
    /// Files below another root, by path; those without text need not be there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub altroot_files: BTreeMap<String, String>,
}

/// A tunnel in the kernel after the command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names of the recording")]
pub struct TunnelAfter {
    pub linkid: u32,
    #[serde(rename = "type")]
    pub kind: String,
    pub local: Option<IpAddr>,
    pub remote: Option<IpAddr>,
    pub bound: bool,
    pub mtu: u32,
    pub hoplimit: u32,
    pub encaplimit: u32,
}

/// A case as recorded. Prose and remarks are left behind.
#[derive(Deserialize)]
struct Recorded {
    #[serde(flatten)]
    case: Case,
    stderr_informational: String,
}

/// Reads imported cases, one a line.
pub fn load_imported(lines: &str) -> Result<Vec<Case>, String> {
    imported(lines)
}

/// Reads a directory of recorded cases, in the order of their names.
pub fn load_directory(directory: &Path) -> io::Result<Vec<Case>> {
    let read = |path: PathBuf| {
        let recorded: Recorded = read_case(&path)?;
        let stderr = !recorded.stderr_informational.is_empty();
        Ok(Case { stderr, ..recorded.case })
    };
    case_files(directory)?.into_iter().map(read).collect()
}
