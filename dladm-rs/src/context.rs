// SPDX-License-Identifier: MIT OR Apache-2.0

//! What all subcommands need.

use std::ffi::OsString;

use illumos_ipsec::cli::getopt_long::{Options, Scanned, scan};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::links::{LinkClient, OpenLinksError};
use illumos_ipsec::sys::names::SystemNames;
use illumos_ipsec::tunnels::Tunnels;

use crate::failure::Failure;

/// One run of the command.
pub(crate) struct Context {
    pub(crate) system: System,
    pub(crate) client: LinkClient,
    /// The subcommand.
    pub(crate) name: &'static str,
    /// All arguments, for the system's own dladm.
    pub(crate) args: Vec<OsString>,
}

impl Context {
    pub(crate) fn open(name: &'static str, args: &[OsString]) -> Result<Self, Failure> {
        let system = System::current();
        let client = system.open_links().map_err(|error| match error {
            OpenLinksError::NoKernel(_) => Failure::message(error.to_string()),
            OpenLinksError::Unavailable { .. } => {
                Failure::message(format!("could not open /dev/dld: {error}"))
            }
        })?;
        Ok(Self { system, client, name, args: args.to_vec() })
    }

    /// Scans the options of the subcommand.
    pub(crate) fn scan(&self, options: &Options, args: &[OsString]) -> (Scanned, Option<Failure>) {
        let posix = std::env::var_os("POSIXLY_CORRECT").is_some();
        let (scanned, error) = scan(options, args, posix);
        (scanned, error.map(|error| Failure::option(error, self.name)))
    }

    /// Does something with the tunnels of the system.
    pub(crate) fn tunnels<T>(&mut self, act: impl FnOnce(&mut Tunnels<'_>) -> T) -> T {
        let names = SystemNames::new(&self.system).whatever_is_configured();
        act(&mut Tunnels::new(&mut self.client, &names))
    }
}
