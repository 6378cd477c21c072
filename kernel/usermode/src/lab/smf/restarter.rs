// SPDX-License-Identifier: MIT OR Apache-2.0

//! What becomes of an instance: its states, and the methods between them.

use std::env;
use std::path::Path;

use illumos_ipsec::sys::files::LockFile;
use nix::sys::signal::Signal;

use super::LabError;
use super::error::SmfError;
use super::manifest::{Method, Service};
use super::method::{self, Meaning};
use super::repository::Repository;
use super::status::{State, Status};
use crate::lab::process::link_commands;
use crate::lab::signals::Signals;

/// So often a method is tried that fails without saying that this is useless.
const TRIES: usize = 3;

/// The one who runs methods. There is one at a time in a lab.
pub(super) struct Restarter {
    pub(super) repository: Repository,
    pub(super) signals: Signals,
    _lock: LockFile,
}

impl Restarter {
    /// Waits until no other runs methods in this lab.
    pub(super) fn acquire(lab: &Path) -> Result<Self, SmfError> {
        if env::var_os("SMF_METHOD").is_some() {
            return Err(SmfError::InMethod);
        }
        let signals = Signals::catch(&[Signal::SIGCHLD])
            .map_err(|source| LabError::io("cannot wait for methods in", lab, source))?;
        let (repository, lock) = Repository::open_locked(lab)?;
        if !lab.join("bin").exists() {
            // Nothing but a server has been started in the lab.
            let program = env::current_exe()
                .map_err(|source| LabError::io("cannot find", Path::new("ipsec-lab"), source))?;
            link_commands(lab, &program)?;
        }
        Ok(Self { repository, signals, _lock: lock })
    }

    pub(super) fn enable(&mut self, service: &Service, temporary: bool) -> Result<(), SmfError> {
        self.repository.set_enabled(service, true, temporary)?;
        self.start(service)
    }

    pub(super) fn disable(&mut self, service: &Service, temporary: bool) -> Result<(), SmfError> {
        self.repository.set_enabled(service, false, temporary)?;
        match self.state(service) {
            state if state.is_running() => self.change(service, "stop", State::Disabled),
            State::Disabled => Ok(()),
            _ => self.enter(service, State::Disabled, None),
        }
    }

    /// Starts an enabled instance, unless it runs or is in maintenance.
    pub(super) fn start(&mut self, service: &Service) -> Result<(), SmfError> {
        let waits = matches!(self.state(service), State::Disabled | State::Offline);
        if !waits || !self.repository.enabled(service).0 {
            return Ok(());
        }
        // Before the method runs it is offline, whatever it was.
        self.enter(service, State::Offline, None)?;
        self.change(service, "start", State::Online)
    }

    pub(super) fn restart(&mut self, service: &Service) -> Result<(), SmfError> {
        if self.state(service).is_running() {
            self.change(service, "stop", State::Offline)?;
            self.start(service)?;
        }
        Ok(())
    }

    /// A refresh does not change the state, unless its method fails for good.
    pub(super) fn refresh(&mut self, service: &Service) -> Result<(), SmfError> {
        let Some(method) = service.method("refresh") else { return Ok(()) };
        if !self.state(service).is_running() {
            return Ok(());
        }
        match self.attempt(service, method)? {
            None => Ok(()),
            Some(reason) => self.enter(service, State::Maintenance, Some(reason)),
        }
    }

    pub(super) fn clear(&mut self, service: &Service) -> Result<(), SmfError> {
        match self.state(service) {
            State::Maintenance => {}
            State::Degraded => return self.enter(service, State::Online, None),
            _ => return Err(SmfError::NotInMaintenance(service.fmri.clone())),
        }
        if self.repository.enabled(service).0 {
            self.enter(service, State::Offline, None)?;
            return self.start(service);
        }
        self.enter(service, State::Disabled, None)
    }

    /// Runs a method that leads to `to` or, if it fails for good, to maintenance.
    fn change(&mut self, service: &Service, name: &str, to: State) -> Result<(), SmfError> {
        let Some(method) = service.method(name) else {
            return self.enter(service, to, None);
        };
        let status = Status { next: Some(to), ..self.repository.status(service) };
        self.repository.set_status(service, &status)?;
        match self.attempt(service, method)? {
            None => self.enter(service, to, None),
            Some(reason) => self.enter(service, State::Maintenance, Some(reason)),
        }
    }

    /// Runs a method, at once again if it fails. If it fails for good, this is why.
    fn attempt(&self, service: &Service, method: &Method) -> Result<Option<String>, SmfError> {
        let name = &method.name;
        let mut last = String::new();
        for _ in 0..TRIES {
            let ended = method::run(&self.repository, &self.signals, service, method)?;
            match ended.meaning() {
                Meaning::Done => return Ok(None),
                Meaning::Hopeless => return Ok(Some(format!("method {name} {ended}"))),
                Meaning::Failed => last = ended.to_string(),
            }
        }
        Ok(Some(format!("method {name} failed {TRIES} times; the last {last}")))
    }

    fn enter(
        &mut self,
        service: &Service,
        state: State,
        reason: Option<String>,
    ) -> Result<(), SmfError> {
        let since = Some(self.repository.now());
        self.repository.set_status(service, &Status { state, next: None, since, reason })
    }

    fn state(&self, service: &Service) -> State {
        self.repository.status(service).state
    }
}
