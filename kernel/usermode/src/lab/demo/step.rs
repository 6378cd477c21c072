// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a demonstration is made of.

/// A piece of the session that can be shown alone.
pub(super) struct Part {
    pub(super) title: &'static str,
    pub(super) kernel: Kernel,
    /// Address of a second host, if there is one.
    pub(super) peer: Option<&'static str>,
    /// Commands that it uses.
    pub(super) needs: &'static [&'static str],
    pub(super) steps: &'static [Step],
}

/// Which kernel a part needs.
#[derive(Clone, Copy)]
pub(super) enum Kernel {
    /// With the extensions of the proposal.
    Modified,
    /// As illumos is today.
    Unmodified,
}

/// One thing typed, and what has to come of it.
pub(super) struct Step {
    /// What the reader is about to see; empty when the step speaks for itself.
    pub(super) note: &'static str,
    pub(super) run: Run,
    pub(super) expect: &'static [Expect],
}

impl Step {
    /// Is it about what only a changed kernel has: secure tunnels, namespaces?
    pub(super) fn needs_changed_kernel(&self) -> bool {
        match self.run {
            Run::Command(line) | Run::There(line) => {
                line.split_whitespace().any(|word| matches!(word, "-S" | "-N"))
            }
            _ => false,
        }
    }
}

/// What is typed. Paths are those of the system: they are below the root of the lab.
pub(super) enum Run {
    /// A command line; words are separated by single spaces, or stand between `'`.
    Command(&'static str),
    /// The same on the second host.
    There(&'static str),
    /// `cat PATH`.
    Cat(&'static str),
    /// `cat >PATH <<EOF`, with the text of the file.
    Write(&'static str, &'static str),
    /// The same on the second host.
    WriteThere(&'static str, &'static str),
    /// `mkdir -p PATH`.
    Mkdir(&'static str),
    /// `ln -s TARGET PATH`.
    Link(&'static str, &'static str),
    /// `rm PATH`.
    Remove(&'static str),
}

/// What has to hold. White space at the end of a line does not count.
pub(super) enum Expect {
    /// The exit status.
    Status(u8),
    /// Any exit status but 0.
    Fails,
    /// Standard output is exactly this.
    Output(&'static str),
    /// A line of standard output contains this.
    Says(&'static str),
    /// A line of standard error contains this.
    Complains(&'static str),
    /// Nothing on standard error.
    Silent,
    /// Standard output is kept under this name.
    Keep(&'static str),
    /// Standard output is the one kept under this name.
    Same(&'static str),
}
