//! What a target's outcome depends on, as one fingerprint, and in words what differs from
//! the last success.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Variables;
use super::files::Input;
use crate::base::digest::{Hasher, sha256_hex};
use crate::config::{Config, Target};

/// Differences that are named; more are counted.
const NAMED: usize = 5;

/// Everything that decides whether a target has to run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Digest or value by what it is: `steps`, `shell`, `param NAME`, `env NAME`, `need NAME`.
    pub values: BTreeMap<String, String>,
    /// The files.
    pub inputs: Vec<Input>,
}

impl Facts {
    /// The facts of a target; `needs` are names and fingerprints.
    pub fn of(
        config: &Config,
        target: &Target,
        params: &BTreeMap<String, String>,
        variables: &Variables,
        needs: &[(&str, String)],
        inputs: Vec<Input>,
    ) -> Facts {
        let digest = |text: &str| sha256_hex(text.as_bytes());
        let mut values = BTreeMap::new();
        let mut put = |key: String, value: String| _ = values.insert(key, value);
        put("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        put("shell".to_owned(), config.shell.value.join(" "));
        put("steps".to_owned(), target.steps.as_ref().map_or_else(String::new, |s| digest(&s.text)));
        put("cwd".to_owned(), target.cwd.as_ref().map_or_else(String::new, |c| c.value.clone()));
        put(
            "outputs".to_owned(),
            target.outputs.iter().map(|o| o.value.as_str()).collect::<Vec<_>>().join("\n"),
        );
        params.iter().for_each(|(name, value)| put(format!("param {name}"), value.clone()));
        // A value may be secret, so it is kept as a digest.
        variables.relevant(target).iter().for_each(|(name, value)| put(format!("env {name}"), digest(value)));
        needs.iter().for_each(|(name, print)| put(format!("need {name}"), print.clone()));
        Facts { values, inputs }
    }

    /// SHA-256 over all of it, each part with its length before it.
    pub fn fingerprint(&self) -> String {
        let mut hasher = Hasher::default();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for (key, value) in &self.values {
            part(key.as_bytes());
            part(value.as_bytes());
        }
        part(b"inputs");
        for input in &self.inputs {
            part(input.path.as_bytes());
            part(&input.mode.to_le_bytes());
            part(input.link.as_deref().unwrap_or("").as_bytes());
            part(input.digest.as_bytes());
        }
        hasher.hex()
    }

    /// True if the outcome of both is the same: where files lie on the disk decides nothing.
    pub fn same(&self, other: &Facts) -> bool {
        let same = |(a, b): (&Input, &Input)| {
            a.path == b.path && a.mode == b.mode && a.link == b.link && a.digest == b.digest
        };
        self.values == other.values
            && self.inputs.len() == other.inputs.len()
            && self.inputs.iter().zip(&other.inputs).all(same)
    }

    /// What changed since `before`, as a person would say it.
    pub fn differences(&self, before: &Facts) -> Vec<String> {
        let mut all = Vec::new();
        self.input_differences(before, &mut all);
        let keys: std::collections::BTreeSet<&String> =
            self.values.keys().chain(before.values.keys()).collect();
        for key in keys {
            let (old, new) = (before.values.get(key), self.values.get(key));
            if old != new {
                all.push(value_difference(key, old.map(String::as_str), new.map(String::as_str)));
            }
        }
        let more = all.len().saturating_sub(NAMED);
        all.truncate(NAMED);
        if more > 0 {
            all.push(format!("and {more} more"));
        }
        all
    }

    fn input_differences(&self, before: &Facts, all: &mut Vec<String>) {
        let by_path = |facts: &Facts| -> BTreeMap<String, Input> {
            facts.inputs.iter().map(|i| (i.path.clone(), i.clone())).collect()
        };
        let (old, new) = (by_path(before), by_path(self));
        for (path, input) in &new {
            match old.get(path) {
                None => all.push(format!("input {path} was added")),
                Some(was) if was.digest != input.digest => all.push(format!("input {path} changed")),
                Some(was) if was.link != input.link => all.push(format!("input {path} points elsewhere")),
                Some(was) if was.mode != input.mode => {
                    all.push(format!("input {path}: mode {:o} became {:o}", was.mode, input.mode));
                }
                Some(_) => {}
            }
        }
        all.extend(old.keys().filter(|p| !new.contains_key(*p)).map(|p| format!("input {p} was removed")));
    }
}

fn value_difference(key: &str, old: Option<&str>, new: Option<&str>) -> String {
    match (key.split_once(' '), old, new) {
        (Some(("param", name)), Some(old), Some(new)) => format!("param {name}: '{old}' became '{new}'"),
        (Some(("param", name)), None, _) => format!("param {name} is new"),
        (Some(("param", name)), _, None) => format!("param {name} is gone"),
        (Some(("env", name)), None, _) => format!("variable {name} is new"),
        (Some(("env", name)), _, None) => format!("variable {name} is gone"),
        (Some(("env", name)), ..) => format!("variable {name} changed"),
        (Some(("need", name)), None, _) => format!("it needs '{name}' now"),
        (Some(("need", name)), _, None) => format!("it no longer needs '{name}'"),
        (Some(("need", name)), ..) => format!("need '{name}' changed"),
        _ if key == "version" => "auditrun's version changed".to_owned(),
        _ => format!("{key} changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(values: &[(&str, &str)], inputs: &[(&str, u32, &str)]) -> Facts {
        let input = |(path, mode, digest): &(&str, u32, &str)| Input {
            path: (*path).to_owned(),
            mode: *mode,
            link: None,
            digest: (*digest).to_owned(),
            stat: [0; 5],
        };
        Facts {
            values: values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            inputs: inputs.iter().map(input).collect(),
        }
    }

    #[test]
    fn each_difference_is_named() {
        let old = facts(
            &[("param base", "main"), ("env A", "1"), ("need x", "1")],
            &[("a", 0o644, "1"), ("b", 0o644, "1")],
        );
        let new = facts(
            &[("param base", "dev"), ("env A", "2"), ("steps", "s")],
            &[("a", 0o755, "1"), ("c", 0o644, "1")],
        );
        assert_eq!(
            new.differences(&old),
            [
                "input a: mode 644 became 755",
                "input c was added",
                "input b was removed",
                "variable A changed",
                "it no longer needs 'x'",
                "and 2 more"
            ]
        );
        assert!(old.differences(&old).is_empty());
    }

    #[test]
    fn the_fingerprint_sees_everything_but_the_stat() {
        let base = facts(&[("steps", "s")], &[("a", 0o644, "1")]);
        let mut touched = base.clone();
        touched.inputs[0].stat = [1; 5];
        assert_eq!(base.fingerprint(), touched.fingerprint());
        assert!(base.same(&touched));
        let others = [
            facts(&[("steps", "t")], &[("a", 0o644, "1")]),
            facts(&[("steps", "s")], &[("a", 0o755, "1")]),
            facts(&[("steps", "s")], &[("a", 0o644, "2")]),
            facts(&[("steps", "s")], &[("b", 0o644, "1")]),
            facts(&[("steps", "s")], &[]),
        ];
        for other in others {
            assert_ne!(base.fingerprint(), other.fingerprint());
            assert!(!base.same(&other));
        }
    }
}
