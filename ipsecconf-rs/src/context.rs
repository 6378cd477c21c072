// SPDX-License-Identifier: MIT OR Apache-2.0

//! What all commands need.

use std::path::PathBuf;

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::cli::plain;
use illumos_ipsec::model::Namespace;
use illumos_ipsec::policy::AlgDb;
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::files::LockFile;
use illumos_ipsec::sys::names::SystemNames;
use illumos_ipsec::sys::policy::{PolicyClient, Scope};

use crate::exit::{self, Failure, complain};
use crate::owner;

/// The system and how to talk to the operator.
pub(crate) struct Context {
    pub system: System,
    pub quiet: bool,
    pub numeric: bool,
    /// The service whose method this is.
    pub service: Option<String>,
    /// Whose policy this is about.
    pub who: Who,
}

impl Context {
    pub(crate) fn new(quiet: bool, numeric: bool, service: Option<String>, who: Who) -> Self {
        Self { system: System::current(), quiet, numeric, service, who }
    }

    /// The same for one owner.
    pub(crate) fn for_owner(&self, owner: Option<Namespace>) -> Self {
        let who = owner.map_or(Who::Nameless, Who::Named);
        let (system, service) = (self.system.clone(), self.service.clone());
        Self { system, quiet: self.quiet, numeric: self.numeric, service, who }
    }

    /// Takes the lock that every command but a check holds until it ends. Each owner has
    /// one, so that they do not wait for each other.
    pub(crate) fn lock(&self) -> Result<LockFile, Failure> {
        let path = self.lock_path()?;
        LockFile::acquire(&path, self.system.owner()).map_err(|error| exit::lock_failure(&error))
    }

    /// The same, but none if it is taken. Who holds the lock of one owner does not wait for
    /// that of another.
    pub(crate) fn try_lock(&self) -> Result<Option<LockFile>, Failure> {
        let path = self.lock_path()?;
        LockFile::try_acquire(&path, self.system.owner())
            .map_err(|error| exit::lock_failure(&error))
    }

    fn lock_path(&self) -> Result<PathBuf, Failure> {
        self.system.check().map_err(|error| {
            complain(error);
            Failure::Kernel
        })?;
        let path = owner::file(&self.system, self.who.namespace(), owner::LOCK);
        if self.who.namespace().is_some() {
            owner::make_directory(&path).map_err(|error| {
                complain(format_args!(
                    "cannot make a place for {}: {}",
                    path.display(),
                    plain(&error)
                ));
                Failure::Privilege
            })?;
        }
        Ok(path)
    }

    /// What a command of this owner empties of the standby side when it is done with a scope.
    /// The nameless owner empties that, as it has always been. What a named one left there
    /// would stand in the way of others.
    pub(crate) fn cleanup(&self, scope: &Scope) -> Scope {
        match scope {
            Scope::Global if self.who.namespace().is_some() => Scope::All,
            scope => scope.clone(),
        }
    }

    /// Connects to the kernel. One that does not know namespaces is asked for nothing in
    /// a namespace.
    pub(crate) fn open(&self, otherwise: Failure) -> Result<PolicyClient, Failure> {
        let mut client = self
            .system
            .open_policy()
            .map(PolicyClient::new)
            .map_err(|error| exit::open_failure(&error, otherwise))?;
        if self.who == Who::Nameless {
            return Ok(client);
        }
        let known = client.knows_namespaces().map_err(|error| {
            exit::request_failure("cannot ask for namespaces", &error, otherwise)
        })?;
        if !known {
            complain("this kernel does not know namespaces (-N); nothing was changed");
            return Err(Failure::Fatal);
        }
        Ok(match self.who.namespace() {
            Some(namespace) => client.in_namespace(namespace.clone()),
            None => client,
        })
    }

    pub(crate) fn names(&self) -> SystemNames<'_> {
        SystemNames::new(&self.system)
    }

    /// The algorithm table; without its file there are no names, only numbers.
    pub(crate) fn algorithms(&self) -> AlgDb {
        let (algorithms, complaints) = self.system.algorithms();
        for complaint in complaints {
            complain(complaint);
        }
        algorithms
    }

    /// Whether texts for a person at the keyboard are wanted.
    pub(crate) fn talkative(&self) -> bool {
        !self.quiet
    }
}
