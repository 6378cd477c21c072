// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-l` and `-L`: the rules in the kernel.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::model::{Namespace, Side};
use illumos_ipsec::policy::{self, AlgDb, Names};
use illumos_ipsec::sys::policy::{DUMP_TRIES, DumpError, PolicyClient, Scope, Whose};
use illumos_ipsec::wire::policy::DumpItem;

use crate::context::Context;
use crate::exit::{Failure, complain, request_failure, scope_failure};
use crate::view_file::{Origins, ViewFile, write_out};

pub(crate) fn run(context: &Context, scope: &Scope) -> Result<(), Failure> {
    let mut client = context.open(Failure::Kernel)?;
    let view = ViewFile::new(context);
    view.repair(&mut client)?;
    let mut origins = AllOrigins::new(context);
    client
        .algorithms()
        .map_err(|error| request_failure("cannot list algorithms", &error, Failure::Failed))?;
    let algs = context.algorithms();
    let names = context.names();
    for attempt in 1.. {
        let (listing, error) = read(context, &mut client, scope, &names, &algs, &mut origins)?;
        let changed = matches!(&error, Some(DumpError::Policy(error)) if error.is_eagain());
        if changed && attempt < DUMP_TRIES {
            continue;
        }
        write_out(&listing)?;
        return match error {
            None => Ok(()),
            Some(error) => {
                complain(format_args!("the listing is incomplete: {error}"));
                Err(Failure::Failed)
            }
        };
    }
    unreachable!("the last attempt returns")
}

/// Where the rules of each owner came from; read when the first of them is met.
struct AllOrigins<'a> {
    context: &'a Context,
    known: HashMap<Option<Namespace>, Origins>,
}

impl<'a> AllOrigins<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, known: HashMap::new() }
    }

    fn of_owner(&mut self, owner: &Option<Namespace>) -> Result<&Origins, Failure> {
        match self.known.entry(owner.clone()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                // Without owners in the listing, the rules are those of the command's own.
                let file = match owner {
                    Some(owner) => ViewFile::new(&self.context.for_owner(Some(owner.clone()))),
                    None => ViewFile::new(self.context),
                };
                Ok(unknown.insert(file.origins()?))
            }
        }
    }
}

/// The listing as far as it goes, and why it ends early.
fn read(
    context: &Context,
    client: &mut PolicyClient,
    scope: &Scope,
    names: &dyn Names,
    algs: &AlgDb,
    origins: &mut AllOrigins<'_>,
) -> Result<(Vec<u8>, Option<DumpError>), Failure> {
    let mut out = Vec::new();
    let mut trouble = None;
    let whose = match context.who {
        Who::Nameless | Who::Named(_) => Whose::Own,
        Who::Everybody => Whose::Named,
    };
    let dump = client
        .dump_of(whose, Side::Active, scope)
        .map_err(|error| scope_failure("list", scope, &error))?;
    for item in dump {
        match item {
            Ok(DumpItem::Rule { rule, alternatives }) => {
                if let (Who::Everybody, Some(owner)) = (&context.who, &rule.namespace) {
                    out.extend_from_slice(format!("#NAMESPACE {owner}\n").as_bytes());
                }
                let origins = origins.of_owner(&rule.namespace)?;
                if let Some(origin) = origins.of(&rule.tunnel, rule.index) {
                    out.extend_from_slice(origin.to_line().as_bytes());
                }
                out.extend(policy::print_rule(&rule, &alternatives, context.numeric, names, algs));
            }
            Ok(DumpItem::Ruleset(_)) => {}
            Err(error @ DumpError::Record(_)) => {
                complain(&error);
                trouble.get_or_insert(error);
            }
            Err(error @ DumpError::Policy(_)) => {
                trouble = Some(error);
                break;
            }
        }
    }
    Ok((out, trouble))
}
