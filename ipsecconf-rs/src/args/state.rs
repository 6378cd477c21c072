// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the options make of a command, one after the other.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::model::TunnelName;
use illumos_ipsec::policy::c_integer;
use illumos_ipsec::sys::policy::Scope;

use super::command::{Command, Load};
use super::options::{bad_usage, fatal};
use crate::exit::{Failure, complain};

/// The command as it stands after some options.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verb {
    None,
    Flush,
    List,
    Add(Vec<OsString>),
    Replace(Vec<OsString>),
    Delete(i32),
    Remove(OsString),
}

/// What is known after some options.
#[derive(Debug)]
pub(super) struct State {
    verb: Verb,
    scope: Option<Scope>,
    /// Is it only to be checked?
    pub(super) check: bool,
    plan: bool,
    keep_going: bool,
    pub(super) who: Option<Who>,
    in_service: bool,
}

impl State {
    pub(super) fn new(plan: bool, keep_going: bool, in_service: bool) -> Self {
        let (verb, scope, check, who) = (Verb::None, None, false, None);
        Self { verb, scope, check, plan, keep_going, who, in_service }
    }

    pub(super) fn option(&mut self, letter: char, value: OsString) -> Result<(), Failure> {
        match letter {
            'F' => {
                self.all_heads(letter)?;
                self.flush()
            }
            'f' => self.flush(),
            'L' => {
                self.all_heads(letter)?;
                self.list()
            }
            'l' => self.list(),
            'c' => self.add(value, true),
            'a' => self.add(value, false),
            'r' => {
                if self.verb != Verb::None || self.scope.is_some() {
                    return Err(self.no_room_for_file());
                }
                self.verb = Verb::Remove(value);
                Ok(())
            }
            'd' => self.delete(&value),
            'i' => self.tunnel(&value),
            'N' => self.namespace(&value),
            // -n and -q have no order.
            _ => Ok(()),
        }
    }

    fn all_heads(&mut self, letter: char) -> Result<(), Failure> {
        match self.scope {
            None => {}
            Some(Scope::All) => return Err(self.several()),
            Some(_) => {
                let message = format!("-{letter} is about all tunnels, it takes no tunnel name");
                return Err(bad_usage(self.in_service, message));
            }
        }
        self.scope = Some(Scope::All);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.verb = match std::mem::replace(&mut self.verb, Verb::None) {
            Verb::None => Verb::Flush,
            Verb::Add(file) => Verb::Replace(file),
            _ => return Err(self.several()),
        };
        Ok(())
    }

    fn list(&mut self) -> Result<(), Failure> {
        if self.verb != Verb::None {
            return Err(self.several());
        }
        self.verb = Verb::List;
        Ok(())
    }

    fn add(&mut self, source: OsString, check: bool) -> Result<(), Failure> {
        match (&mut self.verb, &self.scope) {
            (Verb::Flush, _) => self.verb = Verb::Replace(vec![source]),
            (Verb::None, None) => self.verb = Verb::Add(vec![source]),
            (Verb::Add(sources) | Verb::Replace(sources), _) if self.check == check => {
                sources.push(source);
            }
            _ => return Err(self.no_room_for_file()),
        }
        self.check = check;
        Ok(())
    }

    /// The words are about loads.
    pub(super) fn check_words(&self) -> Result<(), Failure> {
        let load = matches!(self.verb, Verb::Add(_) | Verb::Replace(_)) && !self.check;
        for (given, word) in [(self.plan, "--plan"), (self.keep_going, "--keep-going")] {
            if given && !load {
                let message = format!("{word} goes with -a FILE, to load a policy");
                return Err(bad_usage(self.in_service, message));
            }
        }
        Ok(())
    }

