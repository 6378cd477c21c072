// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which way a rule looks: its style, its directions, and which end is local.
//!
//! Source: `spec/ipsecconf.md` section 6.4.

use super::keyword::{ActionKey, PatternKey, PropertyKey, Style};
use super::pattern::{Pattern, mixed};
use super::suggest::{did_you_mean, quote};
use super::syntax::{ActionGroup, Item, ParsedRule, Set, Word};
use super::{Problem, Span};
use crate::model::Direction;

/// The directions of a rule, and whether source and destination change places.
pub(super) fn direction(
    rule: &ParsedRule,
    pattern: &Pattern,
    problems: &mut Vec<Problem>,
) -> Option<(Direction, bool)> {
    let mut reader = Reader {
        rule,
        pattern,
        problems,
        style: pattern.style,
        dir: pattern.dir.map(|(dir, _)| dir),
        property: None,
    };
    if let Some(second) = rule.actions.get(1) {
        reader.several(second);
    }
    for group in &rule.actions {
        reader.action(group);
        for item in group.properties.iter().filter(|item| item.key == PropertyKey::Dir) {
            if let Err(problem) = reader.property(group, item) {
                reader.problems.push(problem);
            }
        }
    }
    Some((reader.dir?, reader.swapped()))
}

struct Reader<'a> {
    rule: &'a ParsedRule,
    pattern: &'a Pattern,
    problems: &'a mut Vec<Problem>,
    style: Set<Style>,
    dir: Option<Direction>,
    /// The direction given as a property.
    property: Option<Direction>,
}

impl Reader<'_> {
    fn word(&self, word: &Word) -> String {
        quote(self.rule.bytes(word))
    }

    /// Several actions are new style.
    fn several(&mut self, second: &ActionGroup) {
        match self.style {
            Some((Style::Old, word)) => {
                let message =
                    format!("several actions with {}, which is old style", self.word(&word));
                self.problems.push(
                    Problem::error(second.word.span(), message)
                        .hint("`or` needs laddr, raddr, lport and rport"),
                );
            }
            _ => self.style = Some((Style::New, second.word)),
        }
    }

    /// What an action word says about the direction.
    fn action(&mut self, group: &ActionGroup) {
        match group.key {
            Some(ActionKey::Apply) => self.own(group, Direction::OUT, "`apply` is outbound"),
            Some(ActionKey::Permit) => self.own(group, Direction::IN, "`permit` is inbound"),
            Some(ActionKey::Ipsec) if self.dir.is_none() => {
                if let Some((Style::Old, keyword)) = self.style {
                    self.requires_direction(group, keyword);
                }
                self.dir = Some(Direction::all());
            }
            // Without a direction nothing would be let pass, and nothing dropped.
            Some(ActionKey::Pass | ActionKey::Drop) if self.dir.is_none() => {
                self.dir = Some(Direction::all());
            }
            _ => {}
        }
    }

    /// An action that has a direction of its own.
    fn own(&mut self, group: &ActionGroup, own: Direction, what: &str) {
        self.dir = Some(own);
        if let Some((dir, word)) = self.pattern.dir
            && dir != own
            && self.rule.actions.first().is_some_and(|first| first.word.span() == group.word.span())
        {
            let message = format!("{what}; this direction is ignored");
            self.problems.push(Problem::warning(word.span(), message));
        }
    }

    fn requires_direction(&mut self, group: &ActionGroup, old: Word) {
        // One that is wrong has been reported.
        if self.rule.pattern.iter().any(|item| item.key == PatternKey::Dir) || self.pattern.mixed {
            return;
        }
        let message = format!(
            "{} with {}, which is old style, needs a direction",
            self.word(&group.word),
            self.word(&old)
        );
        let problem = Problem::error(group.word.span(), message);
        self.problems.push(problem.expected("`dir in` or `dir out` in the pattern"));
    }

    /// A direction among the properties; that is old style.
    fn property(&mut self, group: &ActionGroup, item: &Item<PropertyKey>) -> Result<(), Problem> {
        let Item { keyword, value, .. } = *item;
        if let Some((_, before)) = self.pattern.dir {
            let Span { line, column, .. } = before.span();
            let message = format!("a direction once more; the pattern has one at {line}:{column}");
            return Err(Problem::error(keyword.span(), message));
        }
        if let Some((Style::New, word)) = self.style {
            return Err(mixed(self.rule, Style::Old, keyword, Style::New, word)
                .hint("put `dir` into the pattern"));
        }
        let word = self.rule.bytes(&value);
        let dir = match word {
            b"in" => Direction::IN,
            b"out" => Direction::OUT,
            _ => {
                let problem =
                    Problem::error(value.span(), format!("{} is no direction", quote(word)));
                let hint = did_you_mean(word, ["in", "out"]);
                return Err(Problem { hint, ..problem.expected(item.key.value()) });
            }
        };
        let own = match group.key {
            Some(ActionKey::Apply) => Direction::OUT,
            Some(ActionKey::Permit) => Direction::IN,
            _ => dir,
        };
        if dir != own {
            let message = format!("{} has the other direction", self.word(&group.word));
            return Err(Problem::error(value.span(), message));
        }
        if self.property.is_some_and(|earlier| earlier != dir) {
            return Err(Problem::error(keyword.span(), "`dir` once more, with another value"));
        }
        self.property = Some(dir);
        self.dir = Some(dir);
        self.style = Some((Style::Old, keyword));
        Ok(())
    }

    /// Is the source of the pattern the remote end?
    fn swapped(&self) -> bool {
        let style = self.style.map(|(style, _)| style);
        if style == Some(Style::New) {
            return false;
        }
        match self.rule.actions.first().and_then(|group| group.key) {
            Some(ActionKey::Ipsec) => {
                style == Some(Style::Old)
                    && self.pattern.dir.is_some_and(|(dir, _)| dir == Direction::IN)
            }
            Some(ActionKey::Permit) => true,
            Some(ActionKey::Pass | ActionKey::Drop) => self.dir == Some(Direction::IN),
            _ => false,
        }
    }
}
