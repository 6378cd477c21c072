// SPDX-License-Identifier: MIT OR Apache-2.0

//! The column FLAGS: two letters in a recording, three now.
//!
//! It is 7 wide, so in a listing for people the third letter takes the place of a blank
//! and nothing else of the line moves.

/// The columns of `show-iptun`.
const COLUMNS: &[&str] = &["LINK", "TYPE", "FLAGS", "LOCAL", "REMOTE"];

/// Translates the recorded standard output of a command.
pub(super) fn with_three_letters(argv: &[String], stdout: &str) -> String {
    if argv.get(1).is_none_or(|subcommand| subcommand != "show-iptun") {
        return stdout.to_owned();
    }
    let header = stdout.lines().next().map(columns_of_header).unwrap_or_default();
    let parsable = header.is_empty();
    let columns = if parsable { columns_asked_for(argv) } else { header };
    let places = columns.iter().enumerate().filter(|(_, column)| *column == "FLAGS");
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    stdout
        .split_inclusive('\n')
        .map(|line| match parsable {
            _ if !columns_of_header(line).is_empty() => line.to_owned(),
            true => in_parsable(line, &places, columns.len()),
            false => in_listing(line, &places),
        })
        .collect()
}

/// The columns that a line names, if it is a header.
fn columns_of_header(line: &str) -> Vec<String> {
    let names: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let is_header = names.iter().all(|name| COLUMNS.contains(&name.as_str()));
    if is_header { names } else { Vec::new() }
}

/// The value of the last `-o`, whatever its spelling.
fn columns_asked_for(argv: &[String]) -> Vec<String> {
    let mut lists = argv.iter().filter_map(|arg| {
        let list = arg.split('=').next_back().unwrap_or(arg).to_ascii_uppercase();
        let names: Vec<String> =
            list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let known = names.iter().all(|name| COLUMNS.contains(&name.as_str()));
        (known && !names.is_empty()).then_some(names)
    });
    lists.next_back().unwrap_or_default()
}

fn in_parsable(line: &str, places: &[usize], columns: usize) -> String {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    // Flags contain nothing that is escaped, so a cell that contains a `\:` is another one.
    let mut cells: Vec<String> = if columns == 1 { vec![text.to_owned()] } else { cells(text) };
    for at in places {
        if let Some(cell) = cells.get_mut(*at) {
            cell.push('-');
        }
    }
    cells.join(":") + end
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        if c == ':' && !escaped {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            cell.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    cells
}

fn in_listing(line: &str, places: &[usize]) -> String {
    let mut out = String::new();
    let mut rest = line;
    let mut column = 0;
    while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
        let end = rest[start..].find(char::is_whitespace).map_or(rest.len(), |len| start + len);
        out.push_str(&rest[..end]);
        rest = &rest[end..];
        if places.contains(&column) {
            out.push('-');
            // A single blank only keeps the columns apart.
            rest = rest.strip_prefix(' ').filter(|rest| rest.starts_with(' ')).unwrap_or(rest);
        }
        column += 1;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(args: &[&str], stdout: &str) -> String {
        let argv: Vec<String> =
            ["dladm", "show-iptun"].iter().chain(args).map(|arg| (*arg).to_owned()).collect();
        with_three_letters(&argv, stdout)
    }

    #[test]
    fn nothing_else_moves() {
        assert_eq!(
            translated(&[], "LINK  TYPE  FLAGS  LOCAL  REMOTE\na0    ipv4  s-     --     --\n"),
            "LINK  TYPE  FLAGS  LOCAL  REMOTE\na0    ipv4  s--    --     --\n"
        );
        assert_eq!(translated(&["-o", "flags"], "FLAGS\n--\nsi\n"), "FLAGS\n---\nsi-\n");
        assert_eq!(
            translated(&["-po", "local,flags,link"], "fe80\\:\\:1:--:a0\n:s-:b0\n"),
            "fe80\\:\\:1:---:a0\n:s--:b0\n"
        );
        assert_eq!(translated(&["-p", "-o", "link"], "a0\n"), "a0\n");
    }
}
