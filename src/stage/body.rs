//! The text of a failure issue: title, body, comment, the table of occurrences, the hidden
//! marks by which an issue is found again, and the cut that keeps a body below GitHub's limit.
//! Pure. Text that came from agents or programs is escaped.

use super::explain::explain;
use crate::base::text::{head, neutral};
use crate::event::{Diagnosis, DiagnosisAnswer, DiagnosisSource, Failure};
use crate::report::{code, fenced, markdown};

/// Characters that GitHub takes.
const LIMIT: usize = 65_536;
/// Characters kept free for rows that come later.
const RESERVE: usize = 6_000;
/// Rows that the table shows.
const ROWS: usize = 20;
/// Longest title.
const TITLE: usize = 120;
/// Longest quoted output of one failure, in bytes.
const OUTPUT: usize = 2_000;
/// Failures that a body tells one by one.
const TOLD: usize = 10;

const TABLE_FROM: &str = "<!-- auditrun:occurrences -->";
const TABLE_TO: &str = "<!-- /auditrun:occurrences -->";
const TABLE_HEAD: &str = "| run | ended | head | workflow run |\n|---|---|---|---|\n";
/// What an issue about many failures at once is found by.
pub const MANY: &str = "<!-- auditrun:many -->";

/// What everything in an issue is told of.
pub struct Told<'a> {
    /// The failures: one, or all of a run that had many.
    pub failures: &'a [Failure],
    /// The diagnosis of the whole run.
    pub diagnosis: &'a Diagnosis,
    /// The bundle's folder, so that only its own green run closes the issue.
    pub bundle: &'a str,
    /// The occurrence.
    pub seen: &'a Seen,
    /// audit/report.md.
    pub report: &'a str,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The run.
    pub run_id: String,
    /// When it ended; empty if nobody knows.
    pub ended_at: String,
    /// The audit branch's head; empty if there was none.
    pub head: String,
    /// The workflow run's page, where there is one.
    pub link: Option<String>,
}

impl Seen {
    fn row(&self) -> String {
        let link = self.link.as_ref().map_or_else(String::new, |url| format!("[run]({url})"));
        format!("| {} | {} | {} | {link} |\n", code(&self.run_id), code(&self.ended_at), code(&self.head))
    }

    /// The body has a row for just this.
    pub fn stands_in(&self, body: &str) -> bool {
        body.lines().any(|line| line.trim_end() == self.row().trim_end())
    }
}

/// The hidden mark of a failure.
pub fn mark(fingerprint: &str) -> String {
    format!("<!-- auditrun:fingerprint={fingerprint} -->")
}

/// The hidden mark of a bundle. Its folder is text of the operator's.
pub fn bundle_mark(bundle: &str) -> String {
    let plain: String = bundle.chars().filter(|c| !matches!(c, '<' | '>' | '\n')).collect();
    format!("<!-- auditrun:bundle={} -->", plain.replace("--", "- -"))
}

/// Every fingerprint that a body is marked with.
pub fn marks(body: &str) -> Vec<&str> {
    let parts = body.split("<!-- auditrun:fingerprint=").skip(1);
    parts.filter_map(|rest| rest.get(..64).filter(|f| f.bytes().all(|b| b.is_ascii_hexdigit()))).collect()
}

/// One line of plain text in which nothing is markup, wherever the title is shown.
pub fn title(failures: &[Failure]) -> String {
    let text = match failures {
        [] => "auditrun: a run failed".to_owned(),
        [one] if one.subject == one.what => format!("auditrun: {} failed: {}", one.subject, one.error),
        [one] => format!("auditrun: {} failed: {}: {}", one.subject, one.what, one.error),
        [first, ..] => format!("auditrun: {} failures in one run, first {}", failures.len(), first.subject),
    };
    let plain = |c| match c {
        '\n' | '\t' => ' ',
        '<' => '‹',
        '>' => '›',
        '`' => '\'',
        c => c,
    };
    let text = neutral(&text).chars().map(plain).collect::<String>().replace("](", "] (");
    if text.len() <= TITLE { text } else { format!("{}…", head(&text, TITLE)) }
}

