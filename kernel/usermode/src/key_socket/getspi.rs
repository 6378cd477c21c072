// SPDX-License-Identifier: MIT OR Apache-2.0

//! GETSPI: takes an SPI for an association that is to come.

use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, Ext, ExtType};

use super::address::Addresses;
use super::{Answer, Refusal, Request};
use crate::Kernel;
use crate::sadb::Association;

impl Kernel {
    pub(super) fn getspi(
        &mut self,
        request: &Request<'_>,
        addresses: &Addresses,
    ) -> Result<Answer, Refusal> {
        let src = addresses.src.ok_or(Refusal::from(Diagnostic::MISSING_SRC))?;
        let dst = addresses.dst.ok_or(Refusal::from(Diagnostic::MISSING_DST))?;
        let Some(Ext::SpiRange { min, max, .. }) = request.ext(ExtType::SPIRANGE) else {
            return Err(Diagnostic::MISSING_RANGE.into());
        };
        let spi = min + (self.random() % (u64::from(max - min) + 1)) as u32;
        let kind = request.header().satype;
        if let Some(taken) = self.sadb.taken(kind, spi, dst.addr) {
            let why = request.conflict(taken.owner.as_ref(), Diagnostic::NONE);
            return Err((Errno::EEXIST, why).into());
        }
        let mut larval = Association::larval(kind, spi, src.addr, dst.addr, self.now);
        larval.owner = request.owner().cloned();
        self.sadb.insert(larval);
        // The range becomes an SA extension of the same length, which holds only the SPI.
        let mut reply = request.bytes.to_vec();
        if let Some(range) = request.frame.get(ExtType::SPIRANGE) {
            let at = range.offset;
            reply[at + 2..at + 4].copy_from_slice(&ExtType::SA.0.to_ne_bytes());
            reply[at + 4..at + 8].copy_from_slice(&spi.to_be_bytes());
            reply[at + 8..at + 16].fill(0);
        }
        Ok(Answer::Reply(reply))
    }
}
