// SPDX-License-Identifier: MIT OR Apache-2.0

//! bash, asked what it would complete.

use std::collections::BTreeSet;

use super::{BASH, DIRECTORIES, FILES, Place};
use crate::in_repository;
use crate::lab::Lab;
use crate::pages::set;

/// Asks for completions as bash does when it reads a line: `ASK BREAKS LINE WORD ...`
/// prints the answers, one a line, and what bash is told to do, after `compopt `.
const ASK: &str = r#"
set -u
source "$1" || exit
COMP_WORDBREAKS=$2 COMP_LINE=$3
shift 3
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_POINT=${#COMP_LINE}
compopt() { printf 'compopt %s\n' "$*"; }
[[ $(complete -p "$1") =~ -F\ ([^ ]+) ]] || exit
COMPREPLY=()
"${BASH_REMATCH[1]}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" || exit
((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
exit 0
"#;

/// The characters at which bash breaks words, if nobody changes them.
pub const BREAKS: &str = " \t\n\"'><=;|&(:";
/// Where somebody took '=' and ':' out of them, answers are whole words.
const BLANKS: &str = " \t\n";

/// The words of a line, as bash breaks them: runs of `=` and `:` are words.
fn broken(line: &str, breaks: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in line.split(' ') {
        let kind = |c: char| "=:".contains(c) && breaks.contains(c);
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        // After one of these, a word begins.
        if word.is_empty() {
            words.push(String::new());
        }
    }
    words
}

/// A bash with the completion of this repository.
pub struct Bash(Place);

impl Bash {
    /// With a kernel to ask, or without.
    #[must_use]
    pub fn new(lab: Option<&Lab>) -> Self {
        Self(Place::new(lab))
    }

    /// Puts a script in the place of `dladm`.
    pub fn fake_dladm(&self, script: &str) {
        self.0.fake_dladm(script);
    }

    /// What that script has noted.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.log()
    }

    /// The whole words that are offered for a line of which the cursor is at the end, as the
    /// tables have them.
    #[must_use]
    pub fn ask(&self, line: &str) -> BTreeSet<String> {
        let answers = self.answers(line, BLANKS).into_iter();
        let neutral = answers.filter_map(|answer| match answer.as_str() {
            "compopt -o default" => Some(FILES.to_owned()),
            "compopt -o dirnames" => Some(DIRECTORIES.to_owned()),
            "compopt -o nospace" => None,
            _ => Some(answer.trim_end_matches(',').to_owned()),
        });
        set(neutral)
    }

    /// What bash is told, where it breaks words at these characters.
    #[must_use]
    pub fn answers(&self, line: &str, breaks: &str) -> BTreeSet<String> {
        self.answers_to_words(line, breaks, &broken(line, breaks))
    }

    /// The same for a line that was broken into these words.
    #[must_use]
    pub fn answers_to_words(&self, line: &str, breaks: &str, words: &[String]) -> BTreeSet<String> {
        let mut bash = self.0.shell("bash");
        bash.args(["--norc", "-c", ASK, "bash"])
            .arg(in_repository(BASH))
            .args([breaks, line])
            .args(words);
        let output = bash.output().expect("bash runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{line:?}: {stderr}");
        self.0.assert_untouched(line);
        let text = String::from_utf8(output.stdout).expect("text");
        let answers: Vec<String> = text.lines().map(str::to_owned).collect();
        let unique = set(answers.iter().cloned());
        assert_eq!(unique.len(), answers.len(), "{line:?}: {answers:?}");
        unique
    }
}
