// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the tests of the real commands share.

pub mod bench;
pub mod completion;
pub mod fuzz_targets;
pub mod golden;
pub mod kernel_c;
pub mod lab;
pub mod pages;

use std::path::{Path, PathBuf};

/// A file or directory of this repository, by its path from there.
#[must_use]
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join(path)
}

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

/// Writes a shell script that can be run at once. Another process writes it: a program that
/// any process of this one still has open for writing cannot be executed.
pub fn write_script(path: &Path, script: &str) {
    let mut write = assert_cmd::Command::new("/bin/sh");
    write.args(["-c", "cat >\"$0\" && chmod 755 \"$0\""]).arg(path);
    write.write_stdin(format!("#!/bin/sh\n{script}")).assert().success();
}
