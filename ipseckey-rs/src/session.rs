// SPDX-License-Identifier: MIT OR Apache-2.0

//! A run: what the options say, the kernel, and what becomes of messages.
//!
//! A message is a block on standard output. In a file each block says where it is from;
//! as the method of a service there is none, because its log can be read by everybody.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::cli::plain;
use illumos_ipsec::policy::AlgDb;
use illumos_ipsec::sys::key::{KeyClient, KeyError};
use illumos_ipsec::sys::names::SystemNames;
use illumos_ipsec::sys::{OpenError, System};
use illumos_ipsec::wire::key::{Ext, Message, MsgType};
use illumos_ipsec::wire::namespace::NamespaceExt;

use crate::exit::End;
use crate::flight::Flight;
use crate::line::Line;
use crate::output::Output;
use crate::program::Program;
use crate::say;
use crate::show::Look;

/// Where commands come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    CommandLine,
    File,
    Interactive,
}

/// What the options say.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) program: Program,
    pub(crate) service: Option<String>,
    pub(crate) numeric: bool,
    pub(crate) verbose: bool,
    pub(crate) paranoid: bool,
    /// Nothing is sent.
    pub(crate) check: bool,
    /// Whose associations it is about.
    pub(crate) who: Who,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            program: Program::Ipseckey,
            service: None,
            numeric: false,
            verbose: false,
            paranoid: false,
            check: false,
            who: Who::Nameless,
        }
    }
}

/// How a command has ended, if the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Done, and an interactive session shows its prompt.
    Prompt,
    /// Done.
    Quiet,
    /// A request is under way; what becomes of it is said later.
    Sent,
    /// Of several associations some were made; what was wrong has been said.
    Partly,
    /// What was wrong has been said.
    Failed,
}

/// The result of a command.
pub(crate) type CommandResult = Result<Done, End>;

/// A run of the command.
pub(crate) struct Session<'s> {
    pub(crate) names: SystemNames<'s>,
    pub(crate) settings: Settings,
    pub(crate) source: Source,
    pub(crate) algs: AlgDb,
    pub(crate) out: Output,
    err: Box<dyn Write>,
    client: Option<KeyClient>,
    /// Number of the command, which its requests have.
    pub(crate) seq: u32,
    system: System,
    /// The time of what is shown: a listing is of one moment.
    time: u64,
    /// The line that is being carried out, where there is one to point to.
    pub(crate) line: Option<Rc<Line>>,
    /// Requests under way.
    pub(crate) flight: Flight,
}

impl<'s> Session<'s> {
    /// Begins a run and, unless it is a check, opens the kernel.
    pub(crate) fn open(
        system: &'s System,
        settings: Settings,
        source: Source,
    ) -> Result<Self, End> {
        let program = settings.program;
        let name = program.name();
        let mut client = match settings.check {
            true => None,
            false if !system.may_configure_ip() => {
                say::complain(program, format_args!("Insufficient privileges to run {name}."));
                return Err(End::Privilege);
            }
            false => match system.open_key() {
                Ok(socket) => Some(KeyClient::new(socket)),
                Err(OpenError::Privilege { .. }) => {
                    say::print(program, "Insufficient privileges to open PF_KEY socket.\n");
                    return Err(End::Privilege);
                }
                Err(error) => {
                    say::complain(program, error);
                    say::print(program, "Opening PF_KEY socket");
                    return Err(End::Fatal);
                }
            },
        };
        if let Some(client) = client.as_mut().filter(|_| settings.who != Who::Nameless) {
            insist_on_namespaces(program, client)?;
        }
        let (algs, _) = system.algorithms();
        let err = Box::new(io::stderr());
        let names = SystemNames::new(system);
        Ok(Self {
            names,
            settings,
            source,
            algs,
            out: Output::stdout(),
            err,
            client,
            seq: 0,
            line: None,
            flight: Flight::default(),
            time: system.now(),
            system: system.clone(),
        })
    }

    /// Lets nothing be seen.
    pub(crate) fn mute(&mut self) {
        self.out = Output::nowhere();
        self.err = Box::new(io::sink());
    }

