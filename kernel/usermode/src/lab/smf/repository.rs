// SPDX-License-Identifier: MIT OR Apache-2.0

//! What SMF knows: the manifests, what an operator has changed, and the states.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use illumos_ipsec::sys::System;
use illumos_ipsec::sys::files::{LockFile, replace};
use serde_json::{Map, Value, json};

use super::error::SmfError;
use super::manifest::{Service, read_all};
use super::property::Property;
use super::status::{State, Status};
use super::{LabError, RESTARTER, fmri};

/// Changes of operators: they stay.
const STORED: &str = "etc/svc/repository.json";
/// States, and what is enabled until the next boot.
const VOLATILE: &str = "etc/svc/volatile/states.json";
/// Held by the one who runs methods.
const LOCK: &str = "etc/svc/repository.lock";

/// The services of one lab.
pub(super) struct Repository {
    lab: PathBuf,
    pub(super) services: Vec<Service>,
    stored: Map<String, Value>,
    volatile: Map<String, Value>,
}

impl Repository {
    /// Reads everything as it is now.
    pub(super) fn open(lab: &Path) -> Result<Self, SmfError> {
        let root = lab.join("root");
        Ok(Self {
            lab: lab.to_owned(),
            services: read_all(&root)?,
            stored: load(&root.join(STORED))?,
            volatile: load(&root.join(VOLATILE))?,
        })
    }

    /// Waits until nobody else changes anything, then reads.
    pub(super) fn open_locked(lab: &Path) -> Result<(Self, LockFile), SmfError> {
        let owner = nix::unistd::geteuid().as_raw();
        let lock = LockFile::acquire(&lab.join("root").join(LOCK), owner)?;
        Ok((Self::open(lab)?, lock))
    }

    /// The directory of the lab.
    pub(super) fn lab(&self) -> &Path {
        &self.lab
    }

    pub(super) fn root(&self) -> PathBuf {
        self.lab.join("root")
    }

    /// The time of the lab, in seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        System::lab(&self.lab).now()
    }

    pub(super) fn find(&self, pattern: &str) -> Result<&Service, SmfError> {
        fmri::find(&self.services, pattern)
    }

    /// All that the patterns name, or all services if there are none.
    pub(super) fn find_all(&self, patterns: &[String]) -> Result<Vec<&Service>, SmfError> {
        if patterns.is_empty() {
            return Ok(self.services.iter().collect());
        }
        patterns.iter().map(|pattern| self.find(pattern)).collect()
    }

    /// Is it to run, and is that so only until the next boot?
    pub(super) fn enabled(&self, service: &Service) -> (bool, bool) {
        let flag = |map: &Map<String, Value>| map.get(&service.fmri)?.get("enabled")?.as_bool();
        match flag(&self.volatile) {
            Some(enabled) => (enabled, true),
            None => (flag(&self.stored).unwrap_or(service.enabled), false),
        }
    }

    pub(super) fn set_enabled(
        &mut self,
        service: &Service,
        enabled: bool,
        temporary: bool,
    ) -> Result<(), SmfError> {
        let volatile = entry(&mut self.volatile, service);
        if temporary {
            volatile.insert("enabled".to_owned(), enabled.into());
            return self.save_volatile();
        }
        if volatile.shift_remove("enabled").is_some() {
            self.save_volatile()?;
        }
        entry(&mut self.stored, service).insert("enabled".to_owned(), enabled.into());
        self.save_stored()
    }

    /// The state. An instance that nothing has happened to waits to be started.
    pub(super) fn status(&self, service: &Service) -> Status {
        let known = self.volatile.get(&service.fmri).and_then(|entry| entry.get("status"));
        known.and_then(Status::from_json).unwrap_or_else(|| {
            let state = if self.enabled(service).0 { State::Offline } else { State::Disabled };
            Status { state, next: None, since: None, reason: None }
        })
    }

    pub(super) fn set_status(
        &mut self,
        service: &Service,
        status: &Status,
    ) -> Result<(), SmfError> {
        entry(&mut self.volatile, service).insert("status".to_owned(), status.to_json());
        self.save_volatile()
    }

    /// Properties as they are now, by `GROUP/NAME`, the ones of SMF itself among them.
    pub(super) fn properties(&self, service: &Service) -> BTreeMap<String, Property> {
        let mut all = service.properties.clone();
        for method in &service.methods {
            let mut put = |name: &str, kind: &str, value: String| {
                all.insert(format!("{}/{name}", method.name), Property::one(kind, value));
            };
            put("exec", "astring", method.exec.clone());
            put("timeout_seconds", "count", method.timeout_seconds.unwrap_or_default().to_string());
            put("type", "astring", "method".to_owned());
        }
        let stored = self.stored.get(&service.fmri).and_then(|entry| entry.get("properties"));
        for (name, value) in stored.and_then(Value::as_object).into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let values = value.get("values").and_then(Value::as_array).into_iter().flatten();
            let kind = value.get("type").map(text).unwrap_or_default();
            all.insert(name.clone(), Property { kind, values: values.map(text).collect() });
        }
        let (enabled, _) = self.enabled(service);
        let status = self.status(service);
        let next = status.next.map_or_else(|| "none".to_owned(), |state| state.to_string());
        for (name, property) in [
            ("general/enabled", Property::one("boolean", enabled.to_string())),
            ("general/restarter", Property::one("fmri", RESTARTER)),
            ("restarter/state", Property::one("astring", status.state.to_string())),
            ("restarter/next_state", Property::one("astring", next)),
        ] {
            all.insert(name.to_owned(), property);
        }
        all
    }

    pub(super) fn set_property(
        &mut self,
        service: &Service,
        name: &str,
        property: &Property,
    ) -> Result<(), SmfError> {
        let value = json!({ "type": property.kind, "values": property.values });
        let properties =
            entry(&mut self.stored, service).entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.insert(name.to_owned(), value);
        }
        self.save_stored()
    }

    fn save_stored(&self) -> Result<(), SmfError> {
        save(&self.root().join(STORED), &self.stored)
    }

    fn save_volatile(&self) -> Result<(), SmfError> {
        save(&self.root().join(VOLATILE), &self.volatile)
    }
}

fn entry<'a>(map: &'a mut Map<String, Value>, service: &Service) -> &'a mut Map<String, Value> {
    let value = map.entry(service.fmri.as_str()).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was made an object")
}

fn load(path: &Path) -> Result<Map<String, Value>, SmfError> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|source| SmfError::Store { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
        Err(source) => Err(LabError::io("cannot read", path, source).into()),
    }
}

fn save(path: &Path, map: &Map<String, Value>) -> Result<(), SmfError> {
    let mut text = format!("{:#}", Value::Object(map.clone()));
    text.push('\n');
    replace(path, text.as_bytes(), 0o644)
        .map_err(|source| LabError::io("cannot write", path, source).into())
}
