//! What can be wrong with the database, and what helps.

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbFault {
    /// It can't be reached, or is not there.
    Away,
    /// Somebody else holds it.
    Locked,
    /// No room is left.
    Full,
    /// A later auditrun made its tables.
    Newer,
    /// The file is damaged, or is no database.
    Corrupt,
    /// It is a database, but not a control plane's.
    Foreign,
    /// Anything else that the database said.
    Other,
}

/// The database could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the control-plane database {place} {}: {detail}", .fault.words())]
pub struct DbError {
    /// What is wrong.
    pub fault: DbFault,
    /// Which database; no password.
    pub place: String,
    /// What was said.
    pub detail: String,
}

impl DbFault {
    /// The middle of a sentence about a database.
    fn words(self) -> &'static str {
        match self {
            DbFault::Away => "can't be reached",
            DbFault::Locked => "is locked",
            DbFault::Full => "has no room left",
            DbFault::Newer => "was made by a later auditrun",
            DbFault::Corrupt => "is damaged",
            DbFault::Foreign => "holds no control plane",
            DbFault::Other => "failed",
        }
    }

    /// What to do about it before a sync.
    pub fn remedy(self) -> &'static str {
        match self {
            DbFault::Away => "start it, or correct forge { database … } in audit.kdl",
            DbFault::Locked => "wait until the other program is done",
            DbFault::Full => "make room on its disk",
            DbFault::Newer => "use the newer auditrun, or name another database in audit.kdl",
            DbFault::Corrupt => {
                "`auditrun db sync` keeps the damaged file beside a new one that it fills from the journals"
            }
            DbFault::Foreign => "fill it with `auditrun db sync`, or name another database in audit.kdl",
            DbFault::Other => "look at what the database said",
        }
    }

    /// From what the driver reports.
    pub(super) fn of(error: &sqlx::Error) -> DbFault {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut => DbFault::Away,
            sqlx::Error::WorkerCrashed => DbFault::Away,
            sqlx::Error::Database(e) => e.code().map_or(DbFault::Other, |code| DbFault::of_code(&code)),
            _ => DbFault::Other,
        }
    }

    /// SQLite's numbers (the low byte is the primary one), PostgreSQL's five characters.
    fn of_code(code: &str) -> DbFault {
        match code {
            "40001" | "40P01" | "55P03" | "57014" => DbFault::Locked,
            "53100" | "53200" => DbFault::Full,
            "3D000" | "28000" | "28P01" | "53300" | "57P01" | "57P03" => DbFault::Away,
            "42P01" => DbFault::Foreign,
            _ => match code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|n| n & 0xff) {
                Some(5 | 6) => DbFault::Locked,
                Some(10 | 13) => DbFault::Full,
                Some(11 | 26) => DbFault::Corrupt,
                Some(8 | 14) => DbFault::Away,
                _ => DbFault::Other,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_are_told_apart() {
        for (code, fault) in [
            ("5", DbFault::Locked),
            ("517", DbFault::Locked),
            ("13", DbFault::Full),
            ("778", DbFault::Full),
            ("26", DbFault::Corrupt),
            ("14", DbFault::Away),
            ("1", DbFault::Other),
            ("40001", DbFault::Locked),
            ("57P03", DbFault::Away),
            ("42P01", DbFault::Foreign),
            ("23505", DbFault::Other),
        ] {
            assert_eq!(DbFault::of_code(code), fault, "{code}");
        }
    }

    #[test]
    fn an_error_reads_as_a_sentence() {
        let error = DbError {
            fault: DbFault::Locked,
            place: "x.db".to_owned(),
            detail: "database is locked".to_owned(),
        };
        assert_eq!(error.to_string(), "the control-plane database x.db is locked: database is locked");
    }
}