    /// Ends a run: everything is written, or that is a failure. Of a service only the log is
    /// lost then, and not what it does.
    pub(crate) fn finish(mut self, result: Result<(), End>) -> Result<(), End> {
        let Err(error) = self.out.finish() else { return result };
        // Who stops reading knows it.
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.complain(format_args!("standard output: {}", plain(&error)));
        }
        match result {
            Ok(()) if self.in_service() => Ok(()),
            Ok(()) | Err(End::Quit) => Err(End::Silent),
            Err(end) => Err(end),
        }
    }

    pub(crate) fn program(&self) -> &'static str {
        self.settings.program.name()
    }

    pub(crate) fn in_service(&self) -> bool {
        self.settings.service.is_some()
    }

    /// Looks at the clock again.
    pub(crate) fn look_at_clock(&mut self) {
        self.time = self.system.now();
    }

    /// How messages are shown.
    pub(crate) fn look(&self) -> Look<'_> {
        Look {
            names: &self.names,
            now: self.time,
            algs: &self.algs,
            numeric: self.settings.numeric,
            verbose: self.settings.verbose,
            paranoid: self.settings.paranoid,
        }
    }

    /// The connection to the kernel. Checks have none.
    pub(crate) fn client(&mut self) -> &mut KeyClient {
        self.client.as_mut().expect("a check asks the kernel for nothing")
    }

    /// Gives a request the numbers of this process and command, and the namespace.
    pub(crate) fn number(&mut self, message: &mut Message) {
        (message.header.seq, message.header.pid) = (self.seq, std::process::id());
        let namespace = match &self.settings.who {
            Who::Named(name) => Some(NamespaceExt::Name(name.clone())),
            Who::Everybody if message.header.kind == MsgType::DUMP => Some(NamespaceExt::Any),
            _ => None,
        };
        message.exts.extend(namespace.map(Ext::Namespace));
    }

    /// Writes to standard output.
    pub(crate) fn print(&mut self, text: impl AsRef<[u8]>) {
        self.answers_first();
        self.out.write(text.as_ref());
    }

    /// Where a file that a command is to write is.
    pub(crate) fn target(&self, path: &OsStr) -> PathBuf {
        self.system.target(path)
    }

    /// Writes a line to standard error, after what is on standard output.
    pub(crate) fn complain(&mut self, text: impl std::fmt::Display) {
        self.answers_first();
        self.out.flush();
        let _ = writeln!(self.err, "{}: {text}", self.settings.program.name());
    }

    /// The same without the name of the program.
    pub(crate) fn complain_plain(&mut self, text: impl std::fmt::Display) {
        self.answers_first();
        self.out.flush();
        let _ = writeln!(self.err, "{text}");
    }

    /// What is said about earlier lines comes before what is said about this one.
    fn answers_first(&mut self) {
        // A failure ends the run after this line.
        let _ = self.settle();
    }

    /// Shows a block: the place, and a text that gets a newline.
    pub(crate) fn block(&mut self, text: &str) {
        if self.in_service() {
            return;
        }
        self.answers_first();
        if let Some(line) = self.line.as_ref().filter(|_| self.source == Source::File) {
            let head = format!(
                "Config file entry near line {} caused error(s) or warnings:\n\n{}\n\n\n",
                line.number,
                line.shown()
            );
            self.print(head);
        }
        self.print(format!("{text}\n"));
    }

    /// Shows a block after which the command cannot go on.
    pub(crate) fn refuse(&mut self, text: &str) -> CommandResult {
        self.block(text);
        self.failed()
    }

    /// The end of a command that has failed: on the command line, of the run.
    pub(crate) fn failed(&self) -> CommandResult {
        match self.source {
            Source::CommandLine => Err(End::Fatal),
            Source::File | Source::Interactive => Ok(Done::Failed),
        }
    }

    /// Reports a failed exchange with the kernel.
    pub(crate) fn exchange_failed(&mut self, error: &KeyError) -> End {
        match error {
            KeyError::TimedOut => {
                self.complain("Reply message from PF_KEY timed out.");
                End::TimedOut
            }
            other => {
                self.complain(other);
                End::Fatal
            }
        }
    }
}

/// Insists on a kernel that knows namespaces.
fn insist_on_namespaces(program: Program, client: &mut KeyClient) -> Result<(), End> {
    match client.knows_namespaces() {
        Ok(true) => Ok(()),
        Ok(false) => {
            let text = "this kernel has no namespaces, so -N cannot be used; nothing was done";
            say::complain(program, text);
            Err(End::Fatal)
        }
        Err(error) => {
            say::complain(program, format_args!("asking the kernel for namespaces: {error}"));
            Err(End::Fatal)
        }
    }
}
