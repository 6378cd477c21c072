// SPDX-License-Identifier: MIT OR Apache-2.0

//! Choosing columns.

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name, in capitals, as in the header.
    pub name: &'static str,
    /// Width in bytes, with the space to the next column.
    pub width: usize,
}

impl Column {
    /// A column.
    #[must_use]
    pub const fn new(name: &'static str, width: usize) -> Self {
        Self { name, width }
    }
}

/// For whom a listing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// For people: padded, with a header.
    Human,
    /// For people, with values broken at commas where they are too wide.
    Wrapped,
    /// For programs: separated by colons.
    Parsable,
}

/// Columns that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Numbers of the columns in their table, in the order asked for.
    pub numbers: Vec<usize>,
    /// The columns.
    pub columns: Vec<Column>,
    /// Names that are no column and were passed over.
    pub unknown: Vec<String>,
}

/// What is wrong with a choice of columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// Parsable output without a list.
    #[error("output field must be specified in parsable mode (-o FIELD,...)")]
    NoList,
    /// Parsable output of everything: what that is may change.
    #[error("\"all\" is no list of fields for parsable output; name each of them")]
    All,
    /// An empty list.
    #[error("the list of output fields is empty")]
    Empty,
    /// More names than there are columns.
    #[error("{found} output fields are too many; there are {most}")]
    TooMany {
        /// Names in the list.
        found: usize,
        /// Columns that exist.
        most: usize,
    },
    /// Nothing that is a column.
    #[error("no valid output fields")]
    NoneValid,
    /// Names that are no columns.
    #[error("{}", unknown_fields(.0))]
    Unknown(Vec<String>),
}

/// "unknown output field: `x'", or several.
pub fn unknown_fields(names: &[String]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}'")).collect();
    format!("unknown output field{plural}: {}", quoted.join(" "))
}

/// Chooses columns of a table. Without a list, or with `all`, these are the first
/// `usual` ones.
pub fn select(
    table: &[Column],
    usual: usize,
    list: Option<&str>,
    layout: Layout,
) -> Result<Chosen, ColumnError> {
    let all = list.is_some_and(|list| list.eq_ignore_ascii_case("all"));
    if layout == Layout::Parsable {
        if list.is_none_or(str::is_empty) {
            return Err(ColumnError::NoList);
        }
        if all {
            return Err(ColumnError::All);
        }
    }
    let Some(list) = list.filter(|_| !all) else {
        return Ok(chosen(table, (0..usual).collect(), Vec::new()));
    };
    if list.is_empty() {
        return Err(ColumnError::Empty);
    }
    let names: Vec<&str> = list.split(',').filter(|name| !name.is_empty()).collect();
    // As many as are shown without a list; more is refused even if some repeat.
    let most = table.len().max(usual);
    if names.len() > most {
        return Err(ColumnError::TooMany { found: names.len(), most });
    }
    let (mut numbers, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        match table.iter().position(|column| column.name.eq_ignore_ascii_case(name)) {
            Some(number) => numbers.push(number),
            None => unknown.push(name.to_owned()),
        }
    }
    if numbers.is_empty() {
        return Err(ColumnError::NoneValid);
    }
    if layout == Layout::Parsable && !unknown.is_empty() {
        return Err(ColumnError::Unknown(unknown));
    }
    Ok(chosen(table, numbers, unknown))
}

fn chosen(table: &[Column], numbers: Vec<usize>, unknown: Vec<String>) -> Chosen {
    let columns = numbers.iter().map(|number| table[*number]).collect();
    Chosen { numbers, columns, unknown }
}
