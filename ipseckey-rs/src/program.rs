// SPDX-License-Identifier: MIT OR Apache-2.0

//! The names under which the program runs.

use std::ffi::OsStr;
use std::path::Path;

/// The name under which the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// Every kind of association.
    Ipseckey,
    /// Only TCP signatures.
    Tcpkey,
}

impl Program {
    pub(crate) fn of(argv0: Option<&OsStr>) -> Self {
        let base = argv0.map(Path::new).and_then(Path::file_name);
        if base == Some(OsStr::new("tcpkey")) { Self::Tcpkey } else { Self::Ipseckey }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ipseckey => "ipseckey",
            Self::Tcpkey => "tcpkey",
        }
    }
}
