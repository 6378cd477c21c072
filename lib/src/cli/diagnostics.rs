// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reporting problems of policy sources.
//!
//! Always one line for machines and logs:
//! `ipsecconf: FILE:LINE:COLUMN: error: what was found, expected what (hint)`.
//! What is wrong with a file as a whole has no line. On a terminal the line of the source
//! follows, with the place marked.

use std::io::{self, IsTerminal, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::policy::{Problem, Severity, SourceText, Span};

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
    let word = match problem.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut line = format!("{program}: {}: {word}: {problem}", place(sources, problem.span));
    if let Some(other) = &problem.see {
        line.push_str("; see ");
        line.push_str(&place(sources, **other));
    }
    line
}

/// `FILE:LINE:COLUMN`, or `FILE` for a source as a whole.
#[must_use]
pub fn place(sources: &[SourceText], span: Span) -> String {
    let name = sources.get(span.source).map_or("?", |source| source.name.as_str());
    match span.is_whole() {
        true => name.to_owned(),
        false => format!("{name}:{}:{}", span.line, span.column),
    }
}

/// The source line with carets, where it can be shown.
fn caret_report(sources: &[SourceText], problem: &Problem) -> Option<String> {
    if problem.span.is_whole() {
        return None;
    }
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
    fn other_places_and_whole_files_are_named() {
        let mut sources = sources("{ foo }");
        sources.push(SourceText { name: "b.conf".into(), text: Vec::new(), tunnel: None });
        let problem = Problem::error(span(2, 5, 1, 3), "this again").see(Span::whole(1));
        let text = line("ipsecconf", &sources, &problem);
        assert_eq!(text, "ipsecconf: a.conf:1:3: error: this again; see b.conf");
        let problem = Problem::error(Span::whole(1), "cannot be read");
        assert_eq!(line("x", &sources, &problem), "x: b.conf: error: cannot be read");
        assert!(caret_report(&sources, &problem).is_none());
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
