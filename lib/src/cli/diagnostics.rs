// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reporting problems of policy sources.
//!
//! Always one line for machines and logs:
//! `ipsecconf: FILE:LINE:COLUMN: error: what was found, expected what (hint)`.
//! On a terminal the line of the source follows, with the place marked.

use std::io::{self, IsTerminal, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::policy::{Problem, Severity, SourceText};

/// Longest source line that is shown with carets, in bytes.
const LONGEST_SHOWN: usize = 400;

/// Writes problems to standard error, in the order of their places.
pub fn report(program: &str, sources: &[SourceText], problems: &[Problem]) {
    let mut problems: Vec<_> = problems.iter().collect();
    problems.sort_by_key(|problem| (problem.span.source, problem.span.start));
    let stderr = io::stderr();
    let carets = stderr.is_terminal();
    let mut out = stderr.lock();
    for problem in problems {
        // Nothing can be done about a standard error that is closed.
        let _ = writeln!(out, "{}", line(program, sources, problem));
        if carets && let Some(report) = caret_report(sources, problem) {
            let _ = writeln!(out, "{report}");
        }
    }
}

/// The one-line form.
#[must_use]
pub fn line(program: &str, sources: &[SourceText], problem: &Problem) -> String {
    let name = sources.get(problem.span.source).map_or("?", |source| source.name.as_str());
    let word = match problem.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let place = format!("{}:{}", problem.span.line, problem.span.column);
    // The display of a problem starts with its place; the severity goes behind that.
    let rest = problem.to_string();
    let rest = rest.strip_prefix(&place).unwrap_or(&rest).trim_start_matches(": ");
    format!("{program}: {name}:{place}: {word}: {rest}")
}

/// The source line with carets, where it can be shown.
fn caret_report(sources: &[SourceText], problem: &Problem) -> Option<String> {
    let source = sources.get(problem.span.source)?;
    let start = problem.span.start.min(source.text.len());
    let line_start = source.text[..start].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
    let line_end = source.text[start..]
        .iter()
        .position(|&b| b == b'\n')
        .map_or(source.text.len(), |n| start + n);
    let shown = source.text.get(line_start..line_end)?;
    if shown.len() > LONGEST_SHOWN {
        return None;
    }
    let before = String::from_utf8_lossy(&source.text[line_start..start]).len();
    let end = problem.span.end.clamp(start, line_end);
    let marked = String::from_utf8_lossy(&source.text[start..end]).len();
    let text = String::from_utf8_lossy(shown).into_owned();
    let marked = before..(before + marked.max(1)).min(text.len().max(before));
    let level = match problem.severity {
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let snippet = Snippet::source(text.as_str())
        .line_start(problem.span.line as usize)
        .annotation(AnnotationKind::Primary.span(marked));
    let group = Group::with_level(level).element(snippet);
    Some(Renderer::styled().render(&[group]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Span;

    fn sources(text: &str) -> Vec<SourceText> {
        vec![SourceText { name: "a.conf".into(), text: text.into(), tunnel: None }]
    }

    fn span(start: usize, end: usize, line: u32, column: u32) -> Span {
        Span { source: 0, start, end, line, column }
    }

    #[test]
    fn one_line_names_file_line_column_severity_expectation_and_hint() {
        let problem = Problem::error(span(2, 5, 1, 3), "unknown keyword foo")
            .expected("a pattern keyword")
            .hint("did you mean for?");
        assert_eq!(
            line("ipsecconf", &sources("{ foo }"), &problem),
            "ipsecconf: a.conf:1:3: error: unknown keyword foo, \
             expected a pattern keyword (did you mean for?)"
        );
    }

    #[test]
    fn carets_stand_below_the_word_also_behind_bytes_that_are_no_text() {
        let mut sources = sources("x\n  foo\n");
        let problem = Problem::error(span(4, 7, 2, 3), "unknown").expected("bar");
        let report = caret_report(&sources, &problem).unwrap();
        assert!(report.contains("  foo") && report.contains("^^^"), "{report}");
        sources[0].text[2] = 0xff;
        assert!(caret_report(&sources, &problem).unwrap().contains('\u{fffd}'));
        let end_of_file = Problem::error(span(8, 8, 3, 1), "end");
        assert!(caret_report(&sources, &end_of_file).is_some());
    }
}
