// SPDX-License-Identifier: MIT OR Apache-2.0

//! The message trace: one JSON object a line.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use illumos_ipsec::wire::key::Show;
use serde_json::{Value, json};

use super::interface::Interface;
use crate::lab::error::complain;

/// A trace file. A line is complete in the file before the message that it shows has
/// any effect that a client can see.
pub(super) struct Trace {
    file: File,
    show: Show,
    broken: bool,
}

/// Which way a message goes, seen from the client.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Request,
    Reply,
}

/// The beginning or the end of a connection.
#[derive(Clone, Copy)]
pub(super) enum Event {
    Open,
    Close,
}

impl Trace {
    /// Opens `path` to append to it; a new file is for the owner alone.
    pub(super) fn open(path: &Path, show: Show) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { file, show, broken: false })
    }

    pub(super) fn event(&mut self, interface: &Interface, connection: u64, event: Event) {
        let event = match event {
            Event::Open => "open",
            Event::Close => "close",
        };
        self.line(&json!({
            "interface": interface.name,
            "connection": connection,
            "event": event,
        }));
    }

    pub(super) fn message(
        &mut self,
        interface: &Interface,
        connection: u64,
        direction: Direction,
        bytes: &[u8],
    ) {
        let direction = match direction {
            Direction::Request => "request",
            Direction::Reply => "reply",
        };
        let shown = match interface.redact {
            Some(redact) if self.show == Show::Redacted => &redact(bytes),
            _ => bytes,
        };
        self.line(&json!({
            "interface": interface.name,
            "connection": connection,
            "direction": direction,
            "hex": hex(shown),
            "text": (interface.describe)(bytes, self.show),
        }));
    }

    /// A trace that cannot be written is reported once and does not stop the server.
    fn line(&mut self, value: &Value) {
        let outcome = self.file.write_all(format!("{value}\n").as_bytes());
        if let Err(error) = outcome
            && !self.broken
        {
            complain(format_args!("the trace cannot be written: {error}"));
            self.broken = true;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
