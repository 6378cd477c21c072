// SPDX-License-Identifier: MIT OR Apache-2.0

//! The states of an instance.

use std::fmt;

use serde_json::{Value, json};

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Disabled,
    /// Enabled, but not started yet.
    Offline,
    Online,
    /// Running, but not well. No method of a transient service leads here.
    Degraded,
    Maintenance,
}

const STATES: &[(State, &str, &str)] = &[
    (State::Disabled, "disabled", "DIS"),
    (State::Offline, "offline", "OFF"),
    (State::Online, "online", "ON"),
    (State::Degraded, "degraded", "DGD"),
    (State::Maintenance, "maintenance", "MNT"),
];

impl State {
    fn parse(text: &str) -> Option<Self> {
        STATES.iter().find(|(_, name, _)| *name == text).map(|(state, ..)| *state)
    }

    /// As columns `sta` and `nsta` of `svcs` have it.
    pub(super) fn short(self) -> &'static str {
        STATES.iter().find(|(state, ..)| *state == self).map_or("-", |(.., short)| *short)
    }

    pub(super) fn is_running(self) -> bool {
        matches!(self, Self::Online | Self::Degraded)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            STATES.iter().find(|(state, ..)| state == self).map_or("-", |(_, name, _)| *name);
        f.pad(name)
    }
}

/// What is known of an instance since the last boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) state: State,
    /// Where a method that is running now is to lead.
    pub(super) next: Option<State>,
    /// Seconds since 1970; none if nothing has happened yet.
    pub(super) since: Option<u64>,
    /// Why it is in maintenance.
    pub(super) reason: Option<String>,
}

impl Status {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "state": self.state.to_string(),
            "next": self.next.map(|state| state.to_string()),
            "since": self.since,
            "reason": self.reason,
        })
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        Some(Self {
            state: State::parse(text("state")?)?,
            next: text("next").and_then(State::parse),
            since: value.get("since").and_then(Value::as_u64),
            reason: text("reason").map(str::to_owned),
        })
    }
}
