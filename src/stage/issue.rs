//! Tells a repository's tracker of a failed run, or writes down what it would have been told.
//! Only a repository that is named is told, only with a token or, if audit.kdl names it, by the
//! operator's own `gh`. Whatever goes wrong is said and changes nothing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Scene;
use super::api::{Api, Transport};
use super::body::{self, Seen, Told};
use super::gh::Gh;
use super::policy::{self, Wanted};
use super::rest::Rest;
use super::tracker::{Draft, Filed, Tracker};
use crate::base::text::shell_quote;
use crate::event::{Diagnosis, Failure, IssueAction, IssueDecision, IssueReport, NodeStatus};
use crate::journal::RunState;

/// How long GitHub may take in all.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where an issue lies that was not sent, relative to out.
const OUTBOX: &str = "audit/issue.md";

/// What the tracker is told.
pub struct Occasion<'a> {
    /// The run.
    pub state: &'a RunState,
    /// What failed; nothing after a green run.
    pub failures: &'a [Failure],
    /// The diagnosis of the whole run; none after a green one.
    pub diagnosis: Option<&'a Diagnosis>,
    /// audit/report.md.
    pub report: &'a str,
    /// The bundle's folder.
    pub bundle: &'a str,
    /// The fingerprints of each earlier run, newest first.
    pub earlier: &'a [BTreeSet<String>],
}

/// What came of it.
#[derive(Default)]
pub struct Sent {
    /// audit/issue.json; none if there was nothing to tell.
    pub report: Option<IssueReport>,
    /// audit/issue.md and its like, by their paths relative to out.
    pub files: Vec<(String, Vec<u8>)>,
    /// What went wrong.
    pub problems: Vec<String>,
}

/// Sends what is to be sent, and writes the rest down.
pub fn issues(scene: &Scene<'_>, occasion: &Occasion<'_>) -> Sent {
    let wanted = policy::wanted(scene.config, occasion.failures, occasion.earlier);
    let green = closes(scene, occasion.state);
    if wanted.is_empty() && !green {
        return Sent::default();
    }
    let mut problems = Vec::new();
    let route = Route::of(scene, &mut problems);
    let mut desk = Desk {
        scene,
        occasion,
        route,
        until: Instant::now() + PATIENCE,
        via: None,
        files: Vec::new(),
        problems,
    };
    let mut issues: Vec<IssueDecision> = wanted.iter().map(|wanted| desk.decide(wanted)).collect();
    if green {
        issues.extend(desk.close_all());
    }
    let how_to_send = desk.how_to_send(&issues);
    let Desk { route, via, files, problems, .. } = desk;
    let report = IssueReport {
        schema: "auditrun.issue/1".to_owned(),
        run_id: occasion.state.run_id().to_owned(),
        ended_at: super::ended_at(occasion.state),
        repository: route.repository,
        via: via.map(str::to_owned),
        issues,
        how_to_send,
    };
    let nothing = report.issues.is_empty() && problems.is_empty();
    Sent { report: (!nothing).then_some(report), files, problems }
}

/// A proven run closes what earlier ones opened, if audit.kdl says so.
fn closes(scene: &Scene<'_>, state: &RunState) -> bool {
    let on = scene.config.audit.close_on_green.as_ref().is_some_and(|on| on.value);
    let proven = state.proof.as_ref().is_some_and(|proof| proof.complete);
    let verified = state.nodes.iter().all(|node| node.status() == Some(NodeStatus::Verified));
    on && proven && verified
}

/// Which repository is told, and how.
struct Route<'a> {
    repository: Option<String>,
    transports: Vec<Box<dyn Transport + 'a>>,
    /// Why none of it is used, if so.
    barred: Option<String>,
}