/// The whole body, below the limit.
pub fn body(told: &Told<'_>) -> String {
    let mut out = String::new();
    told.failures.iter().for_each(|f| out.push_str(&format!("{}\n", mark(&f.fingerprint))));
    if told.failures.len() > 1 {
        out.push_str(&format!("{MANY}\n"));
    }
    out.push_str(&format!("{}\n\n", bundle_mark(told.bundle)));
    out.push_str(&said(told));
    out.push_str(&facts(told.failures));
    out.push_str(&format!("\n## Occurrences\n\n{}", table(&[told.seen.row()], 0)));
    if let Some(link) = &told.seen.link {
        out.push_str(&format!("\n[Workflow run]({link})\n"));
    }
    let room = LIMIT.saturating_sub(RESERVE + chars(&out));
    out.push_str(&collapsed(told.report, room));
    out
}

/// Error summary, root cause, steps, prevention: the agent's or the deterministic one.
fn said(told: &Told<'_>) -> String {
    // The agent was asked about the run as a whole; what the records say is said of these alone.
    let own = explain(told.failures);
    let by_agent = told.diagnosis.source == DiagnosisSource::Agent;
    let answer = if by_agent { &told.diagnosis.answer } else { &own };
    let note = match (&told.diagnosis.stand_in, &told.diagnosis.agent) {
        (None, Some(agent)) => format!(
            "_Hypothesis of agent {}, asked about the whole run; nobody has proven it. What the records say is below._\n",
            code(agent)
        ),
        (Some(why), _) => {
            format!("_Made from the run's records; there is no agent's diagnosis: {}._\n", markdown(why))
        }
        (None, None) => "_Made from the run's records._\n".to_owned(),
    };
    let words = if by_agent { format!("{}\n\n", markdown(&answer.error_summary)) } else { String::new() };
    format!(
        "## Error summary\n\n{}\n\n## Root cause\n\n{note}\n{words}{}\n\n## Remediation steps\n\n{}\n## Prevention\n\n{}",
        markdown(&own.error_summary),
        cause(answer),
        list(&answer.remediation_steps, "1."),
        list(&answer.prevention, "-")
    )
}

fn cause(answer: &DiagnosisAnswer) -> String {
    let mut out = markdown(&answer.root_cause);
    if !answer.evidence.is_empty() {
        out.push_str(&format!("\n\n{}", list(&answer.evidence, "-").trim_end()));
    }
    out
}

fn list(items: &[String], bullet: &str) -> String {
    if items.is_empty() {
        return "None.\n".to_owned();
    }
    items.iter().map(|item| format!("{bullet} {}\n", markdown(head(item, OUTPUT)))).collect()
}

/// The deterministic evidence of each failure.
fn facts(failures: &[Failure]) -> String {
    let mut out = "\n## What the records say\n".to_owned();
    for failure in failures.iter().take(TOLD) {
        out.push_str(&format!(
            "\n**{}**, agent {}: {}: {}\n",
            markdown(&failure.subject),
            code(&failure.agent),
            code(&failure.what),
            markdown(&failure.error)
        ));
        if !failure.output.is_empty() && failures.len() == 1 {
            out.push_str(&format!("\nLast output:\n\n{}", fenced(head(&failure.output, OUTPUT))));
        }
        if !failure.changed.is_empty() {
            let files: Vec<String> = failure.changed.iter().take(TOLD).map(|path| code(path)).collect();
            out.push_str(&format!("\nChanged: {}\n", files.join(", ")));
        }
    }
    if failures.len() > TOLD {
        out.push_str(&format!("\n{} more in the report.\n", failures.len() - TOLD));
    }
    out
}

fn table(rows: &[String], left_out: usize) -> String {
    let more =
        if left_out == 0 { String::new() } else { format!("\n{left_out} earlier ones are not shown.\n") };
    format!("{TABLE_FROM}\n{TABLE_HEAD}{}{more}{TABLE_TO}\n", rows.concat())
}

