//! Settings of one value, `bounds`, `loc-confidence`, `audit`, `forge`, `notify`.

use std::time::Duration;

use super::super::model::{
    AuditSettings, Bounds, EnvBlock, ExpectedSignal, ForgeSettings, LocPolicy, LocRow, Notify, Origin,
    RemediateFrom, Setting,
};
use super::super::raw::Slot;
use super::super::show::{Show, bytes};
use super::super::{steps, types};
use super::Resolver;
use crate::base::Pattern;
use crate::base::layout::join;
use crate::diag::{Diag, Spanned};

/// Plain settings of the top level.
pub(super) struct Basics {
    pub expected_signal: Setting<ExpectedSignal>,
    pub remediation: Setting<u8>,
    pub remediate_from: Setting<RemediateFrom>,
    pub sign: Setting<bool>,
    pub author: Setting<String>,
    pub grace: Setting<Duration>,
    pub check_timeout: Setting<Duration>,
    pub log_limit: Setting<u64>,
    pub disk_limit: Option<Setting<u64>>,
    pub process_limit: Setting<u64>,
    pub shell: Setting<Vec<String>>,
    pub loc_exclude: Setting<Vec<Pattern>>,
}

/// What the steps of `notify` can read; what doesn't apply to an event is empty.
pub const NOTIFY_VARIABLES: [&str; 8] =
    ["BRANCH", "EVENT", "META_SLICE", "OUT", "REASON", "RUN_ID", "STATUS", "URGENCY"];

