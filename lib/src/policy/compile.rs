// SPDX-License-Identifier: MIT OR Apache-2.0

//! From rules as written to rules that can be sent.
//!
//! Source: `spec/ipsecconf.md` sections 6.3 to 6.5 and 7.

use std::collections::HashMap;
use std::sync::Arc;

use super::action::{Choice, NULL_CIPHER, is_combined, lower};
use super::keyword::{ActionKey, PropertyKey, Style, alg_keyword};
use super::lookup::Lookup;
use super::pattern::{Pattern, PatternReader};
use super::rule::{MAX_REQUESTS, PolicyRule, RuleAction};
use super::suggest::{did_you_mean, quote};
use super::syntax::{ActionGroup, Parsed, ParsedRule, Word};
use super::{AlgDb, Names, Problem, Severity, Span};
use crate::model::{ActionKind, AlgChoice, AlgUse, Direction, KernelAlg, TunnelMode, TunnelName};
use crate::wire::policy::MAX_REQUEST;

/// What names mean on this system.
pub struct Resolver<'a> {
    /// Hosts, networks, services and protocols.
    pub names: &'a dyn Names,
    /// Names of algorithms.
    pub algs: &'a AlgDb,
    /// The algorithms that the kernel has, in its order of preference.
    pub kernel: &'a [KernelAlg],
}

/// Checks and resolves rules. Gives those without an error, in their order, and what
/// is wrong or dangerous. Problems that [`super::parse`] found are not repeated.
#[must_use]
pub fn compile(parsed: &Parsed, resolver: &Resolver<'_>) -> (Vec<PolicyRule>, Vec<Problem>) {
    let mut compiler = Compiler {
        resolver,
        lookup: Lookup::new(resolver),
        actions: HashMap::new(),
        problems: Vec::new(),
    };
    let mut rules = Vec::with_capacity(parsed.rules.len());
    let mut requests = 0;
    for parsed in &parsed.rules {
        let Some(rule) = compiler.rule(parsed) else {
            continue;
        };
        let before = requests;
        requests += rule.requests();
        if requests <= MAX_REQUESTS {
            rules.push(rule);
        } else if before <= MAX_REQUESTS {
            let message = format!("the policy has more than {MAX_REQUESTS} rules here");
            compiler.problems.push(Problem::error(rule.span, message));
        }
    }
    (rules, compiler.problems)
}

struct Compiler<'a> {
    resolver: &'a Resolver<'a>,
    lookup: Lookup<'a>,
    /// Actions spelled out before; none if too large for a request.
    actions: HashMap<Vec<Choice>, Option<Arc<RuleAction>>>,
    problems: Vec<Problem>,
}

impl<'a> Compiler<'a> {
    fn rule(&mut self, rule: &ParsedRule) -> Option<PolicyRule> {
        let before = self.problems.len();
        let pattern = self.pattern(rule).read();
        let pairs = pattern.pairs(&mut self.problems);
        let icmp = pattern.icmp(&mut self.problems);
        let tunnel = self.tunnel(rule, &pattern);
        let ends = self.direction(rule, &pattern);
        let mut choices = Vec::with_capacity(rule.actions.len());
        for group in &rule.actions {
            choices.extend(self.choice(rule, group));
        }
        let failed = self.problems[before..]
            .iter()
            .any(|p| p.severity == Severity::Error);
        if rule.broken || failed || choices.len() != rule.actions.len() {
            return None;
        }
        let action = self.action(rule, choices)?;
        let (direction, swapped) = ends?;
        let (src_port, dst_port) = pattern.ports();
        let compiled = PolicyRule {
            span: rule.span,
            text: rule.text.clone(),
            direction,
            tunnel: tunnel?,
            proto: pattern.proto(),
            icmp,
            src_port,
            dst_port,
            pairs: pairs?,
            swapped,
            action,
        };
        if compiled.max_message_len() > MAX_REQUEST {
            self.too_large(rule);
            return None;
        }
        Some(compiled)
    }

