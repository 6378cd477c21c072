// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drives the core through a case and notes what comes out.

use std::collections::BTreeMap;
use std::fmt;

use illumos_ipsec::model::TunnelName;
use illumos_ipsec::wire::policy::{ExtType, Frame, MsgType};
use ipsec_usermode::{Config, ConnId, Event, IpsecState, Kernel, KernelKind};

use super::case::{Case, RecordedEvent, Start, Step, setup};

/// What followed a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Messages: socket, bytes.
    pub recv: Vec<(String, Vec<u8>)>,
    /// What else the kernel did.
    pub notices: Vec<Notice>,
}

/// What a kernel did apart from answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It told the tunnel driver about policy.
    Tunnel {
        /// Link and policy head, which have the same name.
        name: String,
        /// Flag word.
        flags: u32,
        /// Rules in force and on the other side.
        rules: (usize, usize),
    },
    /// It asked for the IPsec modules.
    LoadRequested,
}

impl Observed {
    /// What was recorded for a step.
    #[must_use]
    pub fn recorded(step: &Step) -> Self {
        Self {
            recv: step.recv.iter().map(|r| (r.socket.clone(), r.data.0.clone())).collect(),
            notices: step.kernel_events.iter().map(Notice::recorded).collect(),
        }
    }
}

impl Notice {
    /// The link that was told.
    #[must_use]
    pub fn name(&self) -> Option<&String> {
        match self {
            Self::Tunnel { name, .. } => Some(name),
            Self::LoadRequested => None,
        }
    }

    fn recorded(event: &RecordedEvent) -> Self {
        match event {
            RecordedEvent::Tunnel { link, flags, active_rules, standby_rules, .. } => {
                Self::Tunnel {
                    name: link.clone(),
                    flags: u32::from_str_radix(flags.trim_start_matches("0x"), 16)
                        .unwrap_or(u32::MAX),
                    rules: (*active_rules, *standby_rules),
                }
            }
            RecordedEvent::Loader { .. } => Self::LoadRequested,
        }
    }

    fn of(event: Event) -> Self {
        match event {
            Event::TunnelPolicy { link, flags, active_rules, standby_rules, .. } => Self::Tunnel {
                name: link.to_string(),
                flags: flags.word(),
                rules: (active_rules, standby_rules),
            },
            Event::LoadRequested => Self::LoadRequested,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tunnel { name, flags, rules: (active, standby) } => {
                write!(f, "tunnel {name} told: flags {flags:#x}, rules {active} and {standby}")
            }
            Self::LoadRequested => f.write_str("load of IPsec requested"),
        }
    }
}

/// What follows each step of a case. An error if a step is not understood.
pub fn replay(case: &Case, kind: KernelKind) -> Result<Vec<Observed>, String> {
    let mut player = Player::new(case, kind)?;
    case.steps.iter().map(|step| player.step(step)).collect()
}

struct Player {
    kernel: Kernel,
    sockets: BTreeMap<String, Reader>,
    /// Names in the order of opening.
    order: Vec<String>,
}

struct Reader {
    conn: ConnId,
    /// Rule records it takes before it stops.
    patience: Option<usize>,
    stopped: bool,
}

impl Player {
    fn new(case: &Case, kind: KernelKind) -> Result<Self, String> {
        let ipsec = match case.start {
            Start::Default | Start::LoadedNoAlgs => IpsecState::LoadedNoAlgs,
            Start::Unloaded => IpsecState::Unloaded,
        };
        let mut kernel = Kernel::new(Config { kind, ipsec });
        for link in &case.links {
            kernel.add_link(TunnelName::new(link).map_err(|e| format!("link {link}: {e}"))?);
        }
        let mut sockets = BTreeMap::new();
        for name in &case.sockets {
            let conn = kernel.open_policy();
            sockets.insert(name.clone(), Reader { conn, patience: None, stopped: false });
        }
        if case.start == Start::Default
            && let Some(first) = case.sockets.first().and_then(|name| sockets.get(name))
        {
            let request = setup();
            kernel.request(first.conn, &request);
            if kernel.next_reply(first.conn) != Some(request) {
                return Err("the set-up request is refused".to_owned());
            }
        }
        Ok(Self { kernel, sockets, order: case.sockets.clone() })
    }

    fn step(&mut self, step: &Step) -> Result<Observed, String> {
        match (&step.socket, &step.send, &step.control) {
            (Some(socket), Some(bytes), None) => {
                let conn = self.reader(socket)?.conn;
                self.kernel.request(conn, &bytes.0);
            }
            (None, None, Some(control)) => self.control(control)?,
            _ => return Err("a step is neither a request nor a control".to_owned()),
        }
        let mut observed = Observed::default();
        for name in &self.order {
            let Some(reader) = self.sockets.get_mut(name) else {
                continue;
            };
            while !reader.stopped {
                let Some(message) = self.kernel.next_reply(reader.conn) else {
                    break;
                };
                reader.took(&message);
                observed.recv.push((name.clone(), message));
            }
        }
        observed.notices.extend(self.kernel.take_events().into_iter().map(Notice::of));
        Ok(observed)
    }

    fn control(&mut self, control: &str) -> Result<(), String> {
        let unknown = || format!("unknown control {control:?}");
        match control {
            "IPsec finished loading" => self.kernel.ipsec_loaded(true),
            "IPsec failed to load" => self.kernel.ipsec_loaded(false),
            "30 ms timer fires" => self.kernel.load_timer(),
            _ => {
                let rest = control.strip_prefix("socket ").ok_or_else(unknown)?;
                let (name, does) = rest.split_once(": ").ok_or_else(unknown)?;
                let reader = self.reader(name)?;
                if does == "reader goes on" {
                    (reader.patience, reader.stopped) = (None, false);
                } else {
                    let taken = does.strip_prefix("reader takes ").ok_or_else(unknown)?;
                    let number = taken.split(' ').next().and_then(|n| n.parse().ok());
                    reader.patience = Some(number.ok_or_else(unknown)?);
                }
            }
        }
        Ok(())
    }

    fn reader(&mut self, name: &str) -> Result<&mut Reader, String> {
        self.sockets.get_mut(name).ok_or_else(|| format!("no socket {name:?}"))
    }
}

impl Reader {
    /// Stops when it has seen as many rule records as it wants.
    fn took(&mut self, message: &[u8]) {
        let Some(patience) = &mut self.patience else {
            return;
        };
        let Ok(frame) = Frame::parse(message) else {
            return;
        };
        if frame.header.kind != MsgType::DUMP {
            return;
        }
        if frame.get(ExtType::RULE).is_some() {
            *patience = patience.saturating_sub(1);
        }
        self.stopped = *patience == 0;
    }
}
