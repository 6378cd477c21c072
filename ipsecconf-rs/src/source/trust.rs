// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whether what a directory holds may decide about the policy of a system.
//!
//! A file named by the operator is read as it is. A file that is found in a directory is
//! used because of its place alone, so nobody but root may be able to put it there or to
//! change it. Whoever checks a policy without being root may check their own files.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use nix::unistd::geteuid;

/// Why a file or directory is not to be trusted; none if it is.
#[must_use]
pub fn distrust(metadata: &Metadata) -> Option<String> {
    let owner = metadata.uid();
    if owner != 0 && owner != geteuid().as_raw() {
        return Some(format!("it belongs to user {owner}, expected root"));
    }
    let mode = metadata.mode() & 0o7777;
    (mode & 0o022 != 0).then(|| {
        format!("others than its owner may write it (mode {mode:04o}), expected `chmod go-w`")
    })
}
