// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can go wrong around a lab.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a lab does not start or run.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Another server is alive in the directory.
    #[error("{} is served already{}", dir.display(), by(*holder))]
    InUse {
        /// The lab directory.
        dir: PathBuf,
        /// Process of the other server.
        holder: Option<u32>,
    },
    /// The address of a Unix socket has room for 107 bytes.
    #[error("{} is too long for the name of a socket; use a shorter directory name", path.display())]
    NameTooLong {
        /// The socket.
        path: PathBuf,
    },
    /// The server process did not come up.
    #[error("the server did not start ({0})")]
    NoServer(String),
    /// A command has not been built.
    #[error("{0} is not in the directory of ipsec-lab; build it, or use cargo xtask")]
    NoCommand(&'static str),
    /// Nothing names a lab.
    #[error("no lab is named; run this in a lab's shell, or set {}", super::LAB_VARIABLE)]
    NotNamed,
    /// The kernel of a lab does not do what it was asked for.
    #[error("{0}")]
    Refused(String),
    /// A capture file cannot be used.
    #[error(transparent)]
    Pcap(#[from] super::traffic::PcapError),
    /// The system refused something.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl LabError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

/// Says something on standard error, which may be closed.
pub(super) fn complain(what: fmt::Arguments<'_>) {
    complain_as("ipsec-lab", what);
}

/// The same under the name of a stand-in.
pub(super) fn complain_as(program: &str, what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{program}: {what}");
}

fn by(holder: Option<u32>) -> String {
    holder.map_or_else(String::new, |pid| format!(" by process {pid}"))
}
