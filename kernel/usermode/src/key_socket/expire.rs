// SPDX-License-Identifier: MIT OR Apache-2.0

//! Time passes: associations and requests to key management end.

use illumos_ipsec::wire::key::{Ext, ExtType, Header, MsgType};

use super::{To, answer};
use crate::Kernel;
use crate::sadb::{AGE_EVERY, Expired, LifetimeKind};

impl Kernel {
    /// Says what time it is, in seconds since 1970. All associations are looked at now and
    /// then; what has passed its limits is told.
    pub fn set_time(&mut self, now: u64) {
        self.now = now;
        if now >= self.aged.saturating_add(AGE_EVERY) || now < self.aged {
            self.aged = now;
            let expired = self.sadb.age(now);
            self.tell_expired(&expired);
            self.acquires.age(now);
            self.tcp_signatures.age(now);
        }
    }

    /// Seconds since 1970, as the kernel was told.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.now
    }

    /// Does the time count: is there an association that it could end, or somebody who
    /// could add one?
    #[must_use]
    pub fn ages(&self) -> bool {
        let somebody = !self.keys.sockets.is_empty();
        somebody || !self.sadb.is_empty() || !self.tcp_signatures.is_empty()
    }

    pub(crate) fn tell_expired(&mut self, expired: &[Expired]) {
        for Expired { sa, limit } in expired {
            let lifetime = match limit {
                LifetimeKind::Hard => sa.hard,
                LifetimeKind::Soft => sa.soft,
                LifetimeKind::Idle => sa.idle,
            };
            let mut exts = vec![
                sa.sa_ext(),
                Ext::Lifetime(ExtType::LIFETIME_CURRENT, sa.current()),
                Ext::Lifetime(limit.ext(), lifetime),
            ];
            exts.extend(sa.address_exts(false));
            exts.extend(sa.km_ext());
            let message = answer(Header::request(MsgType::EXPIRE, sa.kind), exts);
            self.send_up(&message, To::Everybody, None);
        }
    }
}