impl<'a> Route<'a> {
    fn of(scene: &Scene<'a>, problems: &mut Vec<String>) -> Route<'a> {
        let named = scene.config.audit.repository.as_ref().map(|name| name.value.as_str());
        let by_ci = scene.operator.get("GITHUB_REPOSITORY").map(String::as_str);
        let name = named.or(by_ci).map(str::trim).filter(|name| !name.is_empty());
        let repository = name.and_then(policy::repository).map(str::to_owned);
        let mut route = Route { repository, transports: Vec::new(), barred: None };
        if let (Some(name), None) = (name, &route.repository) {
            problems.push(format!("{name:?} is no repository: it is written owner/name"));
        }
        route.barred = route.why_barred(scene);
        if route.barred.is_some() {
            return route;
        }
        match Rest::new(scene.operator) {
            Ok(rest) => route.transports.extend(rest.map(|rest| Box::new(rest) as Box<dyn Transport>)),
            Err(why) => problems.push(why),
        }
        let path = scene.operator.get("PATH").cloned().unwrap_or_default();
        if named.is_some() && which::which_in("gh", Some(path), scene.scratch).is_ok() {
            route.transports.push(Box::new(Gh {
                runner: scene.runner,
                operator: scene.operator,
                cwd: scene.scratch,
                cancel: scene.cancel,
            }));
        }
        if route.transports.is_empty() {
            let gh = if named.is_some() { ", and gh is not installed" } else { "" };
            route.barred = Some(format!("there is no GITHUB_TOKEN that could be used{gh}"));
        }
        route
    }

    fn why_barred(&self, scene: &Scene<'_>) -> Option<String> {
        if self.repository.is_none() {
            return Some("no repository is named".to_owned());
        }
        if !scene.live {
            return Some("the run is an archived one".to_owned());
        }
        scene.interrupted().then(|| "nothing is sent after an interrupt".to_owned())
    }
}

/// Where the issues of one run are dealt with.
struct Desk<'a> {
    scene: &'a Scene<'a>,
    occasion: &'a Occasion<'a>,
    route: Route<'a>,
    until: Instant,
    via: Option<&'static str>,
    files: Vec<(String, Vec<u8>)>,
    problems: Vec<String>,
}

