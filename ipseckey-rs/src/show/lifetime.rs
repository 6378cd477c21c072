// SPDX-License-Identifier: MIT OR Apache-2.0

//! Lifetimes: limits, and what is left of them.

use illumos_ipsec::model::Lifetime;
use illumos_ipsec::sys::local_time;
use illumos_ipsec::wire::key::ExtType;

use super::{Look, line};

use std::io::Write;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const KILO: f64 = 1024.0;

/// The lifetimes of a message. They are shown after everything else.
#[derive(Default)]
pub(super) struct Lifetimes {
    current: Option<Lifetime>,
    hard: Option<Lifetime>,
    soft: Option<Lifetime>,
    idle: Option<Lifetime>,
}

/// ` (4.88 KB)` for more than a kilobyte.
fn bytes_unit(bytes: u64) -> String {
    if bytes <= 1024 {
        return String::new();
    }
    let mut value = bytes as f64;
    let mut unit = ' ';
    for next in ['K', 'M', 'G', 'T', 'P', 'E'] {
        if value < KILO {
            break;
        }
        value /= KILO;
        unit = next;
    }
    format!(" ({value:.2} {unit}B)")
}

/// ` (1.67 minute)` for more than a minute; a 32-bit number is what is converted.
fn seconds_unit(seconds: u64) -> String {
    if seconds <= MINUTE {
        return String::new();
    }
    let short = seconds & u64::from(u32::MAX);
    let (value, unit) = match short {
        DAY.. => (short as f64 / DAY as f64, "day"),
        HOUR.. => (short as f64 / HOUR as f64, "hour"),
        _ => (short as f64 / MINUTE as f64, "minute"),
    };
    let plural = if value >= 2.0 { "s" } else { "" };
    format!(" ({value:.2} {unit}{plural})")
}

impl Lifetimes {
    pub(super) fn set(&mut self, kind: ExtType, lifetime: Lifetime) {
        let place = match kind {
            ExtType::LIFETIME_CURRENT => &mut self.current,
            ExtType::LIFETIME_HARD => &mut self.hard,
            ExtType::LIFETIME_SOFT => &mut self.soft,
            _ => &mut self.idle,
        };
        *place = Some(lifetime);
    }

    pub(super) fn show(&self, look: &Look<'_>, out: &mut Vec<u8>) {
        let all = [self.current, self.hard, self.soft, self.idle];
        if all.iter().all(Option::is_none) {
            return;
        }
        line!(out, " LT: Lifetime information");
        if let Some(current) = &self.current {
            self.show_current(look, out, current);
        }
        for (prefix, name, lifetime) in [("SLT", "Soft", &self.soft), ("HLT", "Hard", &self.hard)] {
            if let Some(lifetime) = lifetime {
                line!(out, "{prefix}: {name} lifetime information:");
                let (bytes, unit) = (lifetime.bytes, bytes_unit(lifetime.bytes));
                let allocations = lifetime.allocations;
                line!(out, "{prefix}: {bytes} bytes{unit} of lifetime, {allocations} allocations.");
                times(out, prefix, lifetime);
                self.show_left(look, out, prefix, name, lifetime);
            }
        }
        if let Some(idle) = &self.idle {
            line!(out, "ILT: Idle lifetime information:");
            times(out, "ILT", idle);
        }
    }

    fn show_current(&self, look: &Look<'_>, out: &mut Vec<u8>, current: &Lifetime) {
        line!(out, "CLT: Current lifetime information:");
        line!(
            out,
            "CLT: {} bytes{} protected, {} allocations used.",
            current.bytes,
            bytes_unit(current.bytes),
            current.allocations
        );
        line!(out, "CLT: SA added at time: {}", local_time(current.addtime));
        raw(look, out, "CLT", current.addtime);
        if current.usetime != 0 {
            line!(out, "CLT: SA first used at time {}", local_time(current.usetime));
            raw(look, out, "CLT", current.usetime);
        }
        line!(out, "CLT: Time now is {}", local_time(look.now));
        raw(look, out, "CLT", look.now);
    }

    fn show_left(
        &self,
        look: &Look<'_>,
        out: &mut Vec<u8>,
        prefix: &str,
        name: &str,
        limit: &Lifetime,
    ) {
        let Some(current) = &self.current else {
            return;
        };
        if limit.bytes != 0 {
            let left = limit.bytes.saturating_sub(current.bytes);
            line!(out, "{prefix}: {left} bytes{} more can be protected.", bytes_unit(left));
        }
        let added = (limit.addtime != 0).then(|| current.addtime.saturating_add(limit.addtime));
        let used = (limit.usetime != 0 && current.usetime != 0)
            .then(|| current.usetime.saturating_add(limit.usetime));
        let Some(end) = [added, used].into_iter().flatten().min() else {
            return;
        };
        match end.checked_sub(look.now) {
            Some(left) => {
                let unit = seconds_unit(left);
                line!(out, "{prefix}: {name} expiration occurs in {left} seconds{unit}");
            }
            None => line!(out, "{prefix}: {name} expiration occurred"),
        }
        line!(out, "{prefix}: Time of expiration: {}.", local_time(end));
        raw(look, out, prefix, end);
    }
}

fn times(out: &mut Vec<u8>, prefix: &str, lifetime: &Lifetime) {
    for (seconds, since) in [(lifetime.addtime, "post-add"), (lifetime.usetime, "post-use")] {
        let unit = seconds_unit(seconds);
        line!(out, "{prefix}: {seconds} seconds{unit} of {since} lifetime.");
    }
}

/// The number of a time, if that is wanted.
fn raw(look: &Look<'_>, out: &mut Vec<u8>, prefix: &str, seconds: u64) {
    if look.verbose {
        line!(out, "{prefix}: \t(raw time value {seconds})");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (bytes, shown) in [
            (1024, ""),
            (1025, " (1.00 KB)"),
            (5000, " (4.88 KB)"),
            (1_048_576, " (1.00 MB)"),
            (u64::MAX, " (16.00 EB)"),
        ] {
            assert_eq!(bytes_unit(bytes), shown);
        }
        for (seconds, shown) in [
            (60, ""),
            (100, " (1.67 minute)"),
            (120, " (2.00 minutes)"),
            (3600, " (1.00 hour)"),
            (86_400, " (1.00 day)"),
            (4_294_967_357, " (1.02 minute)"),
        ] {
            assert_eq!(seconds_unit(seconds), shown);
        }
    }
}
