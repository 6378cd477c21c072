// SPDX-License-Identifier: MIT OR Apache-2.0

//! The life of associations: limits by time and by use.

use illumos_ipsec::model::{Lifetime, SaFlags, SaState};
use illumos_ipsec::wire::key::ExtType;

use super::{Association, SaId, Sadb};

/// Seconds between two looks at all associations.
pub(crate) const AGE_EVERY: u64 = 8;
/// What a larval one has to become a mature one.
const LARVAL_SECONDS: u64 = 90;

/// Which limit has been passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LifetimeKind {
    Hard,
    Soft,
    Idle,
}

impl LifetimeKind {
    pub(crate) fn ext(self) -> ExtType {
        match self {
            Self::Hard => ExtType::LIFETIME_HARD,
            Self::Soft => ExtType::LIFETIME_SOFT,
            Self::Idle => ExtType::X_LIFETIME_IDLE,
        }
    }
}

/// An association that has passed a limit, as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Expired {
    pub(crate) sa: Association,
    pub(crate) limit: LifetimeKind,
}

fn passed(limit: u64, since: u64, now: u64) -> bool {
    limit != 0 && since != 0 && now >= since.saturating_add(limit)
}

/// Is a limit of time or of use passed?
fn over(limit: &Lifetime, sa: &Association, now: u64) -> bool {
    passed(limit.addtime, sa.added, now)
        || passed(limit.usetime, sa.used, now)
        || limit.bytes != 0 && sa.bytes >= limit.bytes
}

fn idle(sa: &Association, now: u64) -> bool {
    let since = if sa.last_used == 0 { sa.added } else { sa.last_used };
    passed(sa.idle.addtime, since, now) || passed(sa.idle.usetime, sa.last_used, now)
}

impl Sadb {
    /// Looks at all of them: what has passed a hard limit, and larval ones that nobody has
    /// completed, go.
    pub(crate) fn age(&mut self, now: u64) -> Vec<Expired> {
        let all: Vec<SaId> = self.iter().map(|(id, _)| id).collect();
        all.into_iter().flat_map(|id| self.look_at(id, now)).collect()
    }

    /// Counts traffic, and says what limits that has passed.
    pub(crate) fn charge(&mut self, id: SaId, bytes: u64, now: u64) -> Vec<Expired> {
        if let Some(sa) = self.get_mut(id) {
            sa.bytes = sa.bytes.saturating_add(bytes);
            if sa.used == 0 {
                sa.used = now;
            }
            sa.last_used = now;
            sa.idle_told = false;
            sa.flags |= SaFlags::USED;
        }
        self.look_at(id, now)
    }

    fn look_at(&mut self, id: SaId, now: u64) -> Vec<Expired> {
        let Some(sa) = self.get_mut(id) else {
            return Vec::new();
        };
        if sa.state == SaState::LARVAL {
            if passed(LARVAL_SECONDS, sa.born, now) {
                self.remove(id);
            }
            return Vec::new();
        }
        if sa.state == SaState::DEAD || over(&sa.hard, sa, now) {
            return self.bury(id);
        }
        let mut expired = Vec::new();
        if sa.state == SaState::MATURE && over(&sa.soft, sa, now) {
            sa.state = SaState::DYING;
            expired.push(Expired { sa: sa.clone(), limit: LifetimeKind::Soft });
        } else if sa.state == SaState::MATURE && !sa.idle_told && idle(sa, now) {
            sa.idle_told = true;
            expired.push(Expired { sa: sa.clone(), limit: LifetimeKind::Idle });
        }
        expired
    }

    /// Removes one that has passed a hard limit, and the other one of its pair with it.
    fn bury(&mut self, id: SaId) -> Vec<Expired> {
        let Some(mut sa) = self.remove(id) else {
            return Vec::new();
        };
        sa.state = SaState::DEAD;
        let owner = sa.owner.as_ref();
        let other = sa.pair.and_then(|spi| self.find(sa.kind, spi, Some(sa.dst), sa.src, false));
        let other = other.filter(|other| self.belongs(*other, owner));
        let mut expired = vec![Expired { sa, limit: LifetimeKind::Hard }];
        if let Some(mut other) = other.and_then(|other| self.remove(other)) {
            other.state = SaState::DEAD;
            expired.push(Expired { sa: other, limit: LifetimeKind::Hard });
        }
        expired
    }
}
