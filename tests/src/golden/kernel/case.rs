// SPDX-License-Identifier: MIT OR Apache-2.0

//! A recorded case as data.

use std::io;
use std::path::Path;

use serde::Deserialize;

use crate::golden::{self, case_files, read_case};

/// The imported cases, one JSON object a line; the first line is the set-up request.
const IMPORTED: &str = include_str!("../../../golden/pf_policy_kernel.jsonl");

/// One recorded conversation.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Name.
    pub id: String,
    /// State of the kernel at the start.
    pub start: Start,
    /// Sockets in the order in which they were opened.
    pub sockets: Vec<String>,
    /// Links that exist and are IP tunnels.
    #[serde(default)]
    pub links: Vec<String>,
    /// Present if the diagnostics of the replies are not fixed.
    #[serde(default)]
    pub unstable: Option<String>,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// State of the kernel at the start of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// IPsec loaded, default algorithms sent.
    Default,
    /// IPsec loaded, no algorithms.
    LoadedNoAlgs,
    /// IPsec not loaded.
    Unloaded,
}

/// A request or an outside event, and what followed.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// The socket written to.
    #[serde(default)]
    pub socket: Option<String>,
    /// The bytes written.
    #[serde(default)]
    pub send: Option<Hex>,
    /// What happened instead.
    #[serde(default)]
    pub control: Option<String>,
    /// Messages that arrived before the next step.
    #[serde(default)]
    pub recv: Vec<Received>,
    /// What else the kernel did.
    #[serde(default)]
    pub kernel_events: Vec<RecordedEvent>,
}

/// A message that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Received {
    /// On this socket.
    pub socket: String,
    /// Its bytes.
    pub data: Hex,
}

/// Bytes, written as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Hex(pub Vec<u8>);

/// Something the kernel did apart from answering.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum RecordedEvent {
    /// It told the tunnel driver about policy.
    Tunnel {
        /// The link.
        link: String,
        /// The policy head.
        tunnel: String,
        /// Flag word, with 0x.
        flags: String,
        /// Rules in force.
        active_rules: usize,
        /// Rules on the other side.
        standby_rules: usize,
    },
    /// It asked for the IPsec modules.
    Loader {
        /// Always the same text.
        loader: String,
    },
}

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("{text:?} is no hexadecimal text");
        let digits: Option<Vec<u8>> =
            text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
        let (pairs, rest) = digits.as_deref().ok_or_else(bad)?.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(bad());
        }
        Ok(Self(pairs.iter().map(|[high, low]| high << 4 | low).collect()))
    }
}

/// The request with which the default start state is made.
///
/// # Panics
///
/// If the imported file is damaged.
#[must_use]
pub fn setup() -> Vec<u8> {
    #[derive(Deserialize)]
    struct Setup {
        send: Hex,
    }
    let line = IMPORTED.lines().next().expect("the imported file has a first line");
    serde_json::from_str::<Setup>(line).expect("it is the set-up request").send.0
}

/// The cases that belong to this repository.
///
/// # Panics
///
/// If the imported file is damaged.
#[must_use]
pub fn imported() -> Vec<Case> {
    let (_, cases) = IMPORTED.split_once('\n').expect("the imported file has a first line");
    golden::imported(cases).expect("every line is a case")
}

/// The cases of a directory, sorted by file name.
pub fn read_dir(dir: &Path) -> io::Result<Vec<Case>> {
    case_files(dir)?.iter().map(|path| read_case(path)).collect()
}
