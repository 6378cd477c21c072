// SPDX-License-Identifier: MIT OR Apache-2.0

//! The actions of a package manifest (pkg(7)).

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Action {
    /// Line on which it begins, from 1.
    pub(super) line: usize,
    pub(super) kind: String,
    /// A word without `=`: where the content is.
    pub(super) payload: Option<String>,
    pub(super) attributes: Vec<(String, String)>,
}

impl Action {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// All actions, or problems with their lines. A backslash at the end continues a line.
pub(super) fn parse(text: &str) -> (Vec<Action>, Vec<(usize, String)>) {
    let (mut actions, mut problems) = (Vec::new(), Vec::new());
    let mut lines = text.lines().zip(1..);
    while let Some((first, line)) = lines.next() {
        if first.starts_with('#') || first.trim().is_empty() {
            continue;
        }
        let mut whole = first.to_owned();
        while let Some(front) = whole.strip_suffix('\\') {
            let Some((next, _)) = lines.next() else {
                problems.push((line, "the last line is continued".to_owned()));
                return (actions, problems);
            };
            whole = format!("{front} {}", next.trim_start());
        }
        match words(&whole).and_then(|words| action(line, words)) {
            Ok(action) => actions.push(action),
            Err(problem) => problems.push((line, problem)),
        }
    }
    (actions, problems)
}

fn action(line: usize, words: Vec<String>) -> Result<Action, String> {
    let mut words = words.into_iter();
    let kind = words.next().unwrap_or_default();
    let (mut payload, mut attributes) = (None, Vec::<(String, String)>::new());
    for word in words {
        match word.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                if attributes.iter().any(|(known, _)| known == name) {
                    return Err(format!("{name} is given twice"));
                }
                attributes.push((name.to_owned(), value.to_owned()));
            }
            Some(_) => return Err(format!("'{word}'; expected NAME=VALUE")),
            None if payload.is_none() && attributes.is_empty() => payload = Some(word),
            None => return Err(format!("'{word}'; expected NAME=VALUE")),
        }
    }
    Ok(Action { line, kind, payload, attributes })
}

/// Words between blanks; quotes keep blanks together.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        let word = words.last_mut().expect("there is always one");
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ' ' | '\t') if word.is_empty() => {}
            (None, ' ' | '\t') => words.push(String::new()),
            _ => word.push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_with_quotes_and_continued_lines() {
        let text = "# comment\n\nset name=a \\\n    value=\"b c\"\nlicense FILE license='d e'\n";
        let (actions, problems) = parse(text);
        assert_eq!(problems, []);
        assert_eq!((actions[0].line, actions[0].get("value")), (3, Some("b c")));
        assert_eq!((actions[1].line, actions[1].get("license")), (5, Some("d e")));
        assert_eq!(actions[1].payload.as_deref(), Some("FILE"));
    }

    #[test]
    fn what_is_no_action() {
        for text in [
            "set name=",
            "set =x",
            "set name=a name=b",
            "set name=a b",
            "set a b",
            "set name=\"a",
            "set name=a \\",
        ] {
            let (actions, problems) = parse(text);
            assert_eq!((actions.len(), problems.len()), (0, 1), "{text}");
        }
    }
}
