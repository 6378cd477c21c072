// SPDX-License-Identifier: MIT OR Apache-2.0

//! What all commands need.

use illumos_ipsec::cli::plain;
use illumos_ipsec::policy::AlgDb;
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::files::LockFile;
use illumos_ipsec::sys::names::FileNames;
use illumos_ipsec::sys::policy::PolicyClient;

use crate::exit::{self, Failure, complain};

/// Serialises all `ipsecconf` commands of a system.
const LOCK_FILE: &str = "/var/run/ipsecconf.lock";
/// Names, numbers and key sizes of algorithms.
const ALGORITHMS: &str = "/etc/inet/ipsecalgs";

/// The system and how to talk to the operator.
pub(crate) struct Context {
    pub system: System,
    pub quiet: bool,
    pub numeric: bool,
    /// The service whose method this is.
    pub service: Option<String>,
}

impl Context {
    pub(crate) fn new(quiet: bool, numeric: bool, service: Option<String>) -> Self {
        Self { system: System::current(), quiet, numeric, service }
    }

    /// Takes the lock that every command but a check holds until it ends.
    pub(crate) fn lock(&self) -> Result<LockFile, Failure> {
        self.system.check().map_err(|error| {
            complain(error);
            Failure::Kernel
        })?;
        // The files of a lab belong to whoever runs it.
        let owner = if self.system.is_lab() { nix::unistd::geteuid().as_raw() } else { 0 };
        LockFile::acquire(&self.system.path(LOCK_FILE), owner)
            .map_err(|error| exit::lock_failure(&error))
    }

    /// Connects to the kernel.
    pub(crate) fn open(&self, otherwise: Failure) -> Result<PolicyClient, Failure> {
        self.system
            .open_policy()
            .map(PolicyClient::new)
            .map_err(|error| exit::open_failure(&error, otherwise))
    }

    pub(crate) fn names(&self) -> FileNames<'_> {
        FileNames::new(&self.system)
    }

    /// The algorithm table; without its file there are no names, only numbers.
    pub(crate) fn algorithms(&self) -> AlgDb {
        let text = match self.system.read(ALGORITHMS) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // A machine that is no IPsec system can still check policy for one.
                return match self.system.has_kernel() {
                    true => AlgDb::default(),
                    false => AlgDb::installed(),
                };
            }
            Err(error) => {
                complain(format_args!("cannot read {ALGORITHMS}: {}", plain(&error)));
                Vec::new()
            }
        };
        let (algorithms, complaints) = AlgDb::parse(&text);
        for complaint in complaints {
            complain(format_args!("{ALGORITHMS}: {complaint}"));
        }
        algorithms
    }

    /// Whether texts for a person at the keyboard are wanted.
    pub(crate) fn talkative(&self) -> bool {
        !self.quiet
    }
}
