// SPDX-License-Identifier: MIT OR Apache-2.0

//! Putting rules into the standby side.

use illumos_ipsec::model::Direction;
use illumos_ipsec::policy::{FIRST_PRIORITY, PolicyRule};
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Refusal};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{Diagnostic, Message};

/// One ADDRULE: a rule, or one address pair of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Index of the rule.
    pub rule: usize,
    /// Index of the address pair.
    pub pair: usize,
    /// Its place in the order of the file: the priority, and from 1 the sequence number.
    pub place: u32,
}

/// What came of all requests.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// For each rule the ranges of kernel rules it became, in order.
    pub added: Vec<Vec<(u64, u64)>>,
    /// Requests for which something equal is there already.
    pub duplicates: Vec<Request>,
    /// Requests that the kernel refuses.
    pub refused: Vec<(Request, Refusal)>,
}

/// The requests of these rules; none if there are more than there are priorities.
pub(crate) fn requests(rules: &[PolicyRule]) -> Option<Vec<Request>> {
    let mut requests = Vec::with_capacity(rules.len());
    for (rule, policy) in rules.iter().enumerate() {
        for pair in 0..policy.requests() {
            let place = u32::try_from(requests.len()).ok().filter(|&n| n < FIRST_PRIORITY)?;
            requests.push(Request { rule, pair, place });
        }
    }
    Some(requests)
}

/// The message of a request, for some or all of the rule's directions.
pub(crate) fn message(rules: &[PolicyRule], request: Request, direction: Direction) -> Message {
    let Request { rule, pair, place } = request;
    rules[rule].message(pair, FIRST_PRIORITY - place, place + 1, std::process::id(), direction)
}

/// Sends requests in their order. Goes on after a rule that is not accepted, so that all
/// of them are known, but not after a failure that has nothing to do with the rule.
pub(crate) fn send(
    client: &mut PolicyClient,
    rules: &[PolicyRule],
    requests: &[Request],
    outcome: &mut Outcome,
) -> Result<(), PolicyError> {
    outcome.added.resize(rules.len(), Vec::new());
    let messages = requests.iter().map(|&r| message(rules, r, rules[r.rule].direction));
    client.add_all(messages, |position, result| {
        let request = requests[position];
        outcome.take(rules, request, rules[request.rule].direction, result)
    })
}

impl Outcome {
    /// Notes what came of a request, or of some of its directions. False if it failed for
    /// a reason that has nothing to do with the rule.
    pub(crate) fn take(
        &mut self,
        rules: &[PolicyRule],
        request: Request,
        directions: Direction,
        result: Result<u64, Refusal>,
    ) -> bool {
        match result {
            Ok(last) => self.record(rules, request, directions, last),
            Err(refusal)
                if refusal.errno == Errno::EEXIST
                    && refusal.diagnostic != Diagnostic::NAMESPACE_CONFLICT =>
            {
                // The directions of a request can come one after the other.
                if self.duplicates.last() != Some(&request) {
                    self.duplicates.push(request);
                }
            }
            Err(refusal) => {
                self.refused.push((request, refusal));
                return matches!(refusal.errno, Errno::EINVAL | Errno::EBUSY | Errno::EEXIST);
            }
        }
        true
    }

    /// Notes the kernel rules that one message became.
    pub(crate) fn record(
        &mut self,
        rules: &[PolicyRule],
        request: Request,
        directions: Direction,
        last: u64,
    ) {
        let count = kernel_rules(&rules[request.rule], directions);
        let first = (last + 1).saturating_sub(count);
        self.added[request.rule].push((first, last));
    }
}

/// How many kernel rules a request becomes: one for each direction and address family.
pub(crate) fn kernel_rules(rule: &PolicyRule, directions: Direction) -> u64 {
    let families = if rule.has_address() { 1 } else { 2 };
    directions.iter().count() as u64 * families
}