/// `body` with another row in its table; `None` if the table is gone or the row is there.
pub fn with_row(body: &str, seen: &Seen) -> Option<String> {
    if seen.stands_in(body) {
        return None;
    }
    let (before, rest) = body.split_once(TABLE_FROM)?;
    let (old, after) = rest.split_once(TABLE_TO)?;
    let is_row = |line: &&str| line.starts_with('|') && !TABLE_HEAD.contains(line.trim_end());
    let mut rows: Vec<String> =
        old.lines().filter(is_row).map(|line| format!("{}\n", line.trim_end())).collect();
    let before_now = old.lines().find_map(|line| line.strip_suffix(" earlier ones are not shown."));
    let mut left_out = before_now.and_then(|n| n.trim().parse::<usize>().ok()).unwrap_or(0);
    rows.push(seen.row());
    let made = |rows: &[String], left_out| {
        format!("{before}{}{}", table(rows, left_out).trim_end_matches('\n'), after)
    };
    while rows.len() > 1 && (rows.len() > ROWS || chars(&made(&rows, left_out)) > LIMIT) {
        rows.remove(0);
        left_out += 1;
    }
    Some(made(&rows, left_out)).filter(|text| chars(text) <= LIMIT)
}

/// What a comment on an open issue says.
pub fn comment(told: &Told<'_>) -> String {
    let seen = told.seen;
    let mut out = format!("It happened again, in run {}", code(&seen.run_id));
    if !seen.head.is_empty() {
        out.push_str(&format!(" at {}", code(&seen.head)));
    }
    out.push_str(".\n\n");
    out.push_str(&said(told));
    if let Some(link) = &seen.link {
        out.push_str(&format!("\n[Workflow run]({link})\n"));
    }
    cut(&out, LIMIT).0
}

/// What is said when a run was green.
pub fn farewell(seen: &Seen, commit: &str) -> String {
    let link = seen.link.as_ref().map_or_else(String::new, |url| format!(" [Workflow run]({url})"));
    format!("Green again: run {} is proven at commit {commit}.{link}\n", code(&seen.run_id))
}

/// The report, folded, in at most `room` characters.
fn collapsed(report: &str, room: usize) -> String {
    let (open, close) = ("\n<details>\n<summary>Full audit report</summary>\n\n", "\n</details>\n");
    let room = room.saturating_sub(chars(open) + chars(close));
    if chars(report) <= room {
        return format!("{open}{report}{close}");
    }
    // Enough for the note itself.
    let (kept, shown) = cut(report, room.saturating_sub(200));
    let note = format!(
        "\n_Cut here: {shown} of {} characters are shown. The whole report is report.md among the run's artifacts._\n",
        chars(report)
    );
    format!("{open}{kept}{note}{close}")
}

