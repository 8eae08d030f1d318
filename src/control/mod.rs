//! The control-plane database: what runs and audits did, as SQL tables that several
//! repositories can share. The journals are the truth; the database is filled from them and
//! can be lost without losing a run.

mod address;
mod audits;
mod failure;
mod fill;
mod key;
mod lesson;
mod lessons;
mod live;
mod loops;
mod query;
mod repairs;
mod schema;
mod store;
mod sync;
mod thread;
mod trouble;

pub use address::Address;
pub use audits::{AuditRow, EffectivenessRow, FindingRow};
pub use failure::{LoopFailure, problem_keys};
pub use key::problem_key;
pub use lesson::{Lesson, LessonStatus};
pub use live::Live;
pub use loops::{LoopRow, loop_id, loops};
pub use query::{RepairOf, ThreadEvent, Wanted};
pub use repairs::{RepairRow, repairs};
pub use store::{Opening, Store};
pub use sync::{JournalFile, Synced, journals, sync};
pub use thread::thread_event;
pub use trouble::{DbError, DbFault};
