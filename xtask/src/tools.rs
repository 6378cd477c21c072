// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs that are needed and do not come with Rust.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::run::{Failure, Outcome};

/// A program, why it is needed, and where it comes from.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    why: &'static str,
    /// What to do to have it.
    get: &'static str,
}

/// For the tests.
pub(crate) const TEST_TOOLS: &[Tool] = &[
    Tool { name: "cargo", why: "it runs the tests", get: "install Rust" },
    // Rust programs are linked by the C compiler.
    Tool { name: "cc", why: "it links the programs", get: "apt-get install gcc" },
    Tool { name: "sh", why: "the lab runs commands with it", get: "apt-get install dash" },
    Tool { name: "bash", why: "completion is tested in it", get: "apt-get install bash" },
];

pub(crate) const MANDOC: Tool =
    Tool { name: "mandoc", why: "it checks the manual pages", get: "apt-get install mandoc" };

pub(crate) const XMLLINT: Tool = Tool {
    name: "xmllint",
    why: "it checks the service manifests",
    get: "apt-get install libxml2-utils",
};

pub(crate) const SHELLCHECK: Tool = Tool {
    name: "shellcheck",
    why: "it checks the scripts for illumos",
    get: "apt-get install shellcheck",
};

pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    why: "it checks the dependencies",
    get: "cargo install cargo-deny --locked",
};

impl Tool {
    /// Whether the program is found in PATH.
    pub(crate) fn exists(&self) -> bool {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|dir| {
            let found = fs::metadata(dir.join(self.name));
            found.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
    }

    /// What to tell somebody who does not have it.
    pub(crate) fn missing(&self) -> String {
        let Tool { name, why, get } = self;
        format!("{name} is missing; {why} ({get})")
    }
}

/// Fails with the names of all that are missing.
pub(crate) fn require(tools: &[Tool]) -> Outcome {
    let missing: Vec<String> =
        tools.iter().filter(|tool| !tool.exists()).map(Tool::missing).collect();
    if missing.is_empty() { Ok(()) } else { Err(Failure::Said(missing.join("\nxtask: "))) }
}