impl Desk<'_> {
    fn masked(&self, text: &str) -> String {
        self.scene.containment.masker().text(text).into_owned()
    }

    fn decide(&mut self, wanted: &Wanted) -> IssueDecision {
        let title = self.masked(&body::title(&wanted.failures));
        let mut decision = IssueDecision {
            action: IssueAction::Waiting,
            fingerprints: wanted.failures.iter().map(|f| f.fingerprint.clone()).collect(),
            title,
            labels: wanted.labels.iter().map(|label| self.masked(label)).collect(),
            number: None,
            url: None,
            file: None,
            why: String::new(),
        };
        if let Some(runs) = wanted.too_few {
            let class = wanted.failures.first().map_or("", |f| f.class.name());
            let of = policy::REPEATED;
            decision.why =
                format!("trouble that passes ({class}): seen in {runs} of the {of} runs that make an issue");
            return decision;
        }
        let seen = self.seen();
        let Some((text, comment)) = self.texts(&wanted.failures, &seen) else { return decision };
        let fingerprints: Vec<&str> = wanted.failures.iter().map(|f| f.fingerprint.as_str()).collect();
        let draft = Draft {
            title: &decision.title.clone(),
            body: &text,
            comment: &comment,
            labels: &decision.labels.clone(),
            fingerprints: &fingerprints,
            seen: &seen,
        };
        let sent = match self.route.barred.clone() {
            Some(why) => Err(why),
            None => self.send(&draft),
        };
        match sent {
            Ok(filed) => filed_as(&mut decision, filed),
            Err(why) => {
                decision.action = IssueAction::Unsent;
                decision.file = Some(self.keep(text));
                decision.why = why;
            }
        }
        decision
    }

    /// The text of a new issue, and of a comment on an open one.
    fn texts(&self, failures: &[Failure], seen: &Seen) -> Option<(String, String)> {
        let report = self.masked(self.occasion.report);
        let told = Told {
            failures,
            diagnosis: self.occasion.diagnosis?,
            bundle: self.occasion.bundle,
            seen,
            report: &report,
        };
        Some((self.masked(&body::body(&told)), self.masked(&body::comment(&told))))
    }

    /// By the first way that works.
    fn send(&mut self, draft: &Draft<'_>) -> Result<Filed, String> {
        let mut whys = Vec::new();
        for transport in &self.route.transports {
            let Some(tracker) = self.tracker(&**transport) else { break };
            let mut notes = Vec::new();
            let filed = tracker.file(draft, &mut notes);
            self.problems.append(&mut notes);
            match filed {
                Ok(filed) => {
                    self.via = Some(transport.name());
                    return Ok(filed);
                }
                Err(trouble) => whys.push(format!("{}: {}", transport.name(), trouble.why)),
            }
        }
        let why = self.masked(&whys.join("; "));
        self.problems.push(format!("the failure issue was not sent: {why}"));
        Err(why)
    }

    fn tracker<'t>(&'t self, transport: &'t dyn Transport) -> Option<Tracker<'t>> {
        let repository = self.route.repository.as_deref()?;
        let api = Api { transport, until: self.until, cancel: self.scene.cancel, clock: self.scene.clock };
        Some(Tracker { api, repository })
    }

    /// Closes every open issue about this bundle.
    fn close_all(&mut self) -> Vec<IssueDecision> {
        let Some(transport) = self.route.transports.first() else { return Vec::new() };
        let Some(tracker) = self.tracker(&**transport) else { return Vec::new() };
        let open = match tracker.open_issues() {
            Ok(open) => open,
            Err(trouble) => {
                self.problems.push(format!("open issues were not looked for: {}", trouble.why));
                return Vec::new();
            }
        };
        let mark = body::bundle_mark(self.occasion.bundle);
        let seen = self.seen();
        let farewell = self.masked(&body::farewell(&seen, &seen.head));
        let (mut closed, mut problems) = (Vec::new(), Vec::new());
        for issue in open.into_iter().filter(|issue| issue.body.contains(&mark)) {
            match tracker.close(issue.number, &farewell) {
                Ok(()) => closed.push(IssueDecision {
                    action: IssueAction::Closed,
                    fingerprints: body::marks(&issue.body).into_iter().map(str::to_owned).collect(),
                    title: issue.title,
                    labels: Vec::new(),
                    number: Some(issue.number),
                    url: Some(issue.url),
                    file: None,
                    why: "a run of this bundle is proven".to_owned(),
                }),
                Err(trouble) => problems.push(format!("issue #{} stays open: {}", issue.number, trouble.why)),
            }
        }
        let name = transport.name();
        self.via = Some(name).filter(|_| !closed.is_empty()).or(self.via);
        self.problems.append(&mut problems);
        closed
    }

    /// Keeps a text for whoever sends it by hand.
    fn keep(&mut self, text: String) -> String {
        let path = match self.files.len() {
            0 => OUTBOX.to_owned(),
            n => OUTBOX.replace(".md", &format!("-{}.md", n + 1)),
        };
        self.files.push((path.clone(), text.into_bytes()));
        path
    }

    fn seen(&self) -> Seen {
        let state = self.occasion.state;
        let variable = |name: &str| self.scene.operator.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
        let page = || {
            let server = variable("GITHUB_SERVER_URL")?.trim_end_matches('/');
            let repository = policy::repository(variable("GITHUB_REPOSITORY")?)?;
            let run = variable("GITHUB_RUN_ID").filter(|id| id.bytes().all(|b| b.is_ascii_digit()))?;
            let plain =
                server.starts_with("http") && server.bytes().all(|b| b.is_ascii_graphic() && b != b')');
            plain.then(|| format!("{server}/{repository}/actions/runs/{run}"))
        };
        Seen {
            run_id: state.run_id().to_owned(),
            ended_at: super::ended_at(state).unwrap_or_default(),
            head: state.head().map(ToString::to_string).unwrap_or_default(),
            link: page(),
        }
    }

    /// What the operator can do about issues that were not sent.
    fn how_to_send(&self, issues: &[IssueDecision]) -> Vec<String> {
        let unsent = || issues.iter().filter(|issue| issue.action == IssueAction::Unsent);
        if unsent().next().is_none() {
            return Vec::new();
        }
        let out = self.scene.recorder.out();
        let repository = self.route.repository.as_deref().unwrap_or("OWNER/NAME");
        let mut labels: Vec<&String> = unsent().flat_map(|issue| &issue.labels).collect();
        labels.sort();
        labels.dedup();
        // `gh issue create` refuses a label that the repository does not have.
        let makes = labels.iter().map(|label| {
            format!("gh label create {} --repo {}", shell_quote(label), shell_quote(repository))
        });
        let mut ways: Vec<String> = makes.collect();
        ways.extend(unsent().map(|issue| {
            let file = out.join(issue.file.as_deref().unwrap_or(OUTBOX));
            let file = crate::run::context::shown(self.scene.repo.root(), &file);
            let labels = issue.labels.iter().map(|label| format!(" --label {}", shell_quote(label)));
            format!(
                "gh issue create --repo {} --title {} --body-file {}{}",
                shell_quote(repository),
                shell_quote(&issue.title),
                shell_quote(&file),
                labels.collect::<String>()
            )
        }));
        ways.push(
            "or name the repository (audit { repository \"owner/name\" } in audit.kdl, or GITHUB_REPOSITORY), set GITHUB_TOKEN, then: auditrun report".to_owned(),
        );
        ways
    }
}

fn filed_as(decision: &mut IssueDecision, filed: Filed) {
    let (action, issue, why) = match filed {
        Filed::Created(issue) => (IssueAction::Created, issue, "nothing open is about it"),
        Filed::Commented(issue) => (IssueAction::Commented, issue, "an open issue is about it"),
        Filed::Known(issue) => (IssueAction::Commented, issue, "an open issue tells of this run already"),
    };
    decision.action = action;
    decision.number = Some(issue.number);
    decision.url = Some(issue.url).filter(|url| !url.is_empty());
    decision.why = why.to_owned();
}
