// SPDX-License-Identifier: MIT OR Apache-2.0

//! The columns of `svcs`.

use super::error::SmfError;
use super::log::short_time;
use super::manifest::Service;
use super::repository::Repository;
use super::status::Status;

/// Name, width, and what is in it.
type Column = (&'static str, usize, fn(&Row<'_>) -> String);

struct Row<'a> {
    service: &'a Service,
    status: Status,
    now: u64,
}

const COLUMNS: &[Column] = &[
    // A star says that a method is running.
    ("STATE", 14, |row| {
        format!("{}{}", row.status.state, if row.status.next.is_some() { "*" } else { "" })
    }),
    ("NSTATE", 14, |row| row.status.next.map_or_else(|| "-".to_owned(), |next| next.to_string())),
    ("STA", 4, |row| {
        format!("{}{}", row.status.state.short(), if row.status.next.is_some() { "*" } else { "" })
    }),
    ("NSTA", 4, |row| row.status.next.map_or("-", |next| next.short()).to_owned()),
    ("STIME", 8, |row| {
        row.status.since.map_or_else(|| "-".to_owned(), |since| short_time(since, row.now))
    }),
    ("FMRI", 30, |row| row.service.fmri.clone()),
    ("SVC", 22, |row| row.service.name.clone()),
    ("INST", 16, |row| row.service.instance.to_owned()),
    ("SCOPE", 8, |_| "localhost".to_owned()),
    ("DESC", 40, |row| row.service.common_name.clone()),
];

/// The columns that somebody wants to see.
pub(super) struct Table(Vec<&'static Column>);

impl Table {
    /// Without names, what `svcs` shows by itself.
    pub(super) fn new(names: &[String]) -> Result<Self, SmfError> {
        let usual = ["state", "stime", "fmri"].map(str::to_owned);
        let names = if names.is_empty() { &usual } else { names };
        let column = |name: &String| {
            let found = COLUMNS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
            found.ok_or_else(|| SmfError::Column {
                found: name.clone(),
                expected: COLUMNS.iter().map(|c| c.0.to_lowercase()).collect::<Vec<_>>().join(", "),
            })
        };
        names.iter().map(column).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn header(&self) -> String {
        self.line(|column| column.0.to_owned())
    }

    pub(super) fn row(&self, repository: &Repository, service: &Service) -> String {
        let row = Row { service, status: repository.status(service), now: repository.now() };
        self.line(|column| (column.2)(&row))
    }

    fn line(&self, cell: impl Fn(&Column) -> String) -> String {
        let cells = self.0.iter().map(|column| format!("{:<1$}", cell(column), column.1));
        let line = cells.collect::<Vec<_>>().join(" ");
        format!("{}\n", line.trim_end())
    }
}
