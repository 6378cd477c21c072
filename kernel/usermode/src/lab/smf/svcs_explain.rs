// SPDX-License-Identifier: MIT OR Apache-2.0

//! `svcs -x` and `svcs -l`.

use std::fmt::Write;

use illumos_ipsec::sys::local_time;

use super::manifest::Service;
use super::repository::Repository;
use super::status::State;
use super::{RESTARTER, log};

/// Why services do not run. With `only_bad`, nothing of those with which all is well.
pub(super) fn explain(repository: &Repository, services: &[&Service], only_bad: bool) -> String {
    let mut text = String::new();
    for service in services {
        let status = repository.status(service);
        let (enabled, _) = repository.enabled(service);
        let well = match status.state {
            State::Online => true,
            State::Disabled => !enabled,
            State::Offline | State::Degraded | State::Maintenance => false,
        };
        if well && only_bad {
            continue;
        }
        let reason = match (status.state, status.reason) {
            (_, Some(reason)) => reason,
            (State::Disabled, None) => "disabled by an administrator".to_owned(),
            (State::Offline, None) => {
                "not started yet; 'ipsec-lab boot' starts all that is enabled".to_owned()
            }
            _ => "none".to_owned(),
        };
        let since =
            status.since.map_or_else(String::new, |at| format!(" since {}", local_time(at)));
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} ({})", service.fmri, service.common_name);
        let _ = writeln!(text, " State: {}{since}", status.state);
        let _ = writeln!(text, "Reason: {reason}");
        for (title, section) in &service.manual_pages {
            let _ = writeln!(text, "   See: man -s {section} {title}");
        }
        let _ = writeln!(text, "   See: {}", log::path(&repository.root(), service).display());
        let _ =
            writeln!(text, "Impact: {}", if well { "none" } else { "this service is not running" });
        text.push('\n');
    }
    text
}

/// Everything about a service.
pub(super) fn long(repository: &Repository, service: &Service) -> String {
    let status = repository.status(service);
    let (enabled, temporary) = repository.enabled(service);
    let next = status.next.map_or_else(|| "none".to_owned(), |state| state.to_string());
    let log = log::path(&repository.root(), service).display().to_string();
    let rows = [
        ("fmri", service.fmri.clone()),
        ("name", service.common_name.clone()),
        ("enabled", format!("{enabled}{}", if temporary { " (temporary)" } else { "" })),
        ("state", status.state.to_string()),
        ("next_state", next),
        ("state_time", status.since.map_or_else(|| "-".to_owned(), local_time)),
        ("logfile", log),
        ("restarter", RESTARTER.to_owned()),
        ("manifest", service.manifest.display().to_string()),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:<12} {value}");
    }
    for dependency in &service.dependencies {
        let kind = format!("{}/{}", dependency.grouping, dependency.restart_on);
        for fmri in &dependency.fmris {
            // A lab has only the services of IPsec.
            let known = repository.find(fmri).map(|service| repository.status(service).state);
            let state = known.map_or_else(|_| "absent".to_owned(), |state| state.to_string());
            let _ = writeln!(text, "{:<12} {kind} {fmri} ({state})", "dependency");
        }
    }
    text
}
