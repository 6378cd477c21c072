// SPDX-License-Identifier: MIT OR Apache-2.0

//! Texts on standard output. Paragraphs for people are indented by a tab, so that
//! they cannot be taken for data.

use std::io::{self, Write};

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::wire::policy::Diagnostic;

use crate::context::Context;

/// Before a change by hand.
const BANNER: &str = "
\tIPsec policy is meant to be managed through its service,
\tsvc:/network/ipsec/policy. A change by hand while the
\tservice is enabled can leave a policy that is inconsistent.

";

/// Before new rules become active.
const ADD_WARNING: &str = "\tWarning: new policy entries also apply to connections
\tthat exist already. Such a connection may be protected,
\tor broken, from now on.

";

/// Before rules go away.
const REMOVE_WARNING: &str = "\tWarning: connections may lose their protection when a
\tpolicy entry is removed. A connection that has latched
\tits policy keeps it until it is closed.
";

/// The banner, unless quiet or in a service. The service has no part in namespaces.
pub(crate) fn banner(context: &Context) {
    let concerns_service = context.who == Who::Nameless;
    if context.talkative() && context.service.is_none() && concerns_service {
        say(BANNER);
    }
}

pub(crate) fn add_warning(context: &Context) {
    if context.talkative() {
        say(ADD_WARNING);
    }
}

pub(crate) fn remove_warning(context: &Context) {
    if context.talkative() {
        say(REMOVE_WARNING);
    }
}

/// The result of a check without errors.
pub(crate) fn checked() {
    say("The policy has no errors.\nNothing was changed in the kernel.\n");
}

/// A policy file that a service need not have.
pub(crate) fn no_policy_file(name: &str) {
    say(&format!("There is no policy file {name}.\n"));
}

/// A service without any policy file.
pub(crate) fn not_configured() {
    say("IPsec policy is not configured.\n");
}

/// The kernel's diagnostic, also when quiet.
pub(crate) fn diagnostic(diagnostic: Diagnostic) {
    if diagnostic != Diagnostic::NONE {
        say(&format!("\t(spdsock diagnostic: {diagnostic})\n"));
    }
}

/// Writes to standard output. A reader that went away does not stop a change that is
/// under way.
fn say(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