/// The first whole lines of a text, in at most `room` characters, with the code block that they
/// leave open closed; and how many characters of the text these are.
fn cut(text: &str, room: usize) -> (String, usize) {
    let (mut kept, mut used, mut fence) = (String::new(), 0, None::<String>);
    for line in text.split_inclusive('\n') {
        let closing = fence.as_ref().map_or(0, |f| chars(f) + 1);
        if used + chars(line) + closing > room {
            break;
        }
        used += chars(line);
        kept.push_str(line);
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        fence = match fence {
            None if ticks.len() >= 3 => Some(ticks),
            Some(open) if ticks.len() >= open.len() && line.trim() == ticks => None,
            same => same,
        };
    }
    if let Some(fence) = fence {
        kept.push_str(&format!("{fence}\n"));
    }
    (kept, used)
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::FailureClass;

    fn failure(n: u8) -> Failure {
        Failure {
            fingerprint: format!("{n:02x}").repeat(32),
            subject: format!("node N{n}"),
            node: None,
            what: "check make test".to_owned(),
            error: "error: <b>@all</b>".to_owned(),
            normalized: String::new(),
            class: FailureClass::Lasting,
            agent: "worker".to_owned(),
            output: "a\n```\n</details>\n".to_owned(),
            changed: vec!["a.txt".to_owned()],
            evidence: vec!["runs/A/agent.log".to_owned()],
        }
    }

    fn diagnosis(failures: &[Failure]) -> Diagnosis {
        Diagnosis {
            schema: String::new(),
            run_id: "R".to_owned(),
            ended_at: None,
            source: DiagnosisSource::Deterministic,
            hypothesis: false,
            agent: None,
            stand_in: Some("it was off".to_owned()),
            answer: explain(failures),
            deterministic: explain(failures),
        }
    }

    fn seen(n: usize) -> Seen {
        Seen {
            run_id: format!("run-{n}"),
            ended_at: "2026-01-02T03:04:05Z".to_owned(),
            head: "abc".to_owned(),
            link: Some("https://github.example/o/r/actions/runs/1".to_owned()),
        }
    }

    fn made(report: &str) -> String {
        let failures = [failure(1)];
        let diagnosis = diagnosis(&failures);
        let seen = seen(1);
        body(&Told { failures: &failures, diagnosis: &diagnosis, bundle: "docs/audit", seen: &seen, report })
    }

    #[test]
    fn a_body_has_every_part_and_its_marks() {
        let text = made("# Report\n");
        assert_eq!(marks(&text), ["01".repeat(32)]);
        assert!(text.contains(&bundle_mark("docs/audit")));
        for part in
            ["## Error summary", "## Root cause", "## Remediation steps", "## Prevention", "<details>"]
        {
            assert!(text.contains(part), "{part}");
        }
        assert!(text.contains("[Workflow run](https://github.example/o/r/actions/runs/1)"));
        assert!(!text.contains("<b>") && !text.contains("@all"), "{text}");
        assert_eq!(title(&[failure(1)]), "auditrun: node N1 failed: check make test: error: ‹b›@all‹/b›");
        let proof = Failure { subject: "proof".to_owned(), what: "proof".to_owned(), ..failure(1) };
        assert_eq!(title(&[proof]), "auditrun: proof failed: error: ‹b›@all‹/b›");
    }

    #[test]
    fn a_long_report_is_cut_with_a_note_and_closed_blocks() {
        let report = format!("# Report\n\n```text\n{}", "line of output, with ü\n".repeat(20_000));
        let text = made(&report);
        let n = chars(&text);
        assert!(n <= LIMIT - RESERVE && n > LIMIT - RESERVE - 500, "{n}");
        assert!(text.ends_with("\n</details>\n"));
        let fold = text.split_once("<details>").unwrap().1;
        assert_eq!(fold.matches("```").count(), 2, "the block that the cut left open is closed");
        assert!(fold.contains("_Cut here: "), "{}", &fold[fold.len() - 300..]);
    }

    #[test]
    fn the_table_grows_by_a_row_for_each_occurrence_and_stays_bounded() {
        let mut text = made(&"x\n".repeat(60_000));
        assert!(seen(1).stands_in(&text));
        assert_eq!(with_row(&text, &seen(1)), None, "twice is once");
        for n in 2..40 {
            text = with_row(&text, &seen(n)).unwrap();
            assert!(chars(&text) <= LIMIT);
        }
        assert!(text.contains("\n19 earlier ones are not shown.\n"), "{text}");
        assert!(seen(39).stands_in(&text) && !seen(19).stands_in(&text) && seen(20).stands_in(&text));
        assert_eq!(with_row("somebody wrote this anew", &seen(1)), None);
    }

    #[test]
    fn many_failures_are_one_issue_that_names_them_all() {
        let failures: Vec<Failure> = (1..=12).map(failure).collect();
        let diagnosis = diagnosis(&failures);
        let seen = seen(1);
        let told = Told {
            failures: &failures,
            diagnosis: &diagnosis,
            bundle: "",
            seen: &seen,
            report: "# Report\n",
        };
        let text = body(&told);
        assert_eq!(marks(&text).len(), 12);
        assert!(text.contains(MANY) && text.contains("2 more in the report"));
        assert_eq!(title(&failures), "auditrun: 12 failures in one run, first node N1");
        assert!(chars(&comment(&told)) < LIMIT);
    }

    #[test]
    fn a_folder_s_name_can_not_end_its_mark() {
        assert_eq!(bundle_mark("a--><b"), "<!-- auditrun:bundle=a- -b -->");
    }
}
