// SPDX-License-Identifier: MIT OR Apache-2.0

//! The time, and local time.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A moment, in seconds since 1970, in local time as `date` of the C locale shows it:
/// `Tue Nov 14 22:13:20 2023`.
///
/// Moments that the system cannot tell the date of are shown as seconds.
#[must_use]
#[allow(unsafe_code, reason = "only the C library knows the rules of the local time zone")]
pub fn local_time(seconds: u64) -> String {
    let Ok(time) = libc::time_t::try_from(seconds) else {
        return format!("{seconds} seconds");
    };
    let mut parts = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are valid for the call; parts are filled if the result is not
    // null.
    let parts = unsafe {
        if libc::localtime_r(&raw const time, parts.as_mut_ptr()).is_null() {
            return format!("{seconds} seconds");
        }
        parts.assume_init()
    };
    let name = |names: &[&'static str], at: i32| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or("?")
    };
    format!(
        "{} {} {:>2} {:02}:{:02}:{:02} {}",
        name(&DAYS, parts.tm_wday),
        name(&MONTHS, parts.tm_mon),
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec,
        i64::from(parts.tm_year) + 1900
    )
}
