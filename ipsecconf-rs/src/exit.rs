// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can go wrong, and which exit status it gives.

use std::io;
use std::process::ExitCode;
use std::sync::OnceLock;

use illumos_ipsec::cli::smf;
use illumos_ipsec::model::TunnelName;
use illumos_ipsec::sys::OpenError;
use illumos_ipsec::sys::files::LockError;
use illumos_ipsec::sys::policy::{PolicyError, Scope};
use illumos_ipsec::wire::errno::Errno;

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
    /// No failure, but to be told apart from success: a plan that would change something.
    Changes,
}

/// The exit status: plain, and as the method of a service.
///
/// | | plain | service |
/// |---|---|---|
/// | `Failed` | 1 | 1 |
/// | `Fatal`, `BadPolicy` | 1 | 95 |
/// | `Privilege` | 1 | 100 |
/// | `Kernel` | 255 | 255 |
/// | `Changes` | 2 | 2 |
pub(crate) fn status(result: Result<(), Failure>, service: Option<&str>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let (code, closing) = match (failure, service) {
        (Failure::Kernel, _) => (255, None),
        (Failure::Changes, _) => (2, None),
        (Failure::Failed, _) | (_, None) => (1, None),
        (Failure::Fatal, Some(_)) => (smf::EXIT_ERR_FATAL, Some("fatal error")),
        (Failure::BadPolicy, Some(_)) => {
            (smf::EXIT_ERR_FATAL, Some("the configuration has errors"))
        }
        (Failure::Privilege, Some(_)) => (smf::EXIT_ERR_PERM, Some("a privilege is missing")),
    };
    if let (Some(closing), Some(fmri)) = (closing, service) {
        complain(format_args!("{fmri}: {closing}"));
    }
    ExitCode::from(code)
}

/// How messages call this program.
static PROGRAM: OnceLock<&str> = OnceLock::new();

/// How messages call this program.
pub(crate) fn program() -> &'static str {
    PROGRAM.get_or_init(|| "ipsecconf")
}

/// Messages come from another program, which uses this one as a library.
pub(crate) fn speak_as(name: &'static str) {
    // The first one who says so is right.
    let _ = PROGRAM.set(name);
}

/// Writes a line to standard error.
pub(crate) fn complain(message: impl std::fmt::Display) {
    complain_to(&mut io::stderr(), message);
}

/// The same where standard error is buffered.
pub(crate) fn complain_to(stderr: &mut impl io::Write, message: impl std::fmt::Display) {
    // Nothing can be done about a standard error that is closed.
    let _ = writeln!(stderr, "{}: {message}", program());
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
        OpenError::Privilege { .. } => Failure::Privilege,
        OpenError::NoKernel(_) | OpenError::Unavailable { .. } => otherwise,
    }
}

/// A tunnel that the kernel does not know.
pub(crate) fn no_policy(tunnel: &TunnelName) -> String {
    format!("there is no IPsec policy for tunnel {tunnel}")
}

/// Reports a request about some heads that failed.
pub(crate) fn scope_failure(verb: &str, scope: &Scope, error: &PolicyError) -> Failure {
    let unknown = error.refusal().is_some_and(|refusal| refusal.errno == Errno::ENOENT);
    match scope {
        Scope::Tunnel(name) if unknown => complain(no_policy(name)),
        Scope::Tunnel(name) => complain(format_args!("cannot {verb} tunnel {name}: {error}")),
        Scope::Global | Scope::All => complain(format_args!("cannot {verb} the policy: {error}")),
    }
    Failure::Failed
}

/// Reports a request that failed.
pub(crate) fn request_failure(what: &str, error: &PolicyError, failure: Failure) -> Failure {
    complain(format_args!("{what}: {error}"));
    failure
}
