// SPDX-License-Identifier: MIT OR Apache-2.0

//! FLUSH, FLIP and CLONE (`spec/pf_policy.md` section 4.4).

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::wire::errno::Errno;

use super::reply::Refusal;
use super::{Answer, Edits, Scope};
use crate::spd::{Head, Owner};
use crate::{Kernel, KernelKind};

/// Removes the rules of an owner from one side.
pub(super) fn flush(
    kernel: &mut Kernel,
    scope: &Scope,
    side: Side,
    owner: &Owner,
) -> Result<Answer, Refusal> {
    let act = |head: &mut Head| head.flush_owned(side, owner);
    each(kernel, scope, Tell::Tunnels, act).ok_or(Errno::ENOENT)?;
    Ok(Answer::Echo(Edits::default()))
}

/// Exchanges the rules of an owner between active and standby, in every head of the scope
/// or in none.
pub(super) fn flip(kernel: &mut Kernel, scope: &Scope, owner: &Owner) -> Result<Answer, Refusal> {
    let mut possible = Ok(());
    let ask = |head: &mut Head| possible = possible.and_then(|()| head.can_flip(owner));
    each(kernel, scope, Tell::Nobody, ask).ok_or(Errno::ESRCH)?;
    if let Err(errno) = possible {
        return Err(match errno {
            Errno::EEXIST => Refusal::conflict(),
            errno => errno.into(),
        });
    }
    each(kernel, scope, Tell::Tunnels, |head| head.flip(owner)).ok_or(Errno::ESRCH)?;
    Ok(Answer::Echo(Edits::default()))
}

/// Makes an owner's rules in standby copies of its active ones. The unmodified kernel does not
/// survive the name of a tunnel that has policy; here it refuses it.
pub(super) fn clone(kernel: &mut Kernel, scope: &Scope, owner: &Owner) -> Result<Answer, Refusal> {
    if let Scope::Tunnel(name) = scope
        && kernel.kind == KernelKind::Unmodified
        && kernel.spd.head(Some(name)).is_some()
    {
        return Err(Errno::EINVAL.into());
    }
    each(kernel, scope, Tell::Nobody, |head| head.clone_sides(owner)).ok_or(Errno::ENOENT)?;
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
