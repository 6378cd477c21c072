// SPDX-License-Identifier: MIT OR Apache-2.0

//! From bytes to rules.
//!
//! ```text
//! rule = "{" words "}" { "or" } action "{" words "}" { "or" action "{" words "}" }
//! ```
//!
//! A rule begins on a line of its own. Braces and actions give it its shape;
//! once that is lost, reading goes on at the next line that begins with `{`. A
//! keyword that is wrong spoils its rule only, and the rest of it is still read.

use std::sync::Arc;

use super::items::{Grammar, PATTERN_WORDS, PROPERTY_WORDS, pair_up};
use super::keyword::{ACTIONS, ActionKey, lookup, names};
use super::lexer::{Cursor, is_space};
use super::suggest::{did_you_mean, quote};
use super::syntax::{ActionGroup, Item, Parsed, ParsedRule, Word};
use super::{Problem, SourceText, Span};
use crate::model::TunnelName;

/// The longest rule in bytes, comments not counted.
pub const MAX_RULE_LEN: usize = 1 << 20;

/// Reads policy texts. Never fails: what is wrong stands in [`Parsed::problems`].
#[must_use]
pub fn parse(sources: &[SourceText]) -> Parsed {
    let mut out = Parsed::default();
    for (source, text) in sources.iter().enumerate() {
        if u32::try_from(text.text.len()).is_err() {
            let start = Span { source, start: 0, end: 0, line: 1, column: 1 };
            out.problems.push(Problem::error(start, "the text is larger than 4 GiB"));
            continue;
        }
        let parser = Parser {
            cursor: Cursor::new(source, &text.text),
            tunnel: text.tunnel.as_ref(),
            out: &mut out,
            words: Vec::new(),
            text: Vec::new(),
            line_at: 0,
            broken: false,
            before: 0,
        };
        parser.run();
    }
    out
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    tunnel: Option<&'a TunnelName>,
    out: &'a mut Parsed,
    /// The words of the group that was read last.
    words: Vec<Word>,
    /// The lines of this rule so far.
    text: Vec<u8>,
    /// Where in `text` the current line begins.
    line_at: usize,
    /// One of its words has been reported.
    broken: bool,
    /// Problems before this rule.
    before: usize,
}

/// The shape of a rule is lost; how to go on.
enum Lost {
    /// The cursor is at a line that begins with a brace, or at the end.
    Here,
    /// Such a line has to be found.
    Skip,
}

/// Why there is no next byte in a rule.
enum Stop {
    /// The next line begins with a brace; the cursor is there.
    Brace,
    /// The source ends.
    End,
    /// The rule is too long.
    TooLong,
}

/// A line's share of a rule that has grown too long.
struct TooLong;

impl<'a> Parser<'a> {
    fn run(mut self) {
        while self.cursor.peek().is_some() || self.cursor.next_line() {
            match self.cursor.peek() {
                Some(b'{') => match self.rule() {
                    Ok(()) => self.cursor.skip_line(),
                    Err(Lost::Here) => {}
                    Err(Lost::Skip) => self.skip_to_rule(),
                },
                _ => {
                    self.not_a_rule();
                    self.skip_to_rule();
                }
            }
        }
    }

    fn skip_to_rule(&mut self) {
        while self.cursor.next_line() && self.cursor.peek() != Some(b'{') {}
    }

    fn problem(&mut self, problem: Problem) {
        self.broken = true;
        self.out.problems.push(problem);
    }

    fn not_a_rule(&mut self) {
        let span = self.cursor.word(b'{');
        let word = self.cursor.bytes(span);
        let problem = if word.starts_with(b"\xef\xbb\xbf") {
            Problem::error(span, "the text begins with a byte order mark")
                .hint("store the file without one")
        } else if word == b"or" || strip_or(word).is_some() {
            Problem::error(span, "`or` begins a line")
                .hint("put `or` on the line of the closing brace before it")
        } else if lookup(ACTIONS, word).is_some() {
            Problem::error(span, format!("{} without a pattern before it", quote(word)))
        } else {
            Problem::error(span, format!("{} does not begin a rule", quote(word)))
        };
        self.problem(problem.expected("`{` and a pattern"));
    }

    fn rule(&mut self) -> Result<(), Lost> {
        self.text.clear();
        self.broken = false;
        self.before = self.out.problems.len();
        let mut span = self.cursor.span(self.cursor.offset());
        let mut rule = self.body(span)?;
        span.end = self.cursor.offset();
        rule.span = span;
        rule.broken = self.broken;
        rule.text = self.text.as_slice().into();
        self.out.rules.push(rule);
        Ok(())
    }

