//! Files that survive a crash, a full disk and a second harness: atomic replacement, append
//! with grouped syncs, bounded logs, OS locks, and the archive of earlier runs.

mod append;
mod archive;
mod atomic;
mod bounded;
mod copy;
pub mod fault;
mod lock;
mod plain;
mod remove;
mod scratch;
mod space;

pub use append::{AppendLog, Ticket};
pub use archive::archive;
pub use atomic::{Sync, atomic_write, atomic_write_json, replace, sweep_temporaries, sync_dir};
pub use bounded::{BoundedLog, Logged};
pub use copy::{copy_tree, link_or_copy};
pub use lock::{Lock, LockError, LockInfo};
pub use plain::{open_plain, read_plain};
pub use remove::remove_anything;
pub use scratch::Scratch;
pub use space::{free_space, stored};
