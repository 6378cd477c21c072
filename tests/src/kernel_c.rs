// SPDX-License-Identifier: MIT OR Apache-2.0

//! The C files of the illumos kernel change, as programs of this host.
//!
//! `kernel/illumos/test-user` has a shim for what the kernel has and a program has not,
//! and drivers that read commands. They are compiled with the sanitizers of the C compiler.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

/// What the compiler watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sanitizer {
    /// Memory and undefined behaviour.
    Memory,
    /// Threads.
    Threads,
}

/// Our files for the kernel.
const KERNEL: &str = "../kernel/illumos/uts/common";
/// Shim and drivers.
const TEST: &str = "../kernel/illumos/test-user";

/// Leaks are counted by the shim; the leak sanitizer cannot run under a debugger.
const OPTIONS: &str = "detect_leaks=0";

/// A compiled driver.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
}

impl Program {
    /// Compiles a driver with the kernel files that it drives; both are named below their
    /// directories. The last one of the drivers gives its name to the program, which is put
    /// into this directory in place of the one of an earlier run.
    pub fn compile(
        dir: &str,
        drivers: &[&str],
        kernel: &[&str],
        sanitizer: Sanitizer,
    ) -> Result<Self, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (kernel_dir, test_dir) = (here.join(KERNEL), here.join(TEST));
        let name = drivers.last().map_or("driver", |file| file.trim_end_matches(".c"));
        let path = Path::new(dir).join(format!("{name}-{sanitizer:?}").to_lowercase());
        // Another run may be using it.
        let fresh = tempfile::tempdir_in(dir).map_err(|error| error.to_string())?;
        let made = fresh.path().join("driver");
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu99", "-g", "-O1", "-D_KERNEL", "-DDEBUG"]);
        cc.args(["-Wall", "-Wextra", "-Werror", "-fno-strict-aliasing"]);
        // As in a build of the kernel.
        cc.args(["-Wno-sign-compare", "-Wno-unused-parameter"]);
        match sanitizer {
            Sanitizer::Memory => {
                cc.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"])
            }
            Sanitizer::Threads => cc.arg("-fsanitize=thread"),
        };
        // Ours come before those of the host.
        cc.arg("-I").arg(test_dir.join("include"));
        for include in [&test_dir, &kernel_dir, &kernel_dir.join("inet")] {
            cc.arg("-I").arg(include);
        }
        cc.args(["shim.c", "avl.c"].iter().chain(drivers).map(|file| test_dir.join(file)));
        cc.args(kernel.iter().map(|file| kernel_dir.join(file)));
        cc.arg("-o").arg(&made).arg("-lpthread");
        let output = cc.output().map_err(|error| format!("cc cannot be started: {error}"))?;
        if output.status.success() {
            std::fs::rename(&made, &path).map_err(|error| error.to_string())?;
            return Ok(Self { path });
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match said.contains("cannot find") && said.contains("san") {
            true => Err(format!(
                "a library of the sanitizers is missing: libasan, libubsan and libtsan come with \
                 gcc, on Debian in libgcc-VERSION-dev\n{said}"
            )),
            false => Err(said),
        }
    }

    /// Runs the driver with commands as input; the lines that it answers.
    pub fn answers(&self, commands: &str) -> Result<Vec<String>, String> {
        let input = input(commands).map_err(|error| error.to_string())?;
        let output = run(Command::new(&self.path).stdin(input))?;
        let lines: Vec<_> =
            String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        match output.status.success() {
            true => Ok(lines),
            false => Err(format!(
                "{} after {} answers\nlast commands:\n{}\n{}",
                output.status,
                lines.len(),
                last_before(commands, lines.len() + 1),
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    /// Starts the driver for a conversation.
    pub fn start(&self) -> Result<Session, String> {
        let errors = tempfile::tempfile().map_err(|error| error.to_string())?;
        let mut command = Command::new(&self.path);
        command.env("ASAN_OPTIONS", OPTIONS);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(errors.try_clone().map_err(|error| error.to_string())?);
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let commands = child.stdin.take().ok_or("no input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Session { child, commands, answers, errors, last: VecDeque::new() })
    }

    /// Runs a driver that takes arguments only.
    pub fn run(&self, args: &[&str]) -> Result<(), String> {
        let start = |command: &mut Command| run(command.args(args).stdin(Stdio::null()));
        let mut output = start(&mut Command::new(&self.path))?;
        if String::from_utf8_lossy(&output.stderr).contains("unexpected memory mapping") {
            // Some kernels spread addresses more than the sanitizer of threads expects.
            output = start(Command::new("setarch").arg("-R").arg(&self.path))?;
        }
        match output.status.success() {
            true => Ok(()),
            false => Err(format!(
                "{args:?}: {}\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }
}

/// A driver that is asked one thing at a time.
#[derive(Debug)]
pub struct Session {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// What it said about its end.
    errors: File,
    last: VecDeque<String>,
}

impl Session {
    /// Sends a command and gives its answer.
    pub fn ask(&mut self, command: &str) -> Result<String, String> {
        if self.last.len() == 10 {
            self.last.pop_front();
        }
        self.last.push_back(command.to_owned());
        let mut answer = String::new();
        let sent = writeln!(self.commands, "{command}").and_then(|()| self.commands.flush());
        match sent.and_then(|()| self.answers.read_line(&mut answer)) {
            Ok(1..) if answer.ends_with('\n') => {
                answer.pop();
                Ok(answer)
            }
            _ => {
                let status = self.child.wait().map_err(|error| error.to_string())?;
                Err(format!("{status}\nlast commands:\n{}\n{}", self.last(), self.said()))
            }
        }
    }

    /// The last commands.
    #[must_use]
    pub fn last(&self) -> String {
        self.last.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Ends the driver, which then insists that nothing is left.
    pub fn end(mut self) -> Result<(), String> {
        drop(self.commands);
        let status = self.child.wait().map_err(|error| error.to_string())?;
        let Self { ref mut errors, .. } = self;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{status}\n{}", said(errors))),
        }
    }

    fn said(&mut self) -> String {
        said(&mut self.errors)
    }
}

fn said(errors: &mut File) -> String {
    let mut text = Vec::new();
    let _ = errors.seek(SeekFrom::Start(0)).and_then(|_| errors.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// A file of its own for each run, which is gone when it is closed.
fn input(commands: &str) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(commands.as_bytes())?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn run(command: &mut Command) -> Result<Output, String> {
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join(TEST).join("tsan.supp");
    let threads = format!("halt_on_error=1 suppressions={}", known.display());
    command.env("ASAN_OPTIONS", OPTIONS).env("TSAN_OPTIONS", threads);
    command.output().map_err(|error| format!("{command:?}: {error}"))
}

/// The last ten lines up to the one with this number, from 1.
#[must_use]
pub fn last_before(commands: &str, number: usize) -> String {
    let lines: Vec<_> = commands.lines().take(number).collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// Hexadecimal digits as the drivers read them.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A small generator of numbers, for long runs that can be repeated from a seed.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// Begins with a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number; the generator is SplitMix64.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.any() % bound as u64) as usize
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
