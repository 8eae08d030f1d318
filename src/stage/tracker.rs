//! Failure issues in a repository's tracker: found by their hidden marks, never by labels or
//! titles; made once, then commented; closed when asked.

use serde_json::{Value, json};

use super::api::{Api, Call, Reply, Trouble};
use super::body;

/// Pages of a hundred open issues that are looked through, newest change first.
const PAGES: u32 = 30;
/// How often a call that may have been carried out is looked for and made again.
const ROUNDS: u32 = 3;
/// Colour of a label that is made.
const COLOR: &str = "b60205";

/// A repository's issues.
pub struct Tracker<'a> {
    /// What is called.
    pub api: Api<'a>,
    /// `owner/name`.
    pub repository: &'a str,
}

/// An open issue of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
}

/// What is to stand there.
pub struct Draft<'a> {
    /// One line.
    pub title: &'a str,
    /// The text of a new issue.
    pub body: &'a str,
    /// The text of a comment on an open one.
    pub comment: &'a str,
    /// For a new issue.
    pub labels: &'a [String],
    /// What an open one is found by.
    pub fingerprints: &'a [&'a str],
    /// The row of an open one's table.
    pub seen: &'a body::Seen,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filed {
    /// A new issue.
    Created(Open),
    /// A comment and a row.
    Commented(Open),
    /// Nothing: this run has its row already.
    Known(Open),
}