    fn delete(&mut self, value: &OsStr) -> Result<(), Failure> {
        if self.verb != Verb::None {
            return Err(self.several());
        }
        let value = value.as_bytes();
        let index = match value.iter().position(|&b| b == b',') {
            Some(comma) if comma > 0 && comma + 1 < value.len() => {
                if self.scope.is_some() {
                    return Err(self.tunnel_named());
                }
                self.scope = Some(Scope::Tunnel(tunnel_name(&value[..comma])?));
                &value[comma + 1..]
            }
            _ => value,
        };
        self.verb = Verb::Delete(c_int(index).filter(|&n| n != -1).ok_or_else(|| {
            complain(format_args!(
                "invalid index {:?}, expected the number of a rule, or tunnel,number",
                bstr::BStr::new(index)
            ));
            Failure::Failed
        })?);
        Ok(())
    }

    fn tunnel(&mut self, value: &OsStr) -> Result<(), Failure> {
        if self.scope.is_some() {
            return Err(self.tunnel_named());
        }
        if value.is_empty() {
            return Err(bad_usage(self.in_service, "the tunnel name is empty"));
        }
        self.scope = Some(Scope::Tunnel(tunnel_name(value.as_bytes())?));
        Ok(())
    }

    fn namespace(&mut self, value: &OsStr) -> Result<(), Failure> {
        if self.who.is_some() {
            return Err(fatal("a namespace has been given already"));
        }
        let who = Who::of_option(value.as_bytes()).map_err(|error| {
            fatal(format_args!("-N {:?}: {error}", bstr::BStr::new(value.as_bytes())))
        })?;
        self.who = Some(who);
        Ok(())
    }

    fn several(&self) -> Failure {
        bad_usage(self.in_service, "several commands given")
    }

    /// The scope has been set before.
    fn tunnel_named(&self) -> Failure {
        fatal(match self.scope {
            Some(Scope::All) => "-F and -L are about all tunnels, they take no tunnel name",
            _ => "a tunnel has been named already",
        })
    }

    fn no_room_for_file(&self) -> Failure {
        match self.verb {
            Verb::None => bad_usage(
                self.in_service,
                "a tunnel cannot be named before a policy file: rules name their tunnels",
            ),
            _ => self.several(),
        }
    }

    pub(super) fn command(self) -> Command {
        let scope = self.scope.unwrap_or(Scope::Global);
        let load = |sources| Load {
            sources,
            replace: Some(scope.clone()),
            cleanup: scope.clone(),
            keep_going: self.keep_going,
            plan: self.plan,
        };
        match self.verb {
            Verb::None => Command::Missing,
            Verb::List => Command::List(scope),
            Verb::Flush => Command::Flush(scope),
            Verb::Delete(index) => Command::Delete { scope, index },
            Verb::Add(sources) | Verb::Replace(sources) if self.check => Command::Check { sources },
            Verb::Add(sources) => Command::Load(Load { replace: None, ..load(sources) }),
            Verb::Replace(sources) => Command::Load(load(sources)),
            Verb::Remove(file) => {
                let tunnel = match scope {
                    Scope::Tunnel(name) => Some(name),
                    Scope::Global | Scope::All => None,
                };
                Command::Remove { file, tunnel }
            }
        }
    }
}

fn tunnel_name(name: &[u8]) -> Result<TunnelName, Failure> {
    TunnelName::new(name).map_err(|error| {
        complain(format_args!("{:?}: {error}", bstr::BStr::new(name)));
        Failure::Failed
    })
}

/// A C `int` in C notation (decimal, 0 octal, 0x hex), white space around it allowed.
fn c_int(text: &[u8]) -> Option<i32> {
    let value = c_integer(text.trim_ascii(), 0)?;
    Some(value.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_c_notation() {
        for (text, value) in [
            ("10", Some(10)),
            ("010", Some(8)),
            ("0x1F", Some(31)),
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("-5", Some(-5)),
            ("99999999999", Some(i32::MAX)),
            ("08", None),
            ("0x", None),
            ("", None),
            ("7x", None),
        ] {
            assert_eq!(c_int(text.as_bytes()), value, "{text:?}");
        }
    }
}
