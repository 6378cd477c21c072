// SPDX-License-Identifier: MIT OR Apache-2.0

//! A recorded case as data.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::golden::kernel::Hex;
use crate::golden::{case_files, imported, read_case};

const IMPORTED: &str = include_str!("../../../golden/ipseckey.jsonl");

/// One recorded scenario.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Name.
    pub id: String,
    #[serde(default)]
    name: String,
    pub(super) setup: Setup,
    pub(super) steps: Vec<Step>,
}

/// What there is before the first run.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Setup {
    #[serde(default)]
    pub(super) hosts: String,
    #[serde(default)]
    pub(super) files: BTreeMap<String, File>,
    #[serde(default)]
    pub(super) dirs: Vec<String>,
}

/// A file: contents and octal mode.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct File {
    pub(super) content: String,
    pub(super) mode: String,
}

/// One run.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Step {
    pub(super) argv: Vec<String>,
    #[serde(default)]
    pub(super) stdin: Option<String>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) conditions: Option<serde_json::Value>,
    pub(super) exit: Option<i32>,
    #[serde(default)]
    pub(super) stdout: String,
    #[serde(default)]
    pub(super) files_after: Option<BTreeMap<String, Option<File>>>,
    #[serde(default = "yes")]
    pub(super) normative: bool,
    #[serde(default)]
    pub(super) pf_key: Vec<Message>,
}

fn yes() -> bool {
    true
}

/// A message of the conversation.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Message {
    pub(super) dir: Direction,
    pub(super) hex: Hex,
}

/// Who has sent it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    /// The command.
    Sent,
    /// The peer.
    Recv,
}

/// The cases that belong to this repository.
///
/// # Panics
///
/// If the imported file is damaged.
#[must_use]
pub fn load_imported() -> Vec<Case> {
    imported(IMPORTED).expect("every line is a case")
}

/// The cases of a directory, one JSON file each, sorted by file name.
pub fn load_directory(dir: &Path) -> io::Result<Vec<Case>> {
    let read = |path: PathBuf| {
        let mut case: Case = read_case(&path)?;
        case.id = format!("{}-{}", case.id, case.name);
        Ok(case)
    };
    case_files(dir)?.into_iter().map(read).collect()
}
