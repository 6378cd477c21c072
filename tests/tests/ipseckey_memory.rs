// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is left of keys in the memory of a session that goes on.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdout, Stdio};

use system_tests::lab::Lab;

const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const AUTH: &str = "f00dfacef11dfacef22dfacef33dfacef44dface";
const MARK: &str = "0123456789abcdef-this-is-no-key";

/// A session on pipes.
struct Session {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Session {
    fn start(lab: &Lab, options: &str) -> Self {
        let mut command = lab.command("ipseckey");
        let mut child =
            command.arg(options).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// Types lines, and waits until a line with this text is shown.
    fn type_and_wait(&mut self, lines: &str, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let read = self.out.read_line(&mut line).unwrap();
            assert!(read > 0, "the end, but no {text:?}");
        }
    }

    /// Is it anywhere in the memory that can be written?
    fn remembers(&self, what: &[u8]) -> bool {
        let dir = format!("/proc/{}", self.child.id());
        let memory = File::open(format!("{dir}/mem")).unwrap();
        let maps = fs::read_to_string(format!("{dir}/maps")).unwrap();
        let mut looked_at = 0;
        let found = maps.lines().any(|line| {
            let mut words = line.split(' ');
            let (range, mode) = (words.next().unwrap(), words.next().unwrap());
            if !mode.starts_with("rw") {
                return false;
            }
            let (start, end) = range.split_once('-').unwrap();
            let at = |text| u64::from_str_radix(text, 16).unwrap();
            let mut bytes = vec![0; (at(end) - at(start)) as usize];
            if memory.read_exact_at(&mut bytes, at(start)).is_err() {
                return false;
            }
            looked_at += bytes.len();
            bytes.windows(what.len()).any(|window| window == what)
        });
        assert!(found || looked_at > 100_000, "the memory cannot be read");
        found
    }
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// What the session has of the keys once it has nothing more to do with them.
fn forgets_them(session: &mut Session) {
    session.type_and_wait(&format!("help {MARK}\n"), MARK);
    assert!(session.remembers(b"ipseckey"), "this test would find nothing");
    for key in [KEY, AUTH] {
        assert!(!session.remembers(key.as_bytes()), "{key} as it is typed or shown");
        assert!(!session.remembers(&octets(key)), "{key} as it is sent");
    }
}

#[test]
fn keys_do_not_stay_in_memory() {
    let lab = Lab::new();
    let mut session = Session::start(&lab, "-np");
    let add = format!(
        "add esp spi 0x10 dst 192.0.2.1 encr_alg aes encrkey {KEY} auth_alg sha1 authkey {AUTH}\n"
    );
    session.type_and_wait(&(add.clone() + "help add\n"), "Add a new");
    forgets_them(&mut session);
    // A line in two parts, and one that is wrong.
    let parts = add.replace("0x10", "0x20").replace("encrkey ", "encrkey \\\n");
    let wrong = add.replace("0x10", "0x30").replace("aes", "aess");
    session.type_and_wait(&(parts + &wrong), "Unknown encryption algorithm");
    forgets_them(&mut session);
    // They come back from the kernel.
    session.type_and_wait("get esp spi 0x10 dst 192.0.2.1\n", "EKY: XX");
    forgets_them(&mut session);
    session.type_and_wait("get esp spi 0x20 dst 192.0.2.1\ndump esp\n", "Dump succeeded");
    forgets_them(&mut session);
    drop(session.child.stdin.take());
    assert!(session.child.wait().unwrap().success());
}

#[test]
fn what_is_shown_can_be_found() {
    // Else the other test would prove nothing.
    let lab = Lab::new();
    lab.keys(&format!("add esp spi 0x10 dst 192.0.2.1 encr_alg aes encrkey {KEY}\n"));
    let mut session = Session::start(&lab, "-n");
    session.type_and_wait("get esp spi 0x10 dst 192.0.2.1\n", KEY);
    assert!(session.remembers(KEY.as_bytes()));
    drop(session.child.stdin.take());
    assert!(session.child.wait().unwrap().success());
}