    fn body(&mut self, span: Span) -> Result<ParsedRule, Lost> {
        self.add_line().map_err(|TooLong| self.too_long(span))?;
        let close = self.group(span)?;
        let pattern = self.items(&PATTERN_WORDS);
        let mut actions = Vec::with_capacity(1);
        let mut behind = close;
        loop {
            let action = self.action(span, behind)?;
            actions.push(action);
            match self.another(span)? {
                Some(or) => behind = or,
                None => break,
            }
        }
        Ok(ParsedRule {
            span,
            text: Arc::default(),
            tunnel: self.tunnel.cloned(),
            pattern,
            actions,
            broken: false,
        })
    }

    fn items<K: Copy>(&mut self, grammar: &Grammar<K>) -> Vec<Item<K>> {
        let before = self.out.problems.len();
        let items = pair_up(&self.words, &self.text, grammar, &mut self.out.problems);
        self.broken |= self.out.problems.len() > before;
        items
    }

    /// Takes the current line into the text of the rule.
    fn add_line(&mut self) -> Result<(), TooLong> {
        let kept = self.cursor.kept();
        if self.text.len() + kept.len() >= MAX_RULE_LEN {
            return Err(TooLong);
        }
        // A comment took the newline; do not let two words become one.
        if let (Some(&last), Some(&first)) = (self.text.last(), kept.first())
            && !is_space(last)
            && !is_space(first)
            && !b"{}".contains(&last)
            && !b"{}".contains(&first)
        {
            self.text.push(b'\n');
        }
        self.line_at = self.text.len();
        self.text.extend_from_slice(kept);
        Ok(())
    }

    fn too_long(&mut self, rule: Span) -> Lost {
        let message = format!("the rule is longer than {MAX_RULE_LEN} bytes");
        self.problem(Problem::error(rule, message).hint("write several rules"));
        Lost::Skip
    }

    /// Goes to the next byte of the rule that is not white space.
    fn advance(&mut self) -> Result<u8, Stop> {
        self.cursor.skip_space();
        if let Some(byte) = self.cursor.peek() {
            return Ok(byte);
        }
        if !self.cursor.next_line() {
            return Err(Stop::End);
        }
        match self.cursor.peek() {
            Some(b'{') => Err(Stop::Brace),
            Some(byte) => self.add_line().map(|()| byte).map_err(|TooLong| Stop::TooLong),
            None => Err(Stop::End),
        }
    }

    fn word(&mut self, stop: u8) -> Word {
        let span = self.cursor.word(stop);
        self.placed(span)
    }

    fn placed(&self, span: Span) -> Word {
        let at = self.line_at + (span.start - self.cursor.line_start());
        Word::new(span, at)
    }

    /// Reads a group into `words`; the cursor is at its brace. Gives the closing brace.
    fn group(&mut self, rule: Span) -> Result<Span, Lost> {
        let open = self.cursor.bump();
        self.words.clear();
        loop {
            match self.advance() {
                Ok(b'}') => return Ok(self.cursor.bump()),
                Ok(_) => {
                    let word = self.word(b'}');
                    self.words.push(word);
                }
                Err(Stop::TooLong) => return Err(self.too_long(rule)),
                Err(Stop::Brace | Stop::End) => {
                    self.unclosed(open);
                    return Err(Lost::Here);
                }
            }
        }
    }

    fn unclosed(&mut self, open: Span) {
        let message = "this `{` is not closed before the next rule or the end";
        self.problem(Problem::error(open, message).expected("`}`"));
    }

    /// Reads an action word and its properties, behind a brace or an `or`.
    fn action(&mut self, rule: Span, behind: Span) -> Result<ActionGroup, Lost> {
        let word = loop {
            match self.advance() {
                Ok(b'{') => {
                    self.no_action(behind);
                    return Err(Lost::Skip);
                }
                Ok(_) => {
                    let word = self.word(b'{');
                    if self.cursor.bytes(word.span()) != b"or" {
                        break word;
                    }
                }
                Err(Stop::TooLong) => return Err(self.too_long(rule)),
                Err(Stop::Brace | Stop::End) => {
                    self.no_action(behind);
                    return Err(Lost::Here);
                }
            }
        };
        let key = lookup(ACTIONS, self.cursor.bytes(word.span()));
        if key.is_none() {
            self.unknown_action(word.span());
        }
        match self.advance() {
            Ok(b'{') => {}
            Err(Stop::Brace) => self.add_line().map_err(|TooLong| self.too_long(rule))?,
            Err(Stop::TooLong) => return Err(self.too_long(rule)),
            found @ (Ok(_) | Err(Stop::End)) => {
                if key.is_some() {
                    self.no_properties(word, found.is_ok());
                }
                return Err(Lost::Skip);
            }
        }
        let begins_line = self.cursor.starts_line(self.cursor.offset());
        let open = self.cursor.offset();
        let line = self.cursor.line();
        self.group(rule)?;
        if begins_line && line == self.cursor.line() && self.looks_like_rule() {
            self.no_properties(word, false);
            self.cursor.rewind(open);
            return Err(Lost::Here);
        }
        let properties = self.items(&PROPERTY_WORDS);
        Ok(ActionGroup { key, word, properties })
    }

