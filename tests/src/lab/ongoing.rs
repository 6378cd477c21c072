// SPDX-License-Identifier: MIT OR Apache-2.0

//! A command that goes on until somebody ends it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A command that goes on. What it writes is read as it comes.
pub struct Ongoing {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Ongoing {
    pub(super) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Self { child, stdout }
    }

    /// Waits for a line that has this, and gives all that was written up to its end.
    #[track_caller]
    pub fn until(&mut self, piece: &str) -> String {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).expect("text");
            assert_ne!(read, 0, "it has ended, and no {piece:?} in {text}");
            text.push_str(&line);
            if line.contains(piece) {
                return text;
            }
        }
    }

    /// Interrupts it, as an operator does. Exit status and standard error.
    pub fn interrupt(mut self) -> (Option<i32>, String) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).expect("it goes on");
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("it is a pipe");
        stderr.read_to_string(&mut said).expect("text");
        (self.child.wait().expect("it ends").code(), said)
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        // A test that has failed leaves nothing behind. It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