    fn pattern<'p>(&'p mut self, rule: &'p ParsedRule) -> PatternReader<'p, 'a> {
        PatternReader {
            rule,
            lookup: &mut self.lookup,
            problems: &mut self.problems,
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>) -> &mut Problem {
        self.problems.push(Problem::error(span, message));
        self.problems.last_mut().expect("just pushed")
    }

    fn too_large(&mut self, rule: &ParsedRule) {
        let message = format!("the alternatives do not fit into a request of {MAX_REQUEST} bytes");
        let span = rule
            .actions
            .first()
            .map_or(rule.span, |group| group.word.span);
        self.error(span, message).hint = Some("name algorithms instead of `any`".into());
    }

    /// Tunnel and mode come together or not at all.
    #[expect(
        clippy::option_option,
        reason = "wrong and absent are different things"
    )]
    fn tunnel(
        &mut self,
        rule: &ParsedRule,
        pattern: &Pattern,
    ) -> Option<Option<(TunnelName, TunnelMode)>> {
        let named = |key| {
            rule.pattern
                .iter()
                .find(|item| item.key == key)
                .map(|item| item.keyword)
        };
        let tunnel = named(super::PatternKey::Tunnel);
        let negotiate = named(super::PatternKey::Negotiate);
        let name = pattern
            .tunnel
            .as_ref()
            .map(|(name, _)| name)
            .or(rule.tunnel.as_ref());
        match (name, &pattern.mode) {
            (Some(name), Some((mode, _))) => Some(Some((name.clone(), *mode))),
            (None, None) if tunnel.is_none() && negotiate.is_none() => Some(None),
            (Some(name), None) if negotiate.is_none() => {
                let name = quote(name.as_bytes());
                let span = tunnel.map_or(rule.span, |word| word.span);
                let problem = self.error(span, format!("a rule for {name} without `negotiate`"));
                problem.expected = Some("`negotiate tunnel` or `negotiate transport`".into());
                None
            }
            (None, Some((_, word))) if tunnel.is_none() => {
                let span = negotiate.unwrap_or(*word).span;
                self.error(span, "`negotiate` without `tunnel`").expected =
                    Some("`tunnel` and the name of a tunnel".into());
                None
            }
            // One of them is there and wrong; that has been said.
            _ => None,
        }
    }

    /// The directions of a rule, and whether source and destination change places.
    fn direction(&mut self, rule: &ParsedRule, pattern: &Pattern) -> Option<(Direction, bool)> {
        let mut style = pattern.style;
        let mut dir = pattern.dir.map(|(dir, _)| dir);
        let mut from_property = None;
        if let Some(second) = rule.actions.get(1) {
            match style {
                Some((Style::Old, word)) => {
                    let keyword = quote(rule.bytes(&word));
                    let message = format!("several actions with {keyword}, which is old style");
                    self.error(second.word.span, message).hint =
                        Some("`or` needs laddr, raddr, lport and rport".into());
                }
                _ => style = Some((Style::New, second.word)),
            }
        }
        for group in &rule.actions {
            match group.key {
                Some(ActionKey::Apply) => dir = Some(Direction::OUT),
                Some(ActionKey::Permit) => dir = Some(Direction::IN),
                Some(ActionKey::Ipsec) if dir.is_none() => {
                    if let Some((Style::Old, word)) = style {
                        self.requires_direction(rule, group, word);
                    }
                    dir = Some(Direction::all());
                }
                // Without a direction nothing would be let pass, and nothing dropped.
                Some(ActionKey::Pass | ActionKey::Drop) if dir.is_none() => {
                    dir = Some(Direction::all());
                }
                _ => {}
            }
            self.overridden(pattern, group);
            for item in group
                .properties
                .iter()
                .filter(|item| item.key == PropertyKey::Dir)
            {
                let found =
                    self.dir_property(rule, pattern, group, style, item.keyword, item.value);
                if let Some(found) = found {
                    if from_property.is_some_and(|earlier| earlier != found) {
                        self.error(item.keyword.span, "`dir` once more, with another value");
                    }
                    from_property = Some(found);
                    dir = Some(found);
                    style = Some((Style::Old, item.keyword));
                }
            }
        }
        let dir = dir?;
        let style = style.map(|(style, _)| style);
        let pattern_in = pattern.dir.is_some_and(|(dir, _)| dir == Direction::IN);
        let swapped = style != Some(Style::New)
            && match rule.actions.first().and_then(|group| group.key) {
                Some(ActionKey::Ipsec) => style == Some(Style::Old) && pattern_in,
                Some(ActionKey::Permit) => true,
                Some(ActionKey::Pass | ActionKey::Drop) => dir == Direction::IN,
                _ => false,
            };
        Some((dir, swapped))
    }

    fn requires_direction(&mut self, rule: &ParsedRule, group: &ActionGroup, old: Word) {
        let action = quote(rule.bytes(&group.word));
        let keyword = quote(rule.bytes(&old));
        let message = format!("{action} with {keyword}, which is old style, needs a direction");
        let problem = self.error(group.word.span, message);
        problem.expected = Some("`dir in` or `dir out` in the pattern".into());
    }

    /// An action that has a direction of its own.
    fn overridden(&mut self, pattern: &Pattern, group: &ActionGroup) {
        let own = match group.key {
            Some(ActionKey::Apply) => Direction::OUT,
            Some(ActionKey::Permit) => Direction::IN,
            _ => return,
        };
        if let Some((dir, word)) = pattern.dir
            && dir != own
        {
            let what = if own == Direction::OUT {
                "`apply` is outbound"
            } else {
                "`permit` is inbound"
            };
            let message = format!("{what}; this direction is ignored");
            self.problems.push(Problem::warning(word.span, message));
        }
    }

    fn dir_property(
        &mut self,
        rule: &ParsedRule,
        pattern: &Pattern,
        group: &ActionGroup,
        style: Option<(Style, Word)>,
        keyword: Word,
        value: Word,
    ) -> Option<Direction> {
        if let Some((_, before)) = pattern.dir {
            let Span { line, column, .. } = before.span;
            let message = format!("a direction once more; the pattern has one at {line}:{column}");
            self.error(keyword.span, message);
            return None;
        }
        if let Some((Style::New, word)) = style {
            let problem = self
                .pattern(rule)
                .mixed(Style::Old, keyword, Style::New, word);
            self.problems
                .push(problem.hint("put `dir` into the pattern"));
            return None;
        }
        let word = rule.bytes(&value);
        let dir = match word {
            b"in" => Direction::IN,
            b"out" => Direction::OUT,
            _ => {
                let problem = self.error(value.span, format!("{} is no direction", quote(word)));
                problem.expected = Some("`in` or `out`".into());
                problem.hint = did_you_mean(word, ["in", "out"]);
                return None;
            }
        };
        let conflict = match group.key {
            Some(ActionKey::Apply) => dir == Direction::IN,
            Some(ActionKey::Permit) => dir == Direction::OUT,
            _ => false,
        };
        if conflict {
            let action = quote(rule.bytes(&group.word));
            self.error(value.span, format!("{action} has the other direction"));
            return None;
        }
        Some(dir)
    }

    /// The algorithms of one action.
    fn choice(&mut self, rule: &ParsedRule, group: &ActionGroup) -> Option<Choice> {
        let mut algs: [Option<(AlgChoice, Word)>; 3] = [None; 3];
        let mut unique = false;
        let mut failed = false;
        for item in &group.properties {
            let word = rule.bytes(&item.value);
            match item.key {
                PropertyKey::Dir => {}
                PropertyKey::Sa => match word {
                    b"unique" => unique = true,
                    b"shared" => {}
                    _ => {
                        failed = true;
                        let message = format!("{} is no kind of SA", quote(word));
                        let problem = self.error(item.value.span, message);
                        problem.expected = Some(item.key.value().into());
                        problem.hint = did_you_mean(word, ["shared", "unique"]);
                    }
                },
                PropertyKey::Alg(usage) => {
                    let slot = &mut algs[usage as usize];
                    if let Some((_, before)) = slot {
                        failed = true;
                        let Span { line, column, .. } = before.span;
                        let keyword = alg_keyword(usage);
                        let message =
                            format!("`{keyword}` once more; it has been given at {line}:{column}");
                        self.error(item.keyword.span, message);
                        continue;
                    }
                    match self.lookup.algorithm(usage, word, item.value.span) {
                        Ok(alg) => *slot = alg.map(|alg| (alg, item.value)),
                        Err(problem) => {
                            failed = true;
                            self.problems.push(problem);
                        }
                    }
                }
            }
        }
        let key = group.key?;
        let kind = match key {
            ActionKey::Pass => ActionKind::Pass,
            ActionKey::Drop => ActionKind::Drop,
            ActionKey::Apply | ActionKey::Permit | ActionKey::Ipsec => ActionKind::Ipsec,
        };
        let word = || quote(rule.bytes(&group.word));
        let given = algs.iter().flatten().next();
        if key.protects() {
            // One that could not be read still counts as given.
            if given.is_none() && !failed && !rule.broken {
                let problem =
                    self.error(group.word.span, format!("{} without an algorithm", word()));
                problem.expected =
                    Some("`encr_algs`, `encr_auth_algs` or `auth_algs` with an algorithm".into());
                return None;
            }
        } else if let Some((_, value)) = given {
            self.error(value.span, format!("{} cannot have algorithms", word()));
            return None;
        }
        if failed {
            return None;
        }
        self.advise(group, &algs);
        let alg = |usage: AlgUse| algs[usage as usize].map(|(alg, _)| alg);
        let (encr, esp_auth) = (alg(AlgUse::EspEncr), alg(AlgUse::EspAuth));
        // ESP without a cipher is ESP with the one that does nothing.
        let null = AlgChoice {
            id: NULL_CIPHER,
            min: 0,
            max: 0,
        };
        let encr = encr.or(esp_auth.is_some().then_some(null));
        Some(Choice {
            kind,
            unique,
            ah: alg(AlgUse::Ah),
            encr,
            esp_auth,
        })
    }

    /// Warns of what is allowed but hardly meant.
    fn advise(&mut self, group: &ActionGroup, algs: &[Option<(AlgChoice, Word)>; 3]) {
        let [ah, encr, esp_auth] = algs;
        let Some((cipher, word)) = encr else { return };
        let combined = is_combined(self.resolver.algs, cipher.id);
        let problem = match (combined, esp_auth) {
            (true, Some((_, auth))) => Problem::warning(
                auth.span,
                "the cipher authenticates already; if no SA has both, nothing will pass",
            )
            .hint("leave `encr_auth_algs` out"),
            (false, None) if ah.is_none() && group.key.is_some_and(ActionKey::protects) => {
                Problem::warning(word.span, "DANGER: encryption without authentication")
                    .hint("add `encr_auth_algs`, or use a cipher that authenticates")
            }
            _ => return,
        };
        self.problems.push(problem);
    }

    /// The action of a rule, spelled out once for all rules that have it.
    fn action(&mut self, rule: &ParsedRule, choices: Vec<Choice>) -> Option<Arc<RuleAction>> {
        let found = match self.actions.get(&choices) {
            Some(found) => found.clone(),
            None => {
                let Resolver { kernel, algs, .. } = *self.resolver;
                let action = lower(&choices, kernel, algs).ok().map(Arc::new);
                self.actions.insert(choices, action.clone());
                action
            }
        };
        if found.is_none() {
            self.too_large(rule);
        }
        found
    }
}
