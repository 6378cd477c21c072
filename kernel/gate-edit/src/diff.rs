// SPDX-License-Identifier: MIT OR Apache-2.0

//! Changes as a unified diff that `git apply` and `patch -p1` read.

use std::io::{self, Write};

use similar::TextDiff;

use crate::write::Change;

const NOTHING: &str = "/dev/null";

/// Writes the difference that a change makes.
pub fn write(out: &mut impl Write, change: &Change) -> io::Result<()> {
    let side = |prefix: &str, bytes: &Option<Vec<u8>>| match bytes {
        Some(_) => format!("{prefix}/{}", change.path),
        None => NOTHING.to_owned(),
    };
    writeln!(out, "diff --git a/{0} b/{0}", change.path)?;
    if change.old.is_none() {
        let execute = if change.mode & 0o111 == 0 { "644" } else { "755" };
        writeln!(out, "new file mode 100{execute}")?;
    }
    let old = lines(change.old.as_deref().unwrap_or_default());
    let new = lines(change.new.as_deref().unwrap_or_default());
    TextDiff::configure()
        .newline_terminated(true)
        .diff_slices(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(&side("a", &change.old), &side("b", &change.new))
        .to_writer(out)
}

/// Lines with their newlines. Only newlines end lines, as for `diff`.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}
