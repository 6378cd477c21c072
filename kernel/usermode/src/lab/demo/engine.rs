// SPDX-License-Identifier: MIT OR Apache-2.0

//! Runs steps, shows them as a terminal would, and judges what came of them.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::step::{Expect, Run, Step};
use crate::lab::process::Lab;

/// One session in one lab.
pub(super) struct Session<'a> {
    lab: &'a Lab,
    peer: Option<&'a Lab>,
    judge: Judge,
}

/// What a step has produced.
struct Outcome {
    /// Exit status, or 128 and the number of the signal that ended the command.
    status: i32,
    stdout: String,
    stderr: String,
}

/// An expectation that does not hold.
pub(super) struct Failure {
    step: String,
    expected: String,
    got: String,
}

impl<'a> Session<'a> {
    pub(super) fn new(lab: &'a Lab, peer: Option<&'a Lab>, numbers_count: bool) -> Self {
        Self { lab, peer, judge: Judge { kept: HashMap::new(), numbers_count } }
    }

    /// Runs a step, prints it, checks it.
    pub(super) fn run(&mut self, step: &Step) -> Result<(), Failure> {
        let note = if step.note.is_empty() { String::new() } else { format!("-- {}\n", step.note) };
        show(&format!("\n{note}{}", typed(&step.run)));
        let outcome = self.perform(&step.run).map_err(|error| Failure {
            step: typed(&step.run),
            expected: "a step that can be run".to_owned(),
            got: error.to_string(),
        })?;
        show(&outcome.stdout);
        show(&outcome.stderr);
        for expect in step.expect {
            self.judge.check(expect, &outcome).map_err(|(expected, got)| Failure {
                step: typed(&step.run),
                expected,
                got,
            })?;
        }
        Ok(())
    }

    fn perform(&self, run: &Run) -> io::Result<Outcome> {
        let done = |stdout| Outcome { status: 0, stdout, stderr: String::new() };
        match run {
            Run::Command(line) => command(self.lab, line),
            Run::There(line) => command(self.peer()?, line),
            Run::Cat(path) => fs::read_to_string(below_root(self.lab, path)).map(done),
            Run::Write(path, text) => write(self.lab, path, text).map(|()| done(String::new())),
            Run::WriteThere(path, text) => {
                write(self.peer()?, path, text).map(|()| done(String::new()))
            }
            Run::Mkdir(path) => make_directory(self.lab, path).map(|()| done(String::new())),
            Run::Link(target, path) => {
                symlink(target, below_root(self.lab, path)).map(|()| done(String::new()))
            }
            Run::Remove(path) => {
                fs::remove_file(below_root(self.lab, path)).map(|()| done(String::new()))
            }
        }
    }

    fn peer(&self) -> io::Result<&Lab> {
        self.peer.ok_or_else(|| io::Error::other("there is no second host"))
    }
}

