// SPDX-License-Identifier: MIT OR Apache-2.0

//! The search: breadth first by the number of operations begun. That a client sends its
//! next message, or dies, begins none.

use std::collections::BTreeSet;
use std::collections::hash_map::{Entry, HashMap};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::thread;

use ipsec_usermode::KernelKind;

use crate::message::Msg;
use crate::program::Program;
use crate::watch::{Channel, look};
use crate::world::World;

/// What led from a state without a leak through a channel to one with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leak {
    pub(crate) message: Msg,
    pub(crate) channel: Channel,
    /// Policy had been in force before.
    pub(crate) had_policy: bool,
}

/// What a search has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    /// There is no state that more operations would reach.
    pub(crate) complete: bool,
    pub(crate) leaks: BTreeSet<Leak>,
    /// What must not be, and how it came about; the first few.
    pub(crate) broken: Vec<String>,
    pub(crate) protected_out: bool,
    pub(crate) protected_in: bool,
    pub(crate) up: bool,
    pub(crate) down: bool,
}

/// A state whose neighbours have not been visited.
struct Visit {
    world: World,
    leaks: u8,
    past: Option<Arc<Past>>,
}

/// How a state was reached first.
struct Past {
    message: Option<Msg>,
    before: Option<Arc<Past>>,
}

/// States visited, and through which channels each leaks.
struct Visited(Vec<Mutex<HashMap<u128, u8>>>);

impl Visited {
    fn part(&self, state: u128) -> &Mutex<HashMap<u128, u8>> {
        &self.0[state as usize % self.0.len()]
    }

    fn leaks_of(&self, state: u128) -> Option<u8> {
        self.part(state).lock().expect("no panic under the lock").get(&state).copied()
    }

    /// False if somebody was here before.
    fn enter(&self, state: u128, leaks: u8) -> bool {
        match self.part(state).lock().expect("no panic under the lock").entry(state) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(leaks);
                true
            }
        }
    }
}

struct Search<'a> {
    kind: KernelKind,
    programs: &'a [Program],
    /// Clients at a time.
    clients: usize,
    visited: Visited,
}

/// New states of one worker: by a new operation, and without.
#[derive(Default)]
struct Part {
    found: Found,
    begun: Vec<Visit>,
    gone_on: Vec<Visit>,
}

/// Visits every state that so many operations of so many clients at a time can reach.
pub(crate) fn search(
    kind: KernelKind,
    programs: &[Program],
    clients: usize,
    operations: usize,
) -> Found {
    let visited = Visited((0..64).map(|_| Mutex::default()).collect());
    let search = Search { kind, programs, clients, visited };
    let start = World::new(kind);
    search.visited.enter(start.fingerprint(), 0);
    let mut found = Found { states: 1, ..Found::default() };
    let mut layer = vec![Visit { world: start, leaks: 0, past: None }];
    for begun in 0..=operations {
        let mut next = Vec::new();
        while !layer.is_empty() {
            let mut new = Vec::new();
            for part in search.expand(layer, begun < operations) {
                found.take(part.found);
                next.extend(part.begun);
                new.extend(part.gone_on);
            }
            layer = new;
        }
        layer = next;
        if layer.is_empty() && begun < operations {
            found.complete = true;
            break;
        }
    }
    found
}

impl Search<'_> {
    /// Every step from these states, shared among the processors.
    fn expand(&self, mut layer: Vec<Visit>, may_begin: bool) -> Vec<Part> {
        let workers = thread::available_parallelism().map_or(1, NonZero::get);
        let share = layer.len().div_ceil(workers).max(1);
        thread::scope(|scope| {
            let mut running = Vec::new();
            while !layer.is_empty() {
                let visits = layer.split_off(layer.len().saturating_sub(share));
                running.push(scope.spawn(move || {
                    let mut part = Part::default();
                    visits.into_iter().for_each(|visit| self.leave(&visit, may_begin, &mut part));
                    part
                }));
            }
            running.into_iter().map(|part| part.join().expect("no panic in a worker")).collect()
        })
    }

    /// Every step from one state.
    fn leave(&self, visit: &Visit, may_begin: bool, part: &mut Part) {
        let world = &visit.world;
        for (at, busy) in world.busy.iter().enumerate() {
            // Two clients that have come equally far are one.
            if !world.busy[..at].contains(busy) {
                let (next, message) = world.after(self.programs, *busy, false);
                self.arrive(next, Some(message), visit, false, part);
                self.arrive(world.without(*busy), None, visit, false, part);
            }
        }
        if may_begin && world.busy.len() < self.clients {
            for program in 0..self.programs.len() {
                let busy = (u8::try_from(program).expect("few programs"), 0);
                let (next, message) = world.after(self.programs, busy, true);
                self.arrive(next, Some(message), visit, true, part);
            }
        }
    }

    fn arrive(
        &self,
        world: World,
        message: Option<Msg>,
        from: &Visit,
        begins: bool,
        part: &mut Part,
    ) {
        let found = &mut part.found;
        found.transitions += 1;
        let state = world.fingerprint();
        let known = self.visited.leaks_of(state);
        let seen = known.is_none().then(|| look(&world.kernel));
        let leaks = known.or(seen.as_ref().map(|seen| seen.leaks)).unwrap_or_default();
        if let Some(message) = message {
            for channel in Channel::ALL {
                if leaks & !from.leaks & channel as u8 != 0 {
                    let had_policy = from.world.had_policy;
                    found.leaks.insert(Leak { message, channel, had_policy });
                }
            }
        }
        let Some(seen) = seen.filter(|_| self.visited.enter(state, leaks)) else { return };
        found.states += 1;
        found.protected_out |= seen.protected_out;
        found.protected_in |= seen.protected_in;
        found.up |= seen.up;
        found.down |= seen.down;
        let past = Some(Arc::new(Past { message, before: from.past.clone() }));
        for text in seen.broken {
            found.broken.push(format!("{text}\n  after {}", history(past.as_ref())));
        }
        if self.kind == KernelKind::Modified && leaks != 0 {
            found.broken.push(format!("clear text\n  after {}", history(past.as_ref())));
        }
        found.broken.truncate(5);
        let list = if begins { &mut part.begun } else { &mut part.gone_on };
        list.push(Visit { world, leaks, past });
    }
}

fn history(mut past: Option<&Arc<Past>>) -> String {
    let mut steps = Vec::new();
    while let Some(step) = past {
        steps.push(match step.message {
            Some(message) => format!("{message:?}"),
            None => "a client dies".to_owned(),
        });
        past = step.before.as_ref();
    }
    steps.reverse();
    steps.join(", ")
}

impl Found {
    fn take(&mut self, other: Self) {
        self.states += other.states;
        self.transitions += other.transitions;
        self.leaks.extend(other.leaks);
        self.broken.extend(other.broken);
        self.broken.truncate(5);
        self.protected_out |= other.protected_out;
        self.protected_in |= other.protected_in;
        self.up |= other.up;
        self.down |= other.down;
    }
}
