// SPDX-License-Identifier: MIT OR Apache-2.0

//! Wall time and peak memory of one command.
//!
//! A process of its own runs the command, so that the peak the system reports for
//! children is that of this command alone.

use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// What one run took.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Wall time in seconds.
    pub seconds: f64,
    /// Time of the processor in the program itself, in seconds.
    pub user: f64,
    /// Peak resident memory in bytes.
    pub peak: u64,
}

/// Runs a command and prints its figures: nanoseconds, microseconds of the processor
/// in the program, peak KiB, exit status.
pub fn measure(command: &[OsString]) -> Result<(), Box<dyn Error>> {
    let (program, args) = command.split_first().ok_or("nothing to measure")?;
    let start = Instant::now();
    let status = Command::new(program).args(args).stdout(Stdio::null()).status()?;
    let nanoseconds = start.elapsed().as_nanos();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let (user, peak) = (usage.user_time().num_microseconds(), usage.max_rss());
    println!("{nanoseconds} {user} {peak} {}", status.code().unwrap_or(-1));
    Ok(())
}

impl Figures {
    /// Of something that is not a process.
    pub(super) fn wall(seconds: f64) -> Self {
        Self { seconds, user: 0.0, peak: 0 }
    }

    /// Measures a command that must succeed.
    pub(super) fn of(command: &Command) -> io::Result<Self> {
        let this = std::env::current_exe()?;
        let mut helper = Command::new(this);
        helper.arg("measure").arg(command.get_program()).args(command.get_args());
        if let Some(dir) = command.get_current_dir() {
            helper.current_dir(dir);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => helper.env(name, value),
                None => helper.env_remove(name),
            };
        }
        let errors = tempfile::NamedTempFile::new()?;
        let output = helper.stderr(File::create(errors.path())?).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [nanoseconds, user, peak, "0"] = fields[..] else {
            let message = std::fs::read_to_string(errors.path())?;
            return Err(io::Error::other(format!("{command:?} failed: {text}{message}")));
        };
        let bad = |_| io::Error::other(format!("bad figures {text:?}"));
        Ok(Self {
            seconds: nanoseconds.parse::<f64>().map_err(|_| bad(()))? / 1e9,
            user: user.parse::<f64>().map_err(|_| bad(()))? / 1e6,
            peak: peak.parse::<u64>().map_err(|_| bad(()))? * 1024,
        })
    }
}