fn command(lab: &Lab, line: &str) -> io::Result<Outcome> {
    let mut words = words(line).into_iter();
    let output = lab
        .command(words.next().unwrap_or_default())
        .args(words)
        .env_remove("SMF_FMRI")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()?;
    let status = output.status;
    Ok(Outcome {
        status: status.code().or(status.signal().map(|n| 128 + n)).unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The words of a line, as a shell would have them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (n, part) in line.split('\'').enumerate() {
        let mut parts = if n % 2 == 0 { part.split(' ').collect() } else { vec![part] }.into_iter();
        let begun = words.last_mut().expect("there is always one");
        begun.push_str(parts.next().unwrap_or_default());
        words.extend(parts.map(str::to_owned));
    }
    words
}

/// Makes a directory that only its owner may write, whatever the umask.
fn make_directory(lab: &Lab, path: &str) -> io::Result<()> {
    let path = below_root(lab, path);
    fs::create_dir_all(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
}

/// Writes a file, for the owner alone.
fn write(lab: &Lab, path: &str, text: &str) -> io::Result<()> {
    let path = below_root(lab, path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
}

fn below_root(lab: &Lab, path: &str) -> PathBuf {
    lab.root().join(Path::new(path).strip_prefix("/").unwrap_or(Path::new(path)))
}

/// Says whether expectations hold.
struct Judge {
    /// Output that later steps are compared with.
    kept: HashMap<&'static str, String>,
    /// Are the numbers of rules what they have to be? On an old kernel an exchange takes
    /// some.
    numbers_count: bool,
}

impl Judge {
    /// Gives back what was expected and what there is instead.
    fn check(&mut self, expect: &Expect, outcome: &Outcome) -> Result<(), (String, String)> {
        let (holds, expected, got) = match *expect {
            Expect::Status(status) => (
                outcome.status == i32::from(status),
                format!("exit status {status}"),
                format!("exit status {}", outcome.status),
            ),
            Expect::Fails => (
                (1..128).contains(&outcome.status) || outcome.status == 255,
                "a failure".to_owned(),
                format!("exit status {}", outcome.status),
            ),
            Expect::Output(text) => self.same(text, &outcome.stdout),
            Expect::Says(text) => contains("standard output", text, &outcome.stdout),
            Expect::Complains(text) => contains("standard error", text, &outcome.stderr),
            Expect::Silent => (
                outcome.stderr.is_empty(),
                "nothing on standard error".to_owned(),
                outcome.stderr.clone(),
            ),
            Expect::Keep(name) => {
                self.kept.insert(name, outcome.stdout.clone());
                return Ok(());
            }
            Expect::Same(name) => {
                self.same(self.kept.get(name).map_or("", String::as_str), &outcome.stdout)
            }
        };
        if holds { Ok(()) } else { Err((expected, got)) }
    }

    fn same(&self, expected: &str, got: &str) -> (bool, String, String) {
        let line = |line: &str| match self.numbers_count {
            true => line.trim_end().to_owned(),
            false => without_number(line.trim_end()),
        };
        let holds = expected.lines().map(line).eq(got.lines().map(line));
        (holds, expected.to_owned(), got.to_owned())
    }
}

/// Prints for the reader, who may have gone: the steps are checked all the same.
pub(super) fn show(text: &str) {
    let mut stdout = io::stdout();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

fn typed(run: &Run) -> String {
    match run {
        Run::Command(line) => format!("# {line}\n"),
        Run::There(line) => format!("peer# {line}\n"),
        Run::Cat(path) => format!("# cat {path}\n"),
        Run::Write(path, text) => format!("# cat >{path} <<EOF\n{text}EOF\n"),
        Run::WriteThere(path, text) => format!("peer# cat >{path} <<EOF\n{text}EOF\n"),
        Run::Mkdir(path) => format!("# mkdir -p {path}\n"),
        Run::Link(target, path) => format!("# ln -s {target} {path}\n"),
        Run::Remove(path) => format!("# rm {path}\n"),
    }
}

/// The line before a rule in a listing, without the number of the rule.
fn without_number(line: &str) -> String {
    let number = |c: char| c.is_ascii_digit();
    match line.strip_prefix("#INDEX ") {
        Some(_) => format!("{}N", line.trim_end_matches(number)),
        None => line.to_owned(),
    }
}

fn contains(place: &str, text: &str, got: &str) -> (bool, String, String) {
    let holds = got.lines().any(|line| line.contains(text));
    (holds, format!("{text:?} on {place}"), got.to_owned())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let block = |f: &mut fmt::Formatter<'_>, title: &str, text: &str| {
            let text = if text.is_empty() { "(nothing)" } else { text };
            writeln!(f, "{title}")?;
            text.lines().try_for_each(|line| writeln!(f, "    {line}"))
        };
        writeln!(f, "NOT AS EXPECTED")?;
        block(f, "step", &self.step)?;
        block(f, "expected", &self.expected)?;
        block(f, "got", &self.got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Judge {
        Judge { kept: HashMap::new(), numbers_count: true }
    }

    fn outcome(status: i32, stdout: &str, stderr: &str) -> Outcome {
        Outcome { status, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
    }

    #[test]
    fn an_expectation_holds_or_says_what_it_got() {
        let good = outcome(0, "one \ntwo\n", "");
        let bad = outcome(1, "one\n", "a:1:2: no\n");
        // What holds for the first and not for the second.
        let first: &[Expect] = &[
            Expect::Status(0),
            Expect::Output("one\ntwo  \n"),
            Expect::Says("two"),
            Expect::Silent,
        ];
        let second: &[Expect] = &[
            Expect::Status(1),
            Expect::Fails,
            Expect::Output("one\n"),
            Expect::Complains("a:1:2"),
        ];
        for (expects, yes, no) in [(first, &good, &bad), (second, &bad, &good)] {
            for expect in expects {
                assert!(judge().check(expect, yes).is_ok());
                let (expected, got) = judge().check(expect, no).unwrap_err();
                assert_ne!(expected, got);
            }
        }
    }

    #[test]
    fn a_line_is_split_as_a_shell_splits_it() {
        assert_eq!(words("a -b 'c d' e"), ["a", "-b", "c d", "e"]);
        assert_eq!(words("a ''"), ["a", ""]);
        assert_eq!(words("x='1 2'3"), ["x=1 23"]);
    }

    #[test]
    fn a_command_that_dies_has_not_failed_properly() {
        let died = outcome(128 + 11, "", "");
        assert!(judge().check(&Expect::Fails, &died).is_err());
    }

    #[test]
    fn output_can_be_kept_and_compared() {
        let mut judge = judge();
        let (one, two) = (outcome(0, "one\n", ""), outcome(0, "two\n", ""));
        assert!(judge.check(&Expect::Same("name"), &one).is_err());
        assert!(judge.check(&Expect::Keep("name"), &one).is_ok());
        assert!(judge.check(&Expect::Same("name"), &one).is_ok());
        assert!(judge.check(&Expect::Same("name"), &two).is_err());
    }

    #[test]
    fn numbers_of_rules_count_or_do_not() {
        let got = outcome(0, "#INDEX tun0,7\n{ lport 7 }\n", "");
        let other_number = Expect::Output("#INDEX tun0,6\n{ lport 7 }\n");
        assert!(judge().check(&other_number, &got).is_err());
        let mut loose = Judge { numbers_count: false, ..judge() };
        assert!(loose.check(&other_number, &got).is_ok());
        for other in ["#INDEX tun1,7\n{ lport 7 }\n", "#INDEX tun0,7\n{ lport 8 }\n"] {
            assert!(loose.check(&Expect::Output(other), &got).is_err());
        }
    }

    #[test]
    fn a_failure_shows_step_expectation_and_result() {
        let failure = Failure {
            step: "ipsecconf -L\n".to_owned(),
            expected: "exit status 0".to_owned(),
            got: String::new(),
        };
        assert_eq!(
            failure.to_string(),
            "NOT AS EXPECTED\nstep\n    ipsecconf -L\nexpected\n    exit status 0\n\
             got\n    (nothing)\n"
        );
    }
}
