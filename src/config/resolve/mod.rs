//! From raw to resolved: defaults, environment and flags applied in their order,
//! references checked, every effective value listed with its origin.

mod agents;
mod overrides;
mod places;
mod settings;
mod targets;

pub use overrides::VARIABLES;
pub use settings::NOTIFY_VARIABLES;

use std::collections::BTreeMap;

use super::include::Gathered;
use super::model::{Config, Explained, LoadInput, Origin, Setting};
use super::raw::Slot;
use super::show::{MASK, Show, quoted};
use crate::diag::{Diag, Diags, Source, Span, Spanned};

/// Everything that decides about a setting.
pub(super) struct Layers<'a> {
    pub input: &'a LoadInput<'a>,
    /// audit.kdl itself.
    pub source: Option<Source>,
    /// Its folder.
    pub folder: &'a str,
    pub user: &'a Gathered,
    pub defaults: &'a Gathered,
}

/// The configuration (`None` if the built-in defaults lack a setting, which is a bug) and
/// the problems that only show once everything is read.
pub(super) fn resolve(layers: &Layers) -> (Option<Config>, Diags) {
    let mut resolver = Resolver { layers, listing: Vec::new(), terse: false, diags: Diags::new() };
    resolver.unknown_variables();
    let config = resolver.config();
    (config, resolver.diags)
}

/// Collects the listing and the problems while settings are resolved.
struct Resolver<'a> {
    layers: &'a Layers<'a>,
    listing: Vec<Explained>,
    /// What is not set is not listed: the predeclared agents would bury the rest.
    terse: bool,
    diags: Diags,
}

impl Resolver<'_> {
    fn config(&mut self) -> Option<Config> {
        let (user, defaults) = (&self.layers.user.raw, &self.layers.defaults.raw);
        // The order is that of the defaults file, and so of the listing.
        let bundle = self.directory("bundle", &user.basics.bundle);
        let about_another_bundle = self.about_another(bundle.as_ref(), &user.basics.bundle);
        let out = self.directory("out", &user.basics.out);
        let concurrency = self.concurrency()?;
        let bounds = self.bounds()?;
        let loc = self.loc()?;
        let basics = self.basics()?;
        let env = self.env("env", &[&user.env, &defaults.env]);
        let dotenv = self.optional("dotenv", &user.basics.dotenv);
        let hotspots = self.hotspots();
        let invariants = self.invariants();
        let worktree = self.worktree()?;
        let agents = self.agents()?;
        let default_agent = self.default_agent(&agents)?;
        let roles = self.roles(&agents, &default_agent);
        let sandbox = self.sandbox()?;
        let nodes = self.nodes(&agents);
        let recipe = self.recipe()?;
        self.targets();
        let audit = self.audit();
        let forge = self.forge()?;
        let notify = self.notify();
        Some(Config {
            source: self.layers.source.clone(),
            sources: self.layers.user.sources.clone(),
            folder: self.layers.folder.to_owned(),
            bundle,
            about_another_bundle,
            out,
            concurrency,
            bounds,
            loc,
            expected_signal: basics.expected_signal,
            remediation: basics.remediation,
            remediate_from: basics.remediate_from,
            sign: basics.sign,
            author: basics.author,
            grace: basics.grace,
            check_timeout: basics.check_timeout,
            log_limit: basics.log_limit,
            disk_limit: basics.disk_limit,
            process_limit: basics.process_limit,
            shell: basics.shell,
            env,
            dotenv,
            hotspots,
            loc_exclude: basics.loc_exclude,
            invariants,
            worktree,
            agents,
            default_agent,
            roles,
            sandbox,
            nodes,
            recipe,
            // They are moved there at last: there may be many, and nothing of them changes.
            targets: Vec::new(),
            audit,
            forge,
            notify,
            secrets: self.layers.user.secrets.clone(),
            listing: std::mem::take(&mut self.listing),
        })
    }

    /// The origin of what stands at `span`.
    fn origin(&self, span: &Span) -> Origin {
        let built_in =
            span.source().name() == super::DEFAULTS_NAME && span.source().text() == super::DEFAULTS;
        if built_in { Origin::Default(span.clone()) } else { Origin::Written(span.clone()) }
    }

    /// A slot as a setting.
    fn written<T: Clone>(&self, slot: &Slot<T>) -> Option<Setting<T>> {
        let slot = slot.as_ref()?;
        Some(Setting { value: slot.value.clone(), origin: self.origin(&slot.span) })
    }

    /// Lists a value; secrets that it holds are masked.
    fn list(&mut self, path: &str, value: String, origin: Option<Origin>) {
        let secrets = self.layers.user.secrets.iter().filter(|s| !s.is_empty());
        let value = secrets.fold(value, |text, secret| {
            let plain = quoted(secret);
            let plain = plain.trim_matches('"');
            if text.contains(plain) { text.replace(plain, MASK) } else { text }
        });
        self.listing.push(Explained { path: path.to_owned(), value, origin });
    }

    fn list_setting<T: Show>(&mut self, path: &str, found: Option<&Setting<T>>) {
        match found {
            Some(setting) => self.list(path, setting.value.show(), Some(setting.origin.clone())),
            None => self.list_unset(path),
        }
    }

    fn list_unset(&mut self, path: &str) {
        if !self.terse {
            self.list(path, "not set".to_owned(), None);
        }
    }

    /// A list whose values have places of their own; the first one's stands for all.
    fn list_many<T: Show>(&mut self, path: &str, values: &[Spanned<T>]) {
        let Some(first) = values.first() else { return self.list_unset(path) };
        let origin = self.origin(&first.span);
        let shown: Vec<_> = values.iter().map(|v| v.value.show()).collect();
        self.list(path, shown.join(" "), Some(origin));
    }

    /// A setting that has a default: `over` (flag or environment), else the user's, else
    /// the built-in one.
    fn layered<T: Clone + Show>(
        &mut self,
        path: &str,
        over: Option<Setting<T>>,
        user: &Slot<T>,
        default: &Slot<T>,
    ) -> Option<Setting<T>> {
        let found = over.or_else(|| self.written(user)).or_else(|| self.written(default));
        if found.is_none() {
            let message = format!("the built-in defaults lack '{path}'");
            self.diags
                .push(Diag::error("config::incomplete-defaults", message).help("this is a bug: report it"));
        }
        self.list_setting(path, found.as_ref());
        found
    }

    /// A setting with a default that neither flags nor environment change.
    fn setting<T: Clone + Show>(
        &mut self,
        path: &str,
        user: &Slot<T>,
        default: &Slot<T>,
    ) -> Option<Setting<T>> {
        self.layered(path, None, user, default)
    }

    /// A setting without a default.
    fn maybe<T: Clone + Show>(
        &mut self,
        path: &str,
        over: Option<Setting<T>>,
        user: &Slot<T>,
    ) -> Option<Setting<T>> {
        let found = over.or_else(|| self.written(user));
        self.list_setting(path, found.as_ref());
        found
    }

    /// The same, with its place kept.
    fn optional<T: Clone + Show>(&mut self, path: &str, user: &Slot<T>) -> Slot<T> {
        self.maybe(path, None, user);
        user.clone()
    }
}

/// "Did you mean …?" over the names of a map.
fn names<T>(map: &BTreeMap<String, T>) -> impl Iterator<Item = &str> {
    map.keys().map(String::as_str)
}