impl Resolver<'_> {
    /// `bundle` or `out`: written relative to audit.kdl's folder, resolved from the root.
    pub(super) fn directory(&mut self, key: &str, slot: &Slot<String>) -> Option<Setting<String>> {
        let flags = self.layers.input.flags;
        let (flag, name, variable) = match key {
            "bundle" => (&flags.bundle, "--bundle", "AUDIT_BUNDLE"),
            _ => (&flags.out, "--out", "AUDIT_OUT"),
        };
        let flag = self.flag(name, flag.as_ref(), "a directory inside the repository", |d| {
            types::normalize(d).is_some()
        });
        let over = flag.or_else(|| {
            let expected = "a directory inside the repository, relative to its root";
            self.env_value(variable, expected, |t| {
                Some(t.to_owned()).filter(|t| types::normalize(t).is_some())
            })
        });
        let over = over.map(|s| Setting { value: types::normalize(&s.value).unwrap_or_default(), ..s });
        let written = self.rooted(slot);
        self.maybe(key, over, &written)
    }

    /// audit.kdl names a bundle, and a flag or a variable chose another one.
    pub(super) fn about_another(&self, chosen: Option<&Setting<String>>, slot: &Slot<String>) -> bool {
        let own = |written: &Spanned<String>| types::normalize(&join(self.layers.folder, &written.value));
        let typed = chosen.filter(|c| !matches!(c.origin, Origin::Written(_)));
        match (typed, slot) {
            (Some(typed), Some(written)) => own(written).is_some_and(|own| own != typed.value),
            _ => false,
        }
    }

    fn rooted(&mut self, slot: &Slot<String>) -> Slot<String> {
        let written = slot.as_ref()?;
        let relative = types::normalize(&written.value).is_some() || written.value.starts_with("..");
        match types::normalize(&join(self.layers.folder, &written.value)).filter(|_| relative) {
            Some(path) => Some(Spanned::new(path, written.span.clone())),
            None => {
                let message = format!("{:?} does not lie inside the repository", written.value);
                let help = "write a directory relative to audit.kdl's folder";
                self.diags.push(Diag::error("config::bad-value", message).at(&written.span, "").help(help));
                None
            }
        }
    }

    pub(super) fn concurrency(&mut self) -> Option<Setting<usize>> {
        let over = self.over_parallel();
        let (user, default) = (&self.layers.user.raw.basics, &self.layers.defaults.raw.basics);
        self.layered("concurrency", over, &user.concurrency, &default.concurrency)
    }

    pub(super) fn bounds(&mut self) -> Option<Bounds> {
        let (user, default) = (&self.layers.user.raw.bounds, &self.layers.defaults.raw.bounds);
        let iterations = self.over_iterations();
        let timeout = self.over_timeout();
        let cost = self.over_cost();
        let tokens = self.over_tokens();
        Some(Bounds {
            max_iterations: self.layered(
                "bounds max-iterations",
                iterations,
                &user.max_iterations,
                &default.max_iterations,
            )?,
            timeout: self.layered("bounds timeout", timeout, &user.timeout, &default.timeout)?,
            cost_usd: self.maybe("bounds cost-usd", cost, &user.cost_usd),
            tokens: self.maybe("bounds tokens", tokens, &user.tokens),
        })
    }

    pub(super) fn loc(&mut self) -> Option<LocPolicy> {
        let (user, default) = (&self.layers.user.raw.loc, &self.layers.defaults.raw.loc);
        Some(LocPolicy {
            default: self.setting("loc-confidence", &user.default, &default.default)?,
            tight: self.row("tight", &user.tight, &default.tight)?,
            rough: self.row("rough", &user.rough, &default.rough)?,
            extreme: self.setting("loc-confidence extreme factor", &user.extreme, &default.extreme)?,
        })
    }

    /// The row's origin is that of the cell that differs from the default, if one does.
    fn row(
        &mut self,
        name: &str,
        user: &super::super::raw::RawRow,
        default: &super::super::raw::RawRow,
    ) -> Option<Setting<LocRow>> {
        let factor = self.setting(&format!("loc-confidence {name} factor"), &user.factor, &default.factor)?;
        let floor = self.setting(&format!("loc-confidence {name} floor"), &user.floor, &default.floor)?;
        let value = LocRow { factor: factor.value, floor: floor.value };
        let origin = if user.factor.is_none() { floor.origin } else { factor.origin };
        Some(Setting { value, origin })
    }

    pub(super) fn basics(&mut self) -> Option<Basics> {
        let (user, default) = (&self.layers.user.raw.basics, &self.layers.defaults.raw.basics);
        Some(Basics {
            loc_exclude: self.setting("loc-exclude", &user.loc_exclude, &default.loc_exclude)?,
            expected_signal: self.setting(
                "expected-signal",
                &user.expected_signal,
                &default.expected_signal,
            )?,
            remediation: self.setting("remediation", &user.remediation, &default.remediation)?,
            remediate_from: self.setting(
                "remediation from",
                &user.remediate_from,
                &default.remediate_from,
            )?,
            sign: self.setting("sign", &user.sign, &default.sign)?,
            author: self.setting("author", &user.author, &default.author)?,
            grace: self.setting("grace", &user.grace, &default.grace)?,
            check_timeout: self.setting("check-timeout", &user.check_timeout, &default.check_timeout)?,
            log_limit: self.size("log-limit", &user.log_limit, &default.log_limit)?,
            disk_limit: self.size("disk-limit", &user.disk_limit, &default.disk_limit),
            process_limit: self.setting("process-limit", &user.process_limit, &default.process_limit)?,
            shell: self.setting("shell", &user.shell, &default.shell)?,
        })
    }

    /// A number of bytes, listed with its unit.
    fn size(&mut self, path: &str, user: &Slot<u64>, default: &Slot<u64>) -> Option<Setting<u64>> {
        let found = self.written(user).or_else(|| self.written(default));
        match &found {
            Some(setting) => self.list(path, bytes(setting.value), Some(setting.origin.clone())),
            None => self.list_unset(path),
        }
        found
    }

    /// The first of `blocks` in which a name stands decides about it.
    pub(super) fn env(&mut self, path: &str, blocks: &[&EnvBlock]) -> EnvBlock {
        let mut all = EnvBlock::default();
        for block in blocks {
            let taken = |all: &EnvBlock, name: &str| {
                all.pass.iter().any(|p| p.value == name) || all.set.iter().any(|(n, _)| n == name)
            };
            for name in &block.pass {
                if !taken(&all, &name.value) {
                    all.pass.push(name.clone());
                }
            }
            for (name, value) in &block.set {
                if !taken(&all, name) {
                    all.set.push((name.clone(), value.clone()));
                }
            }
        }
        if !all.pass.is_empty() || path == "env" {
            self.list_many(&format!("{path} pass"), &all.pass);
        }
        for (name, value) in &all.set {
            let origin = self.origin(&value.span);
            self.list(&format!("{path} {name}"), value.show(), Some(origin));
        }
        all
    }

    pub(super) fn audit(&mut self) -> AuditSettings {
        let (user, default) = (&self.layers.user.raw.audit, &self.layers.defaults.raw.audit);
        let merged = AuditSettings {
            create_issues: user.create_issues.clone().or_else(|| default.create_issues.clone()),
            issue_labels: user.issue_labels.clone(),
            repository: user.repository.clone(),
            diagnose: user.diagnose.clone().or_else(|| default.diagnose.clone()),
            close_on_green: user.close_on_green.clone().or_else(|| default.close_on_green.clone()),
        };
        self.optional("audit create-issues", &merged.create_issues);
        self.list_many("audit issue-labels", &merged.issue_labels);
        self.optional("audit repository", &merged.repository);
        self.optional("audit diagnose", &merged.diagnose);
        self.optional("audit close-on-green", &merged.close_on_green);
        merged
    }

    pub(super) fn forge(&mut self) -> Option<ForgeSettings> {
        let (user, default) = (&self.layers.user.raw.forge, &self.layers.defaults.raw.forge);
        let found = ForgeSettings {
            patience: self.setting("forge patience", &user.patience, &default.patience)?,
            stuck_below: self.setting("forge stuck-below", &user.stuck_below, &default.stuck_below)?,
            recursion_depth: self.setting(
                "forge recursion-depth",
                &user.recursion_depth,
                &default.recursion_depth,
            )?,
            dashboard_port: self.setting(
                "forge dashboard port",
                &user.dashboard_port,
                &default.dashboard_port,
            )?,
            database: self.setting("forge database", &user.database, &default.database)?,
            offer_lessons: self.setting(
                "forge offer-lessons",
                &user.offer_lessons,
                &default.offer_lessons,
            )?,
            parts: user.parts.clone(),
        };
        self.list_many("forge parts", &found.parts);
        Some(found)
    }

    pub(super) fn notify(&mut self) -> Vec<Notify> {
        let known = NOTIFY_VARIABLES.iter().map(|v| (*v).to_owned()).collect();
        let mut all = Vec::new();
        for raw in &self.layers.user.raw.notify {
            self.diags.extend(steps::check_target(&raw.run, &known));
            let events: Vec<_> = raw.events.iter().map(|e| e.value.as_str()).collect();
            let origin = self.origin(&raw.run.span);
            let path = format!("notify on {}", events.join(" "));
            self.list(&path, raw.run.text.show(), Some(origin));
            all.push(Notify { events: raw.events.clone(), run: raw.run.clone() });
        }
        if all.is_empty() {
            self.list_unset("notify");
        }
        all
    }
}
