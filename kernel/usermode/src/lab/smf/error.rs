// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the stand-ins for the service commands have to say.

use std::path::PathBuf;

use illumos_ipsec::sys::files::LockError;

use super::LabError;
use super::property::PropertyError;

/// Why a stand-in does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum SmfError {
    #[error("Pattern '{0}' doesn't match any instances")]
    NoMatch(String),
    #[error("Pattern '{pattern}' matches multiple instances:\n\t{}", fmris.join("\n\t"))]
    Ambiguous { pattern: String, fmris: Vec<String> },
    #[error("Instance \"{0}\" is not in a maintenance or degraded state.")]
    NotInMaintenance(String),
    #[error("Instance \"{fmri}\" is in maintenance state: {reason}")]
    InMaintenance { fmri: String, reason: String },
    #[error("Couldn't find property '{property}' for instance '{fmri}'.")]
    NoProperty { property: String, fmri: String },
    #[error("No such property group \"{0}\".")]
    NoGroup(String),
    #[error("column '{found}' is unknown; expected {expected}")]
    Column { found: String, expected: String },
    #[error("{}: {reason}", path.display())]
    Manifest { path: PathBuf, reason: String },
    #[error("{}: {source}; remove the file to begin anew", path.display())]
    Store { path: PathBuf, source: serde_json::Error },
    #[error("a method cannot call svcadm in a lab: it would wait for itself")]
    InMethod,
    #[error(transparent)]
    Property(#[from] PropertyError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Lab(#[from] LabError),
}
