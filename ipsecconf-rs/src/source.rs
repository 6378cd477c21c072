// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading policy files.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};

use illumos_ipsec::cli::plain;
use illumos_ipsec::policy::SourceText;

use crate::args;
use crate::context::Context;
use crate::exit::{Failure, complain};
use crate::prose;

/// What a file name on the command line led to.
pub(crate) enum Source {
    Text(SourceText),
    /// There is no such file, and for a service that is not an error.
    NotConfigured,
}

/// Reads the file, or standard input for `-`.
pub(crate) fn read(context: &Context, file: &OsStr) -> Result<Source, Failure> {
    let name = file.to_string_lossy().into_owned();
    let result = if file == "-" {
        let mut text = Vec::new();
        io::stdin().lock().read_to_end(&mut text).map(|_| text)
    } else {
        read_file(context, file)
    };
    match result {
        Ok(text) => Ok(Source::Text(SourceText { name, text, tunnel: None })),
        Err(error) if context.service.is_some() && error.kind() == io::ErrorKind::NotFound => {
            prose::no_policy_file(&name);
            Ok(Source::NotConfigured)
        }
        Err(error) => {
            complain(format_args!("{name}: cannot read the policy file: {}", plain(&error)));
            args::usage(context.service.is_some());
            Err(Failure::Failed)
        }
    }
}

fn read_file(context: &Context, file: &OsStr) -> io::Result<Vec<u8>> {
    let mut file = File::open(context.system.operand(file))?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(text)
}
