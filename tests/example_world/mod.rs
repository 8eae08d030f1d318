//! A hermetic world for tests of the real program: a repository in a temporary directory, a home
//! of its own, no configuration, locale or time zone of whoever runs the tests.
//!
//! ```ignore
//! let world = World::with(
//!     Bundle::new()
//!         .node(Node::named("A").touches("a.txt").does("echo 1 > a.txt").done_when("test -f a.txt"))
//!         .node(Node::named("B").after("A").touches("b.txt").does("cp a.txt b.txt").done_when("test -f b.txt")),
//! );
//! world.auditrun(["run"]).must_exit(0);
//! assert_eq!(world.audit_log(), ["node(A): add A", "node(B): add B"]);
//! assert_eq!(world.status_of("B"), "verified");
//! ```

#![allow(dead_code, unused_imports, missing_docs)] // Each test file uses its own part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests fail as they do.

mod bundle;
mod ended;
mod program;
mod world;

pub use bundle::{Bundle, Form, Node};
pub use ended::Ended;
pub use program::{Program, fingerprint_script};
pub use world::{Standing, World};
