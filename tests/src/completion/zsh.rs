// SPDX-License-Identifier: MIT OR Apache-2.0

//! zsh, asked what it would complete.
//!
//! Lines are completed only where lines are edited. So a zsh runs on a terminal that another
//! one makes; before the first line is typed it completes all the lines that are asked about,
//! and ends. It inserts all matches, and so shows them with what it puts before and behind
//! them.

use std::collections::BTreeSet;
use std::fs;

use super::{DIRECTORIES, DIRECTORY, FILE, FILES, Place, ZSH};
use crate::in_repository;
use crate::lab::Lab;
use crate::pages::set;

/// Makes the terminal. What is typed ends the shell there, should it wait for a line.
const TERMINAL: &str = "\
zmodload zsh/zpty || exit
zpty asked \"exec zsh -d -i 2>${(q)ERRORS}\" || exit
zpty -w asked exit
while zpty -r asked text; do :; done
zpty -d asked
";

/// The start of the shell on the terminal.
const STARTUP: &str = "\
fpath=($OURS $THEIRS $fpath)
autoload -Uz compinit && compinit -D -u
all-matches() {
  _main_complete
  compstate[insert]=all compstate[list]=
}
zle -C all-matches complete-word all-matches
zle-line-init() {
  local line
  while IFS= read -r line; do
    BUFFER=$line CURSOR=$#line
    zle all-matches
    print -r -- \"$BUFFER\" >&3
  done <$QUESTIONS
  exit
}
zle -N zle-line-init
exec 3>$ANSWERS
";

/// What a completion of `dladm` that was there before offers.
pub const THEIR_ANSWER: &str = "their-answer";

/// A zsh with the completion of this repository.
pub struct Zsh {
    place: Place,
    files: tempfile::TempDir,
}

impl Zsh {
    /// Is there a zsh?
    #[must_use]
    pub fn exists() -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|dir| dir.join("zsh").is_file())
    }

    /// With a kernel to ask, or without.
    #[must_use]
    pub fn new(lab: Option<&Lab>) -> Self {
        let files = tempfile::tempdir().expect("a temporary directory");
        fs::write(files.path().join(".zshrc"), STARTUP).expect("a file");
        fs::create_dir(files.path().join("theirs")).expect("a directory");
        let theirs = files.path().join("theirs/_dladm");
        fs::write(theirs, format!("#compdef dladm\ncompadd {THEIR_ANSWER}\n")).expect("a file");
        Self { place: Place::new(lab), files }
    }

    /// Puts a script in the place of `dladm`.
    pub fn fake_dladm(&self, script: &str) {
        self.place.fake_dladm(script);
    }

    /// What that script has noted.
    #[must_use]
    pub fn log(&self) -> String {
        self.place.log()
    }

    /// The words that are offered for lines of which the cursor is at the end, as the tables
    /// have them.
    #[must_use]
    pub fn ask<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> Vec<BTreeSet<String>> {
        let lines: Vec<&str> = lines.into_iter().collect();
        let completed = self.complete(&lines);
        lines.iter().zip(&completed).map(|(line, completed)| offered(line, completed)).collect()
    }

    /// The lines with all matches inserted.
    #[must_use]
    pub fn complete(&self, lines: &[&str]) -> Vec<String> {
        let file = |name: &str| self.files.path().join(name);
        fs::write(file("questions"), lines.join("\n") + "\n").expect("a file");
        let ours = in_repository(ZSH);
        let output = self
            .place
            .shell("zsh")
            .args(["-f", "-c", TERMINAL])
            .env("TERM", "xterm")
            .env("HOME", self.files.path())
            .env("ZDOTDIR", self.files.path())
            .env("OURS", ours.parent().expect("a directory"))
            .env("THEIRS", file("theirs"))
            .env("QUESTIONS", file("questions"))
            .env("ANSWERS", file("answers"))
            .env("ERRORS", file("errors"))
            .output()
            .expect("zsh runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
        let said = fs::read(file("errors")).expect("a file");
        assert_eq!(String::from_utf8_lossy(&said), "");
        self.place.assert_untouched("zsh");
        let answers = fs::read_to_string(file("answers")).expect("text");
        let answers: Vec<String> = answers.lines().map(str::to_owned).collect();
        assert_eq!(answers.len(), lines.len(), "{answers:#?}");
        answers
    }
}

/// What was inserted into a line in the place of its last word.
fn offered(line: &str, completed: &str) -> BTreeSet<String> {
    let (before, word) = line.split_at(line.rfind(' ').map_or(0, |at| at + 1));
    let inserted = completed.strip_prefix(before);
    let inserted = inserted.unwrap_or_else(|| panic!("{line:?} became {completed:?}"));
    if inserted == word {
        return BTreeSet::new();
    }
    // Where there is nothing else, zsh offers options.
    let unasked = |answer: &&str| answer.starts_with('-') && !word.starts_with('-');
    let answers = inserted.split_whitespace().filter(|answer| !unasked(answer));
    // What may follow stands behind it: the next of a list, a part of a path, a value.
    let is_option = word.starts_with('-') && !word.contains('=');
    let ends: &[char] = if is_option { &['='] } else { &[',', '/'] };
    let answers = set(answers.map(|answer| answer.trim_end_matches(ends).to_owned()));
    let option = if word.starts_with("--") { word.split_inclusive('=').next() } else { None };
    let option = option.filter(|option| option.ends_with('=')).unwrap_or_default();
    let files = |names: &[&str]| set(names.iter().map(|name| format!("{option}{name}")));
    if answers == files(&[DIRECTORY, FILE]) {
        return set([FILES.to_owned()]);
    }
    if answers == files(&[DIRECTORY]) {
        return set([DIRECTORIES.to_owned()]);
    }
    answers
}