impl Tracker<'_> {
    /// Makes an issue, or tells an open one of the failure. `notes` gets what went wrong beside it.
    ///
    /// # Errors
    /// Nothing was filed; why.
    pub fn file(&self, draft: &Draft<'_>, notes: &mut Vec<String>) -> Result<Filed, Trouble> {
        let mut known = self.open_issues()?;
        for round in 1.. {
            if let Some(open) = self.find(&known, draft)? {
                if draft.seen.stands_in(&open.body) {
                    // By an earlier round, if this is a later one.
                    return Ok(if round == 1 { Filed::Known(open) } else { Filed::Created(open) });
                }
                return self.tell(&open, draft, notes).map(|()| Filed::Commented(open));
            }
            if round == 1 {
                notes.extend(self.make_labels(draft.labels));
            }
            match self.create(draft, notes) {
                Ok(open) => return Ok(Filed::Created(open)),
                Err(trouble) if trouble.unclear && round < ROUNDS => {
                    // It may be there: whoever makes another one looks first.
                    self.api.breathe();
                    known = self.open_issues()?;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Err(Trouble { why: "it was not tried".to_owned(), unclear: false })
    }

    /// Every open issue with one of our marks.
    ///
    /// # Errors
    /// The list can't be had.
    pub fn open_issues(&self) -> Result<Vec<Open>, Trouble> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let query = format!("?state=open&sort=updated&direction=desc&per_page=100&page={page}");
            let reply = self.get(&format!("/issues{query}"))?;
            let listed = reply.body.as_array().map(Vec::as_slice).unwrap_or_default();
            all.extend(listed.iter().filter_map(ours));
            if !reply.has_next() {
                break;
            }
        }
        Ok(all)
    }

    /// The open issue about just these failures, or about many among which these are.
    fn find(&self, known: &[Open], draft: &Draft<'_>) -> Result<Option<Open>, Trouble> {
        let wanted = draft.fingerprints;
        let shared = |open: &&Open| {
            let marks = body::marks(&open.body);
            let both = wanted.iter().filter(|f| marks.contains(f)).count();
            // One about many is the same if at least half of what failed is in it.
            let alike =
                if wanted.len() > 1 { both * 2 >= wanted.len() && marks.len() > 1 } else { both == 1 };
            alike.then_some(both)
        };
        let best = known.iter().filter(|open| shared(open).is_some()).max_by_key(|open| {
            // Its own issue before one about many; the oldest of twins that others made.
            let own = body::marks(&open.body).len() == wanted.len();
            (own, shared(open), std::cmp::Reverse(open.number))
        });
        match (best, wanted) {
            (Some(open), _) => Ok(Some(open.clone())),
            (None, [one]) if known.len() >= 100 * PAGES as usize => self.search(one),
            (None, _) => Ok(None),
        }
    }

    /// For a repository with more open issues than are looked through.
    fn search(&self, fingerprint: &str) -> Result<Option<Open>, Trouble> {
        let path = format!(
            "/search/issues?q=%22{fingerprint}%22+repo:{}+is:issue+is:open+in:body&per_page=10",
            self.repository
        );
        let reply = checked(self.api.call(Call { method: "GET", path: &path, body: None })?)?;
        let items = reply.body.get("items").and_then(Value::as_array);
        let found = items.into_iter().flatten().filter_map(ours);
        Ok(found.filter(|open| body::marks(&open.body).contains(&fingerprint)).min_by_key(|open| open.number))
    }

    fn create(&self, draft: &Draft<'_>, notes: &mut Vec<String>) -> Result<Open, Trouble> {
        let mut content = json!({ "title": draft.title, "body": draft.body, "labels": draft.labels });
        let mut reply = self.post("/issues", &content)?;
        if reply.status == 422 && !draft.labels.is_empty() {
            notes.push(format!("the issue was made without labels: {}", reply.refusal()));
            content["labels"] = json!([]);
            reply = self.post("/issues", &content)?;
        }
        let reply = checked(reply)?;
        issue(&reply.body)
            .ok_or_else(|| Trouble { why: "the answer holds no issue".to_owned(), unclear: true })
    }

    /// A row in the table, then a comment: the row says that this run was told of.
    fn tell(&self, open: &Open, draft: &Draft<'_>, notes: &mut Vec<String>) -> Result<(), Trouble> {
        match body::with_row(&open.body, draft.seen) {
            Some(text) => {
                let path = format!("/issues/{}", open.number);
                checked(self.send("PATCH", &path, Some(&json!({ "body": text })))?)?;
            }
            None => notes.push(format!("issue #{} has no table of occurrences any more", open.number)),
        }
        self.comment(open.number, draft.comment)
    }

    fn comment(&self, number: u64, text: &str) -> Result<(), Trouble> {
        checked(self.post(&format!("/issues/{number}/comments"), &json!({ "body": text }))?).map(drop)
    }

    /// Closes an issue, with a last word.
    ///
    /// # Errors
    /// It stays open; why.
    pub fn close(&self, number: u64, farewell: &str) -> Result<(), Trouble> {
        self.comment(number, farewell)?;
        let closed = json!({ "state": "closed", "state_reason": "completed" });
        checked(self.send("PATCH", &format!("/issues/{number}"), Some(&closed))?).map(drop)
    }

    /// Makes those that are missing; what went wrong with them.
    fn make_labels(&self, labels: &[String]) -> Vec<String> {
        labels.iter().filter_map(|label| self.make_label(label).err()).map(|trouble| trouble.why).collect()
    }

    fn make_label(&self, label: &str) -> Result<(), Trouble> {
        let found = self.send("GET", &format!("/labels/{}", encoded(label)), None)?;
        if found.status != 404 {
            return Ok(());
        }
        let content = json!({ "name": label, "color": COLOR, "description": "made by auditrun" });
        let made = self.post("/labels", &content)?;
        // 422: somebody else made it just now.
        if made.ok() || made.status == 422 {
            return Ok(());
        }
        Err(Trouble { why: format!("the label {label:?} was not made: {}", made.refusal()), unclear: false })
    }

    fn get(&self, path: &str) -> Result<Reply, Trouble> {
        checked(self.send("GET", path, None)?)
    }

    fn post(&self, path: &str, content: &Value) -> Result<Reply, Trouble> {
        self.send("POST", path, Some(content))
    }

    fn send(&self, method: &'static str, path: &str, content: Option<&Value>) -> Result<Reply, Trouble> {
        let path = format!("/repos/{}{path}", self.repository);
        self.api.call(Call { method, path: &path, body: content })
    }
}

fn checked(reply: Reply) -> Result<Reply, Trouble> {
    if reply.ok() { Ok(reply) } else { Err(Trouble { why: reply.refusal(), unclear: false }) }
}

/// An issue (no pull request) that is marked as ours.
fn ours(value: &Value) -> Option<Open> {
    let open = issue(value)?;
    (value.get("pull_request").is_none() && !body::marks(&open.body).is_empty()).then_some(open)
}

fn issue(value: &Value) -> Option<Open> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Open {
        number: value.get("number")?.as_u64()?,
        url: text("html_url"),
        title: text("title"),
        body: text("body"),
    })
}

/// A part of a path.
fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_part_of_a_path() {
        assert_eq!(encoded("agent:a b/ü"), "agent%3Aa%20b%2F%C3%BC");
    }

    #[test]
    fn pull_requests_and_others_issues_are_not_ours() {
        let body = body::mark(&"ab".repeat(32));
        assert!(ours(&json!({ "number": 1, "body": body })).is_some());
        assert!(ours(&json!({ "number": 1, "body": body, "pull_request": {} })).is_none());
        assert!(ours(&json!({ "number": 1, "body": null })).is_none());
    }
}
