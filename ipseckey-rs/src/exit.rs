// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a run ends with.

use std::process::ExitCode;

use illumos_ipsec::cli::smf;

use crate::program::Program;
use crate::say;

/// Why a run is over before its time. What went wrong has been said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It failed, and says so.
    Fatal,
    /// It failed; nothing more is to be said.
    Silent,
    /// A privilege is missing.
    Privilege,
    /// The user has had enough.
    Quit,
    /// The kernel did not answer.
    TimedOut,
    /// A signal ended it.
    Signal(i32),
}

/// The exit status, plain and as the method of a service.
///
/// | | plain | service |
/// |---|---|---|
/// | `Fatal`, `Silent` | 1 | 95 |
/// | `Privilege` | 1 | 100 |
/// | `TimedOut` | 1 | 1 |
/// | `Quit` | 0 | 0 |
/// | `Signal(n)` | n | n |
pub(crate) fn status(
    program: Program,
    outcome: Result<(), End>,
    service: Option<&str>,
) -> ExitCode {
    match (outcome, service) {
        (Ok(()) | Err(End::Quit), _) => ExitCode::SUCCESS,
        (Err(End::Signal(number)), _) => ExitCode::from(u8::try_from(number).unwrap_or(1)),
        (Err(End::Fatal), Some(fmri)) => {
            say::print(program, format_args!("Bad configuration of service {fmri}."));
            ExitCode::from(smf::EXIT_ERR_FATAL)
        }
        (Err(End::Silent), Some(_)) => ExitCode::from(smf::EXIT_ERR_FATAL),
        (Err(End::Privilege), Some(fmri)) => {
            say::print(program, format_args!("Permission error with {fmri}."));
            ExitCode::from(smf::EXIT_ERR_PERM)
        }
        (Err(End::Fatal | End::Privilege), None) => {
            say::print(program, "Fatal error - exiting.");
            ExitCode::from(1)
        }
        (Err(End::Silent | End::TimedOut), _) => ExitCode::from(1),
    }
}

/// Shows how the command is used.
pub(crate) fn usage(program: Program) -> End {
    let name = program.name();
    say::complain_plain(format_args!(
        "Usage:\t{name} [ -nvp ] [ -N namespace ] | cmd [sa_type] [extfield value]*\n\
         \t{name} [ -nvp ] [ -N namespace ] -f infile\n\
         \t{name} [ -nvp ] -c infile\n\
         \t{name} [ -nvp ] [ -N namespace ] -s outfile\n\
         \"{name} help\" lists the commands; see ipseckey(8)."
    ));
    End::Fatal
}