    /// Was the group just read a pattern, with an action behind it?
    fn looks_like_rule(&mut self) -> bool {
        let here = self.cursor.offset();
        self.cursor.skip_space();
        let behind = self.cursor.word(b'{');
        self.cursor.rewind(here);
        lookup(ACTIONS, self.cursor.bytes(behind)).is_some()
    }

    fn no_action(&mut self, behind: Span) {
        // Perhaps the pattern swallowed the action, for want of a brace.
        let swallowed = self.words.windows(2).find(|pair| {
            lookup(ACTIONS, pair[0].bytes(&self.text)).is_some()
                && pair[1].bytes(&self.text).starts_with(b"{")
        });
        let problem = match swallowed {
            Some(pair) => {
                // Then the words behind it were no pattern, whatever has been said of them.
                self.out.problems.truncate(self.before);
                let word = quote(pair[0].bytes(&self.text));
                Problem::error(pair[0].span(), format!("the pattern is not closed before {word}"))
                    .expected("`}`")
            }
            None => Problem::error(behind, "no action follows").expected(action_list()),
        };
        self.problem(problem);
    }

    fn unknown_action(&mut self, span: Span) {
        let word = self.cursor.bytes(span);
        let mut problem = Problem::error(span, format!("{} is no action", quote(word)));
        problem.expected = Some(action_list());
        problem.hint = match word {
            b"\\" => Some("a line needs no sign that it goes on".into()),
            b"}" => Some("there is one closing brace too many".into()),
            _ => did_you_mean(word, names(ACTIONS)),
        };
        self.problem(problem);
    }

    fn no_properties(&mut self, action: Word, found: bool) {
        let word = action.bytes(&self.text);
        let message = format!("{} has no properties", quote(word));
        let span = if found { self.cursor.word(b'{') } else { action.span() };
        let hint = match lookup(ACTIONS, word) {
            Some(key) if !key.protects() => "without any, write `{ }`",
            _ => "write them in braces",
        };
        self.problem(Problem::error(span, message).expected("`{`").hint(hint));
    }

    /// Looks behind a closing brace of properties: `or`, or the end of the rule.
    fn another(&mut self, rule: Span) -> Result<Option<Span>, Lost> {
        if self.cursor.at_comment() {
            return self.another_line(rule);
        }
        self.cursor.skip_space();
        if self.cursor.peek().is_none() {
            return Ok(None);
        }
        let here = self.cursor.offset();
        let span = self.cursor.word(b'{');
        let word = self.cursor.bytes(span);
        if word == b"or" {
            return Ok(Some(span));
        }
        if strip_or(word).is_some() {
            self.cursor.rewind(here + 2);
            return Ok(Some(self.cursor.span(here)));
        }
        let mut problem = Problem::error(span, format!("{} behind the rule", quote(word)));
        problem.expected = Some("`or` and another action, or the end of the line".into());
        problem.hint = match word {
            b"" => {
                problem.message = "another `{` behind the rule".into();
                Some("a rule begins on a line of its own".into())
            }
            b"o" => Some("did you mean `or`?".into()),
            b"\\" => Some("put `or` here and the next action on the next line".into()),
            _ if lookup(ACTIONS, word).is_some() => Some("put `or` between two actions".into()),
            _ => did_you_mean(word, ["or"]),
        };
        self.problem(problem);
        Err(Lost::Skip)
    }

    /// A comment directly behind the brace lets the next line go on with the rule.
    fn another_line(&mut self, rule: Span) -> Result<Option<Span>, Lost> {
        let end = self.cursor.mark();
        if self.cursor.next_line() {
            let here = self.cursor.offset();
            let span = self.cursor.word(b'{');
            let word = self.cursor.bytes(span);
            let action = lookup(ACTIONS, word).is_some();
            if action || word == b"or" || strip_or(word).is_some() {
                self.cursor.rewind(here);
                self.add_line().map_err(|TooLong| self.too_long(rule))?;
                self.cursor.rewind(if action { here } else { here + 2 });
                return Ok(Some(span));
            }
        }
        self.cursor.return_to(end);
        Ok(None)
    }
}

/// The action behind an `or` without white space between them.
fn strip_or(word: &[u8]) -> Option<ActionKey> {
    word.strip_prefix(b"or").and_then(|rest| lookup(ACTIONS, rest))
}

fn action_list() -> String {
    let list: Vec<_> = names(ACTIONS).collect();
    format!("an action: {}", list.join(", "))
}
