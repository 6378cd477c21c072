// SPDX-License-Identifier: MIT OR Apache-2.0

//! Editing lines on a terminal.
//!
//! What was typed can be had back for as long as the program runs. It is kept in memory
//! only, and lines with keys are not kept at all.

use std::io::{self, IsTerminal};

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor};
use zeroize::{Zeroize, Zeroizing};

use crate::line::Line;

/// What comes from an input.
pub(crate) enum Typed {
    /// A line with its newline.
    Line(Zeroizing<Vec<u8>>),
    /// What has been begun is given up.
    GivenUp,
    /// There is nothing more.
    End,
}

/// The terminal behind standard input and output.
pub(crate) struct Terminal {
    editor: Editor<(), MemHistory>,
    prompt: String,
}

impl Terminal {
    /// Are standard input and output a terminal?
    pub(crate) fn is_one() -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Takes the terminal over, if there is one.
    pub(crate) fn open(program: &str) -> Option<Self> {
        if !Self::is_one() {
            return None;
        }
        let config = Config::builder().auto_add_history(false).build();
        let editor = Editor::with_history(config, MemHistory::new()).ok()?;
        Some(Self { editor, prompt: format!("{program}> ") })
    }

    /// What is typed next. `more`: a command has been begun.
    pub(crate) fn next_line(&mut self, more: bool) -> io::Result<Typed> {
        let prompt = if more { "> " } else { self.prompt.as_str() };
        match self.editor.readline(prompt) {
            Ok(mut text) => {
                let mut line = Zeroizing::new(Vec::with_capacity(text.len() + 1));
                line.extend_from_slice(text.as_bytes());
                line.push(b'\n');
                let secret = Line::new(line.clone(), 0).is_some_and(|line| line.has_secret());
                if !secret && !more {
                    // Nothing is lost if it is not kept.
                    let _ = self.editor.add_history_entry(text.as_str());
                }
                text.zeroize();
                Ok(Typed::Line(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::GivenUp),
            Err(ReadlineError::Eof) if more => Ok(Typed::GivenUp),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
