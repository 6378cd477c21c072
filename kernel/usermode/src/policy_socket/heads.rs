// SPDX-License-Identifier: MIT OR Apache-2.0

//! FLUSH, FLIP and CLONE (`spec/pf_policy.md` section 4.4).

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::wire::errno::Errno;

use super::reply::Refusal;
use super::{Answer, Edits, Scope};
use crate::kernel::{Kernel, KernelKind};
use crate::spd::Head;

/// Empties one side.
pub(super) fn flush(kernel: &mut Kernel, scope: &Scope, side: Side) -> Result<Answer, Refusal> {
    each(kernel, scope, Tell::Tunnels, |head| head.flush(side)).ok_or(Errno::ENOENT)?;
    Ok(Answer::Echo(Edits::default()))
}

/// Exchanges active and standby.
pub(super) fn flip(kernel: &mut Kernel, scope: &Scope) -> Result<Answer, Refusal> {
    each(kernel, scope, Tell::Tunnels, Head::flip).ok_or(Errno::ESRCH)?;
    Ok(Answer::Echo(Edits::default()))
}

/// Makes standby a copy of active. The unmodified kernel does not survive the name of a
/// tunnel that has policy; here it refuses it.
pub(super) fn clone(kernel: &mut Kernel, scope: &Scope) -> Result<Answer, Refusal> {
    if let Scope::Tunnel(name) = scope
        && kernel.kind == KernelKind::Unmodified
        && kernel.spd.head(Some(name)).is_some()
    {
        return Err(Errno::EINVAL.into());
    }
    each(kernel, scope, Tell::Nobody, Head::clone_sides).ok_or(Errno::ENOENT)?;
    Ok(Answer::Echo(Edits::default()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tell {
    Tunnels,
    Nobody,
}

/// Does something with every head of a scope; `None` if there is no such head.
fn each(
    kernel: &mut Kernel,
    scope: &Scope,
    tell: Tell,
    mut act: impl FnMut(&mut Head),
) -> Option<()> {
    let mut changed: Vec<TunnelName> = Vec::new();
    match scope {
        Scope::System => act(kernel.spd.head_mut(None)?),
        Scope::Tunnel(name) => {
            act(kernel.spd.head_mut(Some(name))?);
            changed.push(name.clone());
        }
        Scope::All => {
            for (name, head) in kernel.spd.heads_mut() {
                act(head);
                changed.extend(name.cloned());
            }
        }
    }
    if tell == Tell::Tunnels {
        changed.iter().for_each(|name| kernel.tell_tunnel(name));
    }
    Some(())
}
