// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can go wrong, and which exit status it gives.

use std::process::ExitCode;

use illumos_ipsec::cli::smf;
use illumos_ipsec::sys::files::LockError;
use illumos_ipsec::sys::policy::{OpenError, PolicyError};

/// A failure that has been reported on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The command did not do what was asked.
    Failed,
    /// Nothing sensible can be done: bad usage, a lock file that cannot be trusted.
    Fatal,
    /// The policy text has errors.
    BadPolicy,
    /// A privilege is missing.
    Privilege,
    /// The kernel did not take part in preparing or activating a policy.
    Kernel,
}

/// The exit status: plain, and as the method of a service.
///
/// | | plain | service |
/// |---|---|---|
/// | `Failed` | 1 | 1 |
/// | `Fatal`, `BadPolicy` | 1 | 95 |
/// | `Privilege` | 1 | 100 |
/// | `Kernel` | 255 | 255 |
pub(crate) fn status(result: Result<(), Failure>, service: Option<&str>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let (code, closing) = match (failure, service) {
        (Failure::Failed, _) => (1, None),
        (Failure::Kernel, _) => (255, None),
        (_, None) => (1, Some("giving up".to_owned())),
        (Failure::Fatal, Some(fmri)) => (smf::EXIT_ERR_FATAL, Some(format!("{fmri}: giving up"))),
        (Failure::BadPolicy, Some(fmri)) => {
            (smf::EXIT_ERR_FATAL, Some(format!("{fmri}: the configuration has errors")))
        }
        (Failure::Privilege, Some(fmri)) => {
            (smf::EXIT_ERR_PERM, Some(format!("{fmri}: a privilege is missing")))
        }
    };
    if let Some(closing) = closing {
        complain(closing);
    }
    ExitCode::from(code)
}

/// Writes a line to standard error.
pub(crate) fn complain(message: impl std::fmt::Display) {
    use std::io::Write;
    // Nothing can be done about a standard error that is closed.
    let _ = writeln!(std::io::stderr(), "ipsecconf: {message}");
}

/// Reports a lock that could not be taken.
pub(crate) fn lock_failure(error: &LockError) -> Failure {
    complain(error);
    match error {
        LockError::Bad { .. } => Failure::Fatal,
        LockError::Privilege { .. } | LockError::Open { .. } => Failure::Privilege,
    }
}

/// Reports a kernel that could not be reached; `otherwise` is the failure where it is
/// not for lack of privilege.
pub(crate) fn open_failure(error: &OpenError, otherwise: Failure) -> Failure {
    complain(error);
    match error {
        OpenError::Privilege(_) => Failure::Privilege,
        OpenError::NoKernel(_) | OpenError::Unavailable { .. } => otherwise,
    }
}

/// Reports a request that failed.
pub(crate) fn request_failure(what: &str, error: &PolicyError, failure: Failure) -> Failure {
    complain(format_args!("{what}: {error}"));
    failure
}
