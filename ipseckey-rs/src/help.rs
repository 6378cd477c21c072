// SPDX-License-Identifier: MIT OR Apache-2.0

//! Help texts.

use crate::keyword;
use crate::line::Word;
use crate::program::Program;
use crate::session::Session;

/// The list of commands in pieces, and whether `tcpkey` has them.
const LIST: &[(&str, bool)] = &[
    (
        "Commands\n--------\n\
         ?, help  - Display this list\n\
         help <cmd> - Display help for command\n\
         help attr  - Display possible SA attributes\n\
         quit, exit - Exit the program\n",
        true,
    ),
    (
        "monitor - Monitor all PF_KEY reply messages.\n\
         pmonitor, passive_monitor - Monitor PF_KEY messages that\n\
         \u{20}                           reply to all PF_KEY sockets.\n",
        false,
    ),
    (
        "\nThe following commands are of the form:\n\
         \u{20}   <command> {SA type} {attribute value}*\n\n\
         add (interactive only) - Add a new security association (SA)\n",
        true,
    ),
    (
        "update (interactive only) - Update an existing SA\n\
         update-pair (interactive only) - Update an existing SA pair\n",
        false,
    ),
    ("delete - Delete an SA\n", true),
    ("delete-pair - Delete an SA pair\n", false),
    (
        "get - Display an SA\n\
         flush - Delete all SAs\n\
         dump - Display all SAs\n\
         save - Saves all SAs to a file\n",
        true,
    ),
];

/// The words for a command, and what is said of it.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["update"], "update\t - Update an existing SA\n"),
    (&["update-pair"], "update-pair - Update an existing pair of SAs\n"),
    (&["add"], "add\t - Add a new security association (SA)\n"),
    (&["delete"], "delete - Delete an SA\n"),
    (&["delete-pair"], "delete-pair - Delete a pair of SAs\n"),
    (&["get"], "get - Display an SA\n"),
    (
        &["flush"],
        "flush - Delete all SAs\n\nOptional arguments:\n\
         all        delete all SAs\n\
         esp        delete just ESP SAs\n\
         ah         delete just AH SAs\n\
         <number>   delete just SAs with type given by number\n\n",
    ),
    (
        &["dump"],
        "dump - Display all SAs\n\nOptional arguments:\n\
         all        display all SAs\n\
         esp        display just ESP SAs\n\
         ah         display just AH SAs\n\
         <number>   display just SAs with type given by number\n\n",
    ),
    (&["monitor"], "monitor - Monitor all PF_KEY reply messages.\n"),
    (
        &["pmonitor", "passive_monitor"],
        "pmonitor, passive_monitor - Monitor PF_KEY messages that\n\
         \u{20}                           reply to all PF_KEY sockets.\n",
    ),
    (&["quit", "exit"], "quit, exit - Exit the program\n"),
    (&["save"], "save\t    - Saves all SAs to a file\n"),
    (
        &["help", "?"],
        "help\t    - Display list of commands\n\
         help <cmd> - Display help for command\n\
         help attr  - Display possible SA attributes\n",
    ),
];

/// Columns of the list of keywords, and characters of each.
const COLUMNS: usize = 3;
const WIDTH: usize = 15;

/// Shows all of it, or help for one word.
pub(crate) fn show(session: &mut Session, word: Option<&Word>) {
    let tcpkey = session.settings.program == Program::Tcpkey;
    let text = match word {
        None => LIST
            .iter()
            .filter(|(_, of_tcpkey)| *of_tcpkey || !tcpkey)
            .map(|(text, _)| *text)
            .collect(),
        Some(word) if word.is("attr") => attributes(tcpkey),
        Some(word) => {
            match COMMANDS.iter().find(|(names, _)| names.iter().any(|name| word.is(name))) {
                Some((_, text)) => (*text).to_owned(),
                None => format!("{}: Unknown command\n", word.shown()),
            }
        }
    };
    session.print(text);
}

fn attributes(tcpkey: bool) -> String {
    let mut text = String::from("\nSA attributes:\n");
    for (at, name) in keyword::listed(tcpkey).into_iter().enumerate() {
        if at % COLUMNS == 0 {
            text.push('\n');
        }
        text.push_str(&format!("    {name:<WIDTH$.WIDTH$}"));
    }
    text.push('\n');
    text
}
