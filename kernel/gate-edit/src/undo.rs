// SPDX-License-Identifier: MIT OR Apache-2.0

//! Takes edits out of a file.
//!
//! Nothing marks them: they are found by their texts. A way to take them out is right if making
//! the edits again gives the file, byte for byte. All ways are tried; two that lead to different
//! files mean that nobody can tell.

mod candidate;

use crate::definition::Source;
use crate::edit::Edit;
use crate::make::make;
use crate::text::Text;
use candidate::{Candidate, Forms, enough, everywhere, in_definitions};

/// How many ways are tried. Texts that are found once need one.
const LIMIT: usize = 2000;

/// How many steps are made on these ways.
const STEPS: usize = 200_000;

/// A file that becomes this one if the edits are made.
pub(crate) struct Original {
    pub(crate) bytes: Vec<u8>,
    /// Where the texts of which edits were found.
    pub(crate) found: Vec<(usize, usize)>,
    /// How many edits that are.
    edits: usize,
}

/// What was found.
pub(crate) struct Search {
    /// At most two, which differ.
    pub(crate) originals: Vec<Original>,
    /// Were there too many ways to try all?
    pub(crate) given_up: bool,
}

/// Looks for files that become `bytes` by these edits. As many optional edits as possible are
/// taken out.
///
/// Texts are expected in the definitions named by `in`. That is so unless texts change where a
/// definition begins or ends; then they are looked for everywhere.
pub(crate) fn originals(path: &str, bytes: &[u8], edits: &[&Edit]) -> Search {
    let source = Source::new(path, bytes);
    let all = everywhere(&source.text, edits);
    let near = in_definitions(&source, edits, &all);
    if near == all {
        return search(path, bytes, edits, all);
    }
    let found = search(path, bytes, edits, near);
    if found.originals.is_empty() { search(path, bytes, edits, all) } else { found }
}

fn search(path: &str, bytes: &[u8], edits: &[&Edit], candidates: Vec<Forms>) -> Search {
    let mut way = Way {
        path,
        text: Text::new(bytes),
        edits,
        candidates,
        chosen: Vec::new(),
        tried: 0,
        steps: 0,
        search: Search { originals: Vec::new(), given_up: false },
    };
    let hopeless = |(edit, forms): (&&Edit, &Forms)| !edit.optional && !enough(edit, forms);
    if !edits.iter().zip(&way.candidates).any(hopeless) {
        way.descend(0);
    }
    way.search
}

/// Edits whose texts are there often enough, wherever.
pub(crate) fn suspected<'a>(bytes: &[u8], edits: &[&'a Edit]) -> Vec<&'a Edit> {
    let found = everywhere(&Text::new(bytes), edits);
    let suspected = edits.iter().zip(found).filter(|(edit, forms)| enough(edit, forms));
    suspected.map(|(edit, _)| *edit).collect()
}

struct Way<'a> {
    path: &'a str,
    text: Text<'a>,
    edits: &'a [&'a Edit],
    candidates: Vec<Forms>,
    /// Edit, alternative, candidate.
    chosen: Vec<(usize, usize, Candidate)>,
    tried: usize,
    steps: usize,
    search: Search,
}

impl Way<'_> {
    /// Chooses places for this edit and all further ones.
    fn descend(&mut self, edit: usize) {
        let Some(one) = self.edits.get(edit) else { return self.try_out() };
        for form in 0..one.forms.len() {
            self.choose(edit, form, 0, one.count);
        }
        if one.optional {
            self.descend(edit + 1);
        }
    }

    /// Chooses `count` places from the candidate `from` on.
    fn choose(&mut self, edit: usize, form: usize, from: usize, count: usize) {
        if count == 0 {
            return self.descend(edit + 1);
        }
        for at in from..self.candidates[edit][form].len() {
            self.steps += 1;
            self.search.given_up |= self.steps > STEPS;
            let one = self.candidates[edit][form][at].clone();
            let free = |(_, _, other): &(usize, usize, Candidate)| {
                one.end <= other.start || other.end <= one.start
            };
            if !self.chosen.iter().all(free) {
                continue;
            }
            if self.is_over() {
                return;
            }
            self.chosen.push((edit, form, one));
            self.choose(edit, form, at + 1, count - 1);
            self.chosen.pop();
        }
    }

    fn try_out(&mut self) {
        let mut edits: Vec<_> = self.chosen.iter().map(|(edit, _, _)| *edit).collect();
        edits.dedup();
        let best = self.search.originals.first().map_or(1, |original| original.edits);
        if self.is_over() || edits.len() < best {
            return;
        }
        self.tried += 1;
        if self.tried > LIMIT {
            self.search.given_up = true;
            return;
        }
        let bytes = self.without_chosen();
        if self.search.originals.iter().any(|known| known.bytes == bytes) {
            return;
        }
        let made = make(&Source::new(self.path, &bytes), self.edits);
        if made.is_ok_and(|made| made.bytes == self.text.bytes) {
            if edits.len() > best {
                self.search.originals.clear();
            }
            let found = self.chosen.iter().map(|(edit, _, at)| (*edit, at.start)).collect();
            self.search.originals.push(Original { bytes, found, edits: edits.len() });
            self.search.originals.truncate(2);
        }
    }

    /// Is nothing left to be found out?
    fn is_over(&self) -> bool {
        let all = |original: &Original| original.edits == self.edits.len();
        self.search.given_up || self.search.originals.get(1).is_some_and(all)
    }

    fn without_chosen(&self) -> Vec<u8> {
        let mut chosen: Vec<_> = self.chosen.iter().collect();
        chosen.sort_by_key(|(_, _, at)| at.start);
        let mut old = Vec::with_capacity(self.text.bytes.len());
        let mut at = 0;
        for (edit, form, one) in &chosen {
            old.extend_from_slice(&self.text.bytes[at..one.start]);
            if !self.edits[*edit].inserts() {
                old.extend_from_slice(self.edits[*edit].forms[*form].anchor.as_bytes());
            }
            at = one.end;
        }
        old.extend_from_slice(&self.text.bytes[at..]);
        // The line above has got a newline from the text below.
        let last_line = chosen.last().is_some_and(|(edit, _, one)| {
            self.edits[*edit].inserts() && one.end == self.text.bytes.len()
        });
        if last_line && self.text.is_open() && old.ends_with(self.text.ending()) {
            old.truncate(old.len() - self.text.ending().len());
        }
        old
    }
}
