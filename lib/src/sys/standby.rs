// SPDX-License-Identifier: MIT OR Apache-2.0

//! Does loading the standby side of a tunnel switch its active side off?
//!
//! Kernels without the repair described in `spec/pf_policy.md` section 8.4 keep one
//! flag word for both sides of a tunnel and overwrite it with the first rule that
//! enters an empty side. Until the next FLIP the tunnel then runs without protection.
//!
//! The probe asks the kernel itself. It works on a policy head of its own whose name
//! no link can have, with rules that have no direction: the kernel takes such rules,
//! but puts nothing into its tables and uses up no index.

use super::policy::{PolicyClient, PolicyError, Scope};
use crate::model::{Side, TunnelName};
use crate::wire::errno::Errno;
use crate::wire::policy::{
    Attr, AttrTag, Ext, Message, MsgType, RuleExt, RuleFlags, SPD_ACTIVE, SPD_STANDBY, TunNameExt,
};

/// The policy head of the probe. A link name has no colon, so no traffic ever meets it.
pub const PROBE_HEAD: &str = "probe:standby";

/// Asks the kernel whether it has the standby defect.
///
/// Leaves an empty policy head behind, which no listing shows.
pub fn has_standby_defect(client: &mut PolicyClient) -> Result<bool, PolicyError> {
    let head = TunnelName::new(PROBE_HEAD).expect("the name of the probe is a valid one");
    let scope = Scope::Tunnel(head.clone());
    // A probe that was killed has left its head in use. CLONE has copied that since, and a
    // standby side in use is not overwritten, defect or not.
    clear(client, &scope)?;
    client.request(&probe_rule(&head, SPD_ACTIVE, RuleFlags::TUNNEL))?;
    client.request(&probe_rule(&head, SPD_STANDBY, RuleFlags::TUNNEL))?;
    // A head in tunnel mode refuses a rule in transport mode, unless it has
    // forgotten that it is in use.
    let defect = match client.request(&probe_rule(&head, SPD_ACTIVE, RuleFlags::empty())) {
        Ok(_) => true,
        Err(error) if error.refusal().is_some_and(|r| r.errno == Errno::EBUSY) => false,
        Err(error) => return Err(error),
    };
    clear(client, &scope)?;
    Ok(defect)
}

/// Empties the head of the probe, if it is there.
fn clear(client: &mut PolicyClient, scope: &Scope) -> Result<(), PolicyError> {
    for side in [Side::Standby, Side::Active] {
        match client.flush(side, scope) {
            Err(error) if error.refusal().is_some_and(|r| r.errno == Errno::ENOENT) => {}
            other => other?,
        }
    }
    Ok(())
}

fn probe_rule(head: &TunnelName, spdid: u8, flags: RuleFlags) -> Message {
    let rule = RuleExt { priority: 0, flags, unused: 0, index: 0 };
    let attrs =
        vec![Attr::new(AttrTag::EMPTY, 0), Attr::new(AttrTag::TYPE, 1), Attr::new(AttrTag::END, 0)];
    Message::request(MsgType::ADDRULE, spdid)
        .with(Ext::Rule(rule))
        .with(Ext::TunName(TunNameExt::for_rule(head)))
        .with(Ext::Action { count: 1, reserved: 0, attrs })
}
