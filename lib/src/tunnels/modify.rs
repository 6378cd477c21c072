// SPDX-License-Identifier: MIT OR Apache-2.0

//! Other addresses for a tunnel.

use super::entry::{LOCAL, REMOTE};
use super::{End, Entry, Result, TunnelError, Tunnels, not_undone};
use crate::model::LinkId;
use crate::sys::links::LinkStatus;
use crate::wire::dlmgmt::AttrValue;
use crate::wire::iptun::Kparams;

impl Tunnels<'_> {
    /// Changes addresses; with `temporary` what is stored stays.
    ///
    /// On failure both the stored entry and the kernel have what they had before.
    pub fn modify(
        &mut self,
        name: &[u8],
        local: Option<&[u8]>,
        remote: Option<&[u8]>,
        temporary: bool,
    ) -> Result<()> {
        if local.is_none() && remote.is_none() {
            return Err(TunnelError::NoAddress);
        }
        let other_class = if temporary { LinkStatus::NotFound } else { LinkStatus::LinkInvalid };
        let link = self.find(name, other_class)?.link;
        let before = if temporary { None } else { Some(self.entry(link)?) };

        let running = self.client.tunnel_info(link)?;
        let kind = running.tunnel_type().ok_or(LinkStatus::TunnelType)?;
        let params = Kparams::new(link)
            .with_local(self.address(kind, End::Local, local)?)
            .with_remote(self.address(kind, End::Remote, remote)?);

        if before.is_some() {
            let text = |value: Option<&[u8]>| value.map(|text| AttrValue::Str(text.to_vec()));
            let changes: Vec<_> = [(LOCAL, text(local)), (REMOTE, text(remote))]
                .into_iter()
                .filter(|(_, value)| value.is_some())
                .collect();
            self.client.restore(link, &changes)?;
        }
        let Err(status) = self.client.tunnel_modify(&params) else { return Ok(()) };
        let failure = status.into();
        let stored = before.map_or(Ok(()), |before| self.put_back(link, before));
        let kernel = self.rebind(link, &running);
        match (stored, kernel) {
            (Err(status), _) => Err(not_undone(failure, "the stored entry", status)),
            (_, Err(status)) => Err(not_undone(failure, "the addresses in the kernel", status)),
            (Ok(()), Ok(())) => Err(failure),
        }
    }

    /// The stored addresses as they were; what was not there is not there again.
    fn put_back(&mut self, link: LinkId, before: Entry) -> std::result::Result<(), LinkStatus> {
        let changes = [
            (LOCAL, before.local.map(AttrValue::Str)),
            (REMOTE, before.remote.map(AttrValue::Str)),
        ];
        self.client.restore(link, &changes)
    }

    /// A kernel without the change leaves a tunnel whose new addresses it has refused
    /// without any. It gets its old ones again.
    fn rebind(&mut self, link: LinkId, before: &Kparams) -> std::result::Result<(), LinkStatus> {
        let now = self.client.tunnel_info(link)?;
        if (now.local_addr(), now.remote_addr()) == (before.local_addr(), before.remote_addr()) {
            return Ok(());
        }
        let old =
            Kparams::new(link).with_local(before.local_addr()).with_remote(before.remote_addr());
        self.client.tunnel_modify(&old)
    }
}
