// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the tests of the real commands share.

pub mod bench;
pub mod fuzz_targets;
pub mod golden;
pub mod kernel_c;
pub mod lab;
pub mod pages;
pub mod service_bundle;

use std::path::PathBuf;

/// The executable of one of our commands, as built in this workspace.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let dir = this.parent().ok_or("this executable has no directory")?;
    // Tests are one directory deeper than programs.
    let dir = if dir.ends_with("deps") { dir.parent().unwrap_or(dir) } else { dir };
    let path = dir.join(name);
    match path.is_file() {
        true => Ok(path),
        false => {
            Err(format!("{} is missing, build it with: cargo build --workspace", path.display()))
        }
    }
}
