// SPDX-License-Identifier: MIT OR Apache-2.0

//! What time it is in a lab.

use std::fs;
use std::path::{Path, PathBuf};

use illumos_ipsec::sys::LAB_CLOCK;
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of the machine, unless a file of the lab directory says the time: seconds
/// since 1970. The commands look there, too.
pub(super) struct Clock {
    file: PathBuf,
}

impl Clock {
    pub(super) fn new(dir: &Path) -> Self {
        Self { file: dir.join(LAB_CLOCK) }
    }

    pub(super) fn now(&self) -> u64 {
        let said = fs::read_to_string(&self.file).ok().and_then(|text| text.trim().parse().ok());
        said.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(0, |since| since.as_secs())
        })
    }
}
