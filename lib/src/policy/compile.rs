// SPDX-License-Identifier: MIT OR Apache-2.0

//! From rules as written to rules that can be sent.
//!
//! Source: `spec/ipsecconf.md` sections 6.3 to 6.5 and 7.

use std::collections::HashMap;
use std::sync::Arc;

use super::action::{Choice, NULL_CIPHER, is_combined, lower};
use super::direction::direction;
use super::keyword::{ActionKey, PropertyKey, alg_keyword};
use super::lookup::Lookup;
use super::pattern::Pattern;
use super::rule::{MAX_REQUESTS, PolicyRule, RuleAction};
use super::suggest::{did_you_mean, quote};
use super::syntax::{ActionGroup, Parsed, ParsedRule, Word};
use super::{Problem, Resolver, Severity, Span};
use crate::model::{ActionKind, AlgChoice, AlgUse, TunnelMode, TunnelName};
use crate::wire::policy::MAX_REQUEST;

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

impl Compiler<'_> {
    fn rule(&mut self, rule: &ParsedRule) -> Option<PolicyRule> {
        let before = self.problems.len();
        let pattern = Pattern::read(rule, &mut self.lookup, &mut self.problems);
        let pairs = pattern.pairs(&mut self.problems);
        let icmp = pattern.icmp(&mut self.problems);
        let tunnel = self.tunnel(rule, &pattern);
        let ends = direction(rule, &pattern, &mut self.problems);
        let mut choices = Vec::with_capacity(rule.actions.len());
        for group in &rule.actions {
            choices.extend(self.choice(rule, group));
        }
        let failed = self.problems[before..].iter().any(|p| p.severity == Severity::Error);
        if rule.broken || failed || choices.len() != rule.actions.len() {
            return None;
        }
        let action = self.action(rule, choices)?;
        let (direction, swapped) = ends?;
        let (src_port, dst_port) = pattern.ports();
        let compiled = PolicyRule {
            span: rule.span,
            text: rule.explicit_text(),
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

    fn error(&mut self, span: Span, message: impl Into<String>) -> &mut Problem {
        self.problems.push(Problem::error(span, message));
        self.problems.last_mut().expect("just pushed")
    }

    fn too_large(&mut self, rule: &ParsedRule) {
        let message = format!("the alternatives do not fit into a request of {MAX_REQUEST} bytes");
        let span = rule.actions.first().map_or(rule.span, |group| group.word.span());
        self.error(span, message).hint = Some("name algorithms instead of `any`".into());
    }

    /// Tunnel and mode come together or not at all.
    #[expect(clippy::option_option, reason = "wrong and absent are different things")]
    fn tunnel(
        &mut self,
        rule: &ParsedRule,
        pattern: &Pattern,
    ) -> Option<Option<(TunnelName, TunnelMode)>> {
        let named = |key| rule.pattern.iter().find(|item| item.key == key).map(|item| item.keyword);
        let tunnel = named(super::PatternKey::Tunnel);
        let negotiate = named(super::PatternKey::Negotiate);
        let name = pattern.tunnel.as_ref().map(|(name, _)| name).or(rule.tunnel.as_ref());
        match (name, &pattern.mode) {
            (Some(name), Some((mode, _))) => Some(Some((name.clone(), *mode))),
            (None, None) if tunnel.is_none() && negotiate.is_none() => Some(None),
            (Some(name), None) if negotiate.is_none() => {
                let name = quote(name.as_bytes());
                let span = tunnel.map_or(rule.span, |word| word.span());
                let problem = self.error(span, format!("a rule for {name} without `negotiate`"));
                problem.expected = Some("`negotiate tunnel` or `negotiate transport`".into());
                None
            }
            (None, Some((_, word))) if tunnel.is_none() => {
                let span = negotiate.unwrap_or(*word).span();
                self.error(span, "`negotiate` without `tunnel`").expected =
                    Some("`tunnel` and the name of a tunnel".into());
                None
            }
            // One of them is there and wrong; that has been said.
            _ => None,
        }
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
                        let problem = self.error(item.value.span(), message);
                        problem.expected = Some(item.key.value().into());
                        problem.hint = did_you_mean(word, ["shared", "unique"]);
                    }
                },
                PropertyKey::Alg(usage) => {
                    let slot = &mut algs[usage as usize];
                    if let Some((_, before)) = slot {
                        failed = true;
                        let Span { line, column, .. } = before.span();
                        let keyword = alg_keyword(usage);
                        let message =
                            format!("`{keyword}` once more; it has been given at {line}:{column}");
                        self.error(item.keyword.span(), message);
                        continue;
                    }
                    match self.lookup.algorithm(usage, word, item.value.span()) {
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
                    self.error(group.word.span(), format!("{} without an algorithm", word()));
                problem.expected =
                    Some("`encr_algs`, `encr_auth_algs` or `auth_algs` with an algorithm".into());
                return None;
            }
        } else if let Some((_, value)) = given {
            self.error(value.span(), format!("{} cannot have algorithms", word()));
            return None;
        }
        if failed {
            return None;
        }
        if !rule.broken {
            self.advise(&algs);
        }
        let alg = |usage: AlgUse| algs[usage as usize].map(|(alg, _)| alg);
        let (encr, esp_auth) = (alg(AlgUse::EspEncr), alg(AlgUse::EspAuth));
        // ESP without a cipher is ESP with the one that does nothing.
        let null = AlgChoice { id: NULL_CIPHER, min: 0, max: 0 };
        let encr = encr.or(esp_auth.is_some().then_some(null));
        Some(Choice { kind, unique, ah: alg(AlgUse::Ah), encr, esp_auth })
    }

    /// Warns of what is allowed but hardly meant.
    fn advise(&mut self, algs: &[Option<(AlgChoice, Word)>; 3]) {
        let [ah, encr, esp_auth] = algs;
        let Some((cipher, word)) = encr else { return };
        let combined = is_combined(self.resolver.algs, cipher.id);
        let problem = match (combined, esp_auth) {
            (true, Some((_, auth))) => Problem::warning(
                auth.span(),
                "the cipher authenticates already; if no SA has both, nothing will pass",
            )
            .hint("leave `encr_auth_algs` out"),
            (false, None) if ah.is_none() => {
                Problem::warning(word.span(), "DANGER: encryption without authentication")
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
