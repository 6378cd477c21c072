// SPDX-License-Identifier: MIT OR Apache-2.0

//! Waiting until a command waits.

use std::fs;
use std::process::Child;

/// Waits until a command waits for a lock. The system lists who does:
/// `1: -> POSIX ADVISORY WRITE PID ...`.
pub fn until_it_waits_for_a_lock(child: &mut Child) {
    let pid = child.id().to_string();
    let waits = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1) == Some(&"->") && words.get(5) == Some(&pid.as_str())
    };
    while !fs::read_to_string("/proc/locks").expect("a list").lines().any(waits) {
        assert!(child.try_wait().expect("a child").is_none(), "it did not wait");
        std::thread::yield_now();
    }
}
