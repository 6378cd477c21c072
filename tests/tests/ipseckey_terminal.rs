// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipseckey` on a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use system_tests::lab::Lab;

const PROMPT: &str = "ipseckey> ";
const MORE: &str = "> ";
const UP: &str = "\u{1b}[A";
const INTERRUPT: &str = "\u{3}";
const END: &str = "\u{4}";
const KEY: &str = "0f0e0d0c0b0a09080706050403020100";

/// Somebody who types.
struct Session {
    child: Child,
    terminal: File,
    /// All that was shown.
    shown: String,
    /// How much of it has been waited for.
    read: usize,
}

impl Session {
    fn start(lab: &Lab) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 500, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut command = lab.command("ipseckey");
        command.arg("-n").env("TERM", "xterm").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        let mut session =
            Self { child, terminal: File::from(pty.master), shown: String::new(), read: 0 };
        session.wait_for(PROMPT);
        session
    }

    /// Waits until a text is shown, and gives what was shown before it.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown[self.read..].find(text) {
                let before = self.shown[self.read..self.read + at].to_owned();
                self.read += at + text.len();
                return before;
            }
            let mut ready = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
            let events = poll(&mut ready, PollTimeout::from(60_000_u16)).unwrap();
            assert!(events > 0, "no {text:?} after {:?}", &self.shown[self.read..]);
            let mut some = [0; 4096];
            let read = self.terminal.read(&mut some).unwrap_or(0);
            assert!(read > 0, "the end, but no {text:?} after {:?}", &self.shown[self.read..]);
            self.shown.push_str(std::str::from_utf8(&some[..read]).unwrap());
        }
    }

    fn type_keys(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line, and waits for what it says at its end.
    fn line(&mut self, line: &str, says: &str) {
        self.type_keys(line);
        self.type_keys("\r");
        self.wait_for(says);
    }

    fn end(mut self) -> Option<i32> {
        self.type_keys(END);
        self.child.wait().unwrap().code()
    }
}

fn add(spi: u32) -> String {
    format!("add esp spi {spi:#x} src 10.1.1.1 dst 192.0.2.1 encr_alg aes encrkey {KEY}")
}

#[test]
fn each_line_has_one_prompt() {
    let lab = Lab::new();
    let mut session = Session::start(&lab);
    session.line(&add(0x100), PROMPT);
    session.line("dump esp", "Dump succeeded for SA type 3.");
    let between = session.wait_for(PROMPT);
    assert!(!between.contains(PROMPT));
    session.line("get esp spi 0x100 dst 192.0.2.1", "spi=0x100");
    let between = session.wait_for(PROMPT);
    assert!(between.contains(KEY), "{between}");
    session.line("nonsense", "Unknown command (nonsense).");
    session.wait_for(PROMPT);
    assert_eq!(session.end(), Some(0));
}

#[test]
fn lines_with_keys_cannot_be_had_back() {
    let lab = Lab::new();
    let mut session = Session::start(&lab);
    session.line("flush ah", PROMPT);
    session.line(&add(0x100), PROMPT);
    // The key on a line of its own.
    session.line("add esp spi 0x200 dst 192.0.2.2 encr_alg aes \\", MORE);
    session.line(&format!("encrkey {KEY}"), PROMPT);
    let typed = session.shown.matches(KEY).count();
    for _ in 0..4 {
        session.type_keys(UP);
    }
    session.wait_for("flush ah");
    session.line("", PROMPT);
    assert_eq!(session.shown.matches(KEY).count(), typed, "{:?}", session.shown);
    session.line("dump esp", "Dump succeeded");
    session.wait_for(PROMPT);
    assert!(session.shown.contains("spi=0x200"));
    assert_eq!(session.end(), Some(0));
}

#[test]
fn a_command_that_is_given_up_does_nothing() {
    let lab = Lab::new();
    let mut session = Session::start(&lab);
    session.line(&add(0x100), PROMPT);
    for give_up in [INTERRUPT, END] {
        session.line("flush \\", MORE);
        session.type_keys(give_up);
        session.wait_for(PROMPT);
        session.line("get esp spi 0x100 dst 192.0.2.1", "spi=0x100");
        session.wait_for(PROMPT);
    }
    session.type_keys("flush");
    session.type_keys(INTERRUPT);
    session.wait_for(PROMPT);
    session.line("get esp spi 0x100 dst 192.0.2.1", "spi=0x100");
    session.wait_for(PROMPT);
    assert_eq!(session.end(), Some(0));
}
