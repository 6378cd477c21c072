// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-l` and `-L`: the rules in the kernel.

use illumos_ipsec::model::Side;
use illumos_ipsec::policy::{self, AlgDb, Names};
use illumos_ipsec::sys::policy::{DUMP_TRIES, DumpError, PolicyClient, Scope};
use illumos_ipsec::wire::policy::DumpItem;

use crate::context::Context;
use crate::exit::{Failure, complain, request_failure, scope_failure};
use crate::view_file::{Origins, ViewFile, write_out};

pub(crate) fn run(context: &Context, scope: &Scope) -> Result<(), Failure> {
    let mut client = context.open(Failure::Kernel)?;
    let view = ViewFile::new(context);
    view.repair(&mut client)?;
    let origins = view.origins()?;
    client
        .algorithms()
        .map_err(|error| request_failure("cannot list algorithms", &error, Failure::Failed))?;
    let algs = context.algorithms();
    let names = context.names();
    for attempt in 1.. {
        let (listing, error) = read(context, &mut client, scope, &names, &algs, &origins)?;
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

/// The listing as far as it goes, and why it ends early.
fn read(
    context: &Context,
    client: &mut PolicyClient,
    scope: &Scope,
    names: &dyn Names,
    algs: &AlgDb,
    origins: &Origins,
) -> Result<(Vec<u8>, Option<DumpError>), Failure> {
    let mut out = Vec::new();
    let mut trouble = None;
    let dump =
        client.dump(Side::Active, scope).map_err(|error| scope_failure("list", scope, &error))?;
    for item in dump {
        match item {
            Ok(DumpItem::Rule { rule, alternatives }) => {
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
