// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where commands come from: the command line, a file, a terminal or pipe.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::rc::Rc;

use illumos_ipsec::cli::plain;
use illumos_ipsec::model::SaType;
use illumos_ipsec::sys::signals::InterruptHeldBack;

use crate::command;
use crate::exit::End;
use crate::flight::Flight;
use crate::flush;
use crate::input::Input;
use crate::line::{Joiner, Line, TooLong};
use crate::session::{Done, Session};
use crate::terminal::{Terminal, Typed};

impl Session<'_> {
    /// Carries out one command of the command line.
    pub(crate) fn run_words(&mut self, words: &[Vec<u8>]) -> Result<(), End> {
        let line = Line::of_words(words);
        match command::run(self, &line)? {
            Done::Prompt | Done::Quiet | Done::Sent => Ok(()),
            Done::Partly | Done::Failed => Err(End::Fatal),
        }
    }

    /// Carries out the commands of a file.
    pub(crate) fn run_file(&mut self, text: &[u8], path: &OsStr) -> Result<(), End> {
        if self.in_service() && !self.settings.check {
            self.print("Flushing existing SAs before adding new SAs\n");
            flush::run(self, SaType::UNSPEC)?;
        }
        // Whatever ends the file, what has been sent is spoken about.
        let ended = self.run_lines(text);
        self.settle()?;
        match ended {
            Err(End::Quit) if self.flight.bad > 0 => {}
            ended => ended?,
        }
        self.sum_up(path)
    }

    fn run_lines(&mut self, text: &[u8]) -> Result<(), End> {
        let mut joiner = Joiner::default();
        let mut lines = text.split_inclusive(|byte| *byte == b'\n');
        loop {
            let line = match lines.next() {
                Some(line) => joiner.take(line).map_err(|why| self.too_long(why))?,
                None if joiner.is_open() => joiner.end(),
                None => break,
            };
            let Some(line) = line.map(Rc::new) else { continue };
            self.line = Some(Rc::clone(&line));
            let done = command::run(self, &line);
            self.line = None;
            let count = &mut self.flight;
            match done? {
                Done::Prompt | Done::Quiet => count.good += 1,
                Done::Partly => (count.good, count.bad) = (count.good + 1, count.bad + 1),
                Done::Failed => count.bad += 1,
                Done::Sent => {}
            }
            if let Some(end) = self.flight.over() {
                return Err(end);
            }
        }
        Ok(())
    }

    fn sum_up(&mut self, path: &OsStr) -> Result<(), End> {
        let Flight { good, bad, .. } = self.flight;
        let program = self.program();
        if bad == 0 {
            if self.in_service() {
                self.print(format!("{program}: {good} actions successfully processed.\n"));
            }
            return Ok(());
        }
        if good == 0 {
            let text = "Configuration file did not contain any valid SAs";
            self.print(format!("{program}: {text}\n"));
        } else if self.in_service() {
            self.print(format!(
                "{program}: The configuration file contained {bad} errors.\n\
                 Manually check the configuration with:\n\
                 {program} -c {}\n\
                 Use svcadm(8) to clear maintenance condition when errors are resolved.\n\n",
                Path::new(path).display()
            ));
        }
        Err(End::Fatal)
    }

    fn too_long(&mut self, why: TooLong) -> End {
        let program = self.program();
        self.print(match why {
            TooLong::Line(number) => format!("{program}: Line {number} too big.\n"),
            TooLong::Command => format!("{program}: Command buffer overrun.\n"),
        });
        End::Fatal
    }

    /// Carries out what is typed, or comes through a pipe.
    pub(crate) fn run_interactive(&mut self) -> Result<(), End> {
        // An interrupt gives up a line or ends a monitor, not the session.
        let _held_back = InterruptHeldBack::new();
        match Terminal::open(self.program()) {
            Some(mut terminal) => self.converse(|joiner| terminal.next_line(joiner.is_open())),
            None => {
                let mut input = Input::new();
                self.converse(|_| input.next_line())
            }
        }
    }

    fn converse(&mut self, mut next: impl FnMut(&Joiner) -> io::Result<Typed>) -> Result<(), End> {
        let mut joiner = Joiner::default();
        loop {
            self.out.flush();
            let mut blank = false;
            let line = match next(&joiner) {
                Ok(Typed::Line(line)) => {
                    blank = joiner.was_blank(&line);
                    joiner.take(&line).unwrap_or_else(|_| {
                        self.complain("Line too long (max=4096 chars)");
                        joiner = Joiner::default();
                        None
                    })
                }
                Ok(Typed::GivenUp) => {
                    joiner = Joiner::default();
                    None
                }
                Ok(Typed::End) if joiner.is_open() => joiner.end(),
                Ok(Typed::End) => return Ok(()),
                Err(error) => {
                    self.complain(format_args!("standard input: {}", plain(&error)));
                    return Err(End::Fatal);
                }
            };
            let prompt = match line {
                Some(line) => {
                    let line = Rc::new(line);
                    self.line = Some(Rc::clone(&line));
                    command::run(self, &line)? == Done::Prompt
                }
                None => blank,
            };
            if prompt && !Terminal::is_one() {
                let prompt = format!("{}> ", self.program());
                self.print(prompt);
            }
        }
    }
}
