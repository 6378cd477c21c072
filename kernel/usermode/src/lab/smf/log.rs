// SPDX-License-Identifier: MIT OR Apache-2.0

//! The log of a service, and moments of time in it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use illumos_ipsec::sys::local_time;

use super::manifest::Service;

/// Where the log is.
pub(super) fn path(root: &Path, service: &Service) -> PathBuf {
    let name = format!("{}:{}.log", service.name.replace('/', "-"), service.instance);
    root.join("var/svc/log").join(name)
}

/// Opens it for more; everybody may read it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o644).open(path)
}

/// A line of the restarter.
pub(super) fn note(log: &mut File, now: u64, what: &str) -> io::Result<()> {
    // Month, day and time of day.
    let time = local_time(now);
    writeln!(log, "[ {} {what} ]", time.get(4..19).unwrap_or(&time))
}

/// The time of day, or the day if it was not within the last 24 hours.
pub(super) fn short_time(then: u64, now: u64) -> String {
    let time = local_time(then);
    let parts = (time.get(11..19), time.get(4..7), time.get(8..10));
    match parts {
        (Some(clock), ..) if now.saturating_sub(then) < 24 * 60 * 60 => clock.to_owned(),
        (_, Some(month), Some(day)) => format!("{month}_{}", day.replace(' ', "0")),
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_later_the_day_is_shown() {
        // The local time zone is not known here.
        assert_eq!(short_time(1_700_000_000, 1_700_000_000).matches(':').count(), 2);
        assert_eq!(&short_time(1_700_000_000, 1_800_000_000)[..5], "Nov_1");
    }
}
