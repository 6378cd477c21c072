// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a command line asks for.

use std::ffi::OsString;

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::model::TunnelName;
use illumos_ipsec::sys::policy::Scope;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub command: Command,
    pub quiet: bool,
    pub numeric: bool,
    pub who: Who,
}

/// One command and just its own options.
#[derive(Debug)]
pub(crate) enum Command {
    /// No arguments: show what was loaded.
    View,
    /// Arguments, but no command among them.
    Missing,
    /// `-l`, `-L`.
    List(Scope),
    /// `-f`, `-F`.
    Flush(Scope),
    /// `-d`.
    Delete { scope: Scope, index: i32 },
    /// `-a`, with or without `-f` or `-F`.
    Load(Load),
    /// `-c`.
    Check { sources: Vec<OsString> },
    /// `-r`. A tunnel can only be named behind it and has no meaning.
    Remove { file: OsString, tunnel: Option<TunnelName> },
}

/// Loading policy.
#[derive(Debug)]
pub(crate) struct Load {
    /// Files and directories, in order; they form one load.
    pub sources: Vec<OsString>,
    /// The heads whose old rules go away; none when rules are only added.
    pub replace: Option<Scope>,
    /// The standby side that is emptied at the end.
    pub cleanup: Scope,
    /// `--keep-going`: sources with errors are left out, and their tunnels closed.
    pub keep_going: bool,
    /// `--plan`: only tell what would change.
    pub plan: bool,
}
