//! The meaning of the error codes of FoundationDB's client for a caller of the store.
//!
//! Codes and meanings: FoundationDB, "Error codes", and `flow/error_definitions.h` of 7.3. Nothing that is stored enters a text.

use farcast_store::{LimitError, Retry, StoreError};

const TRANSACTION_TOO_OLD: i32 = 1007;
const FUTURE_VERSION: i32 = 1009;
const NOT_COMMITTED: i32 = 1020;
const PROCESS_BEHIND: i32 = 1037;
const DATABASE_LOCKED: i32 = 1038;
const COMMIT_PROXY_MEMORY: i32 = 1042;
const BATCH_THROTTLED: i32 = 1051;
const GRV_PROXY_MEMORY: i32 = 1078;
const TAG_THROTTLED: i32 = 1213;
const PROXY_TAG_THROTTLED: i32 = 1223;
const HOT_SHARD_THROTTLED: i32 = 1235;
const INVALID_OPERATION: i32 = 2000;
const KEY_OUTSIDE_LEGAL_RANGE: i32 = 2004;
const TRANSACTION_TOO_LARGE: i32 = 2101;
const KEY_TOO_LARGE: i32 = 2102;
const VALUE_TOO_LARGE: i32 = 2103;

/// True if a commit that failed with this code may have been applied. It has not when the cluster refused it or the
/// client never sent it; everything else may: FoundationDB's own `maybe_committed` leaves out the transaction that
/// times out or is cancelled while the cluster has it.
pub(crate) fn may_have_applied(code: i32) -> bool {
    !matches!(
        code,
        TRANSACTION_TOO_OLD
            | FUTURE_VERSION
            | NOT_COMMITTED
            | PROCESS_BEHIND
            | DATABASE_LOCKED
            | COMMIT_PROXY_MEMORY
            | BATCH_THROTTLED
            | GRV_PROXY_MEMORY
            | TAG_THROTTLED
            | PROXY_TAG_THROTTLED
            | HOT_SHARD_THROTTLED
            | INVALID_OPERATION
            | KEY_OUTSIDE_LEGAL_RANGE
            | TRANSACTION_TOO_LARGE
            | KEY_TOO_LARGE
            | VALUE_TOO_LARGE
    )
}

/// The reason why a commit is retried after this code.
pub(crate) fn why_again(code: i32, maybe_applied: bool) -> Retry {
    match code {
        NOT_COMMITTED => Retry::Conflict,
        _ if maybe_applied => Retry::Unknown,
        _ => Retry::Unavailable,
    }
}

/// The failure of a read, or of a watch.
pub(crate) fn of_read(code: i32) -> StoreError {
    StoreError::Unavailable(text(code))
}

/// The failure of a commit of so many bytes, of which a try may have been applied.
pub(crate) fn of_commit(code: i32, maybe_applied: bool, bytes: usize) -> StoreError {
    match code {
        _ if maybe_applied => StoreError::Unknown(text(code)),
        TRANSACTION_TOO_LARGE => LimitError::BatchTooLarge(u64::try_from(bytes).unwrap_or(u64::MAX)).into(),
        _ => StoreError::Unavailable(text(code)),
    }
}

fn text(code: i32) -> String {
    format!("{} (FoundationDB error {code})", reason(code))
}

/// The meaning of a code, for operators of the cluster.
pub(crate) fn reason(code: i32) -> &'static str {
    match code {
        TRANSACTION_TOO_OLD => "a transaction took longer than five seconds",
        FUTURE_VERSION | PROCESS_BEHIND => "a server of the cluster is behind",
        NOT_COMMITTED => "others change the same keys all the time",
        1021 | 1030 => "the cluster was lost during the commit",
        1025 | 1101 => "the call was cancelled",
        1031 => "no answer from the cluster in time",
        1029 | 1032 => "too many watches",
        DATABASE_LOCKED => "the database is locked",
        1039 => "the cluster is being upgraded",
        COMMIT_PROXY_MEMORY | GRV_PROXY_MEMORY => "a proxy of the cluster has no memory left",
        BATCH_THROTTLED | TAG_THROTTLED | PROXY_TAG_THROTTLED | HOT_SHARD_THROTTLED => {
            "the cluster is overloaded and holds calls back"
        }
        1511..=1516 => "the cluster file cannot be used",
        2104 => "the cluster file holds no connection string (description:id@address:port)",
        TRANSACTION_TOO_LARGE | KEY_TOO_LARGE | VALUE_TOO_LARGE => "a limit of FoundationDB was exceeded",
        2022 => "a variable FDB_NETWORK_OPTION_… is wrong",
        2203 => "libfdb_c is older than 7.3",
        _ => "an unexpected failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_was_not_applied_and_all_else_may_have_been() {
        for refused in
            [1007, 1009, 1020, 1037, 1038, 1042, 1051, 1078, 1213, 1223, 1235, 2000, 2004, 2101, 2102, 2103]
        {
            assert!(!may_have_applied(refused), "{refused}");
        }
        // Unknown result, cancelled, maybe delivered, timed out, upgraded, a code of the future.
        for unknown in [1021, 1022, 1025, 1030, 1031, 1039, 1043, 1100, 1101, 1500, 4100, 9999] {
            assert!(may_have_applied(unknown), "{unknown}");
        }
    }

    #[test]
    fn tries_are_counted_by_why_they_were_made() {
        assert_eq!(why_again(1020, false), Retry::Conflict);
        assert_eq!(why_again(1021, true), Retry::Unknown);
        assert_eq!(why_again(1007, false), Retry::Unavailable);
    }

    #[test]
    fn failures_say_what_the_caller_can_do() {
        assert!(matches!(of_read(1031), StoreError::Unavailable(_)));
        assert!(matches!(of_commit(1020, false, 9), StoreError::Unavailable(_)));
        assert!(matches!(of_commit(1031, true, 9), StoreError::Unknown(_)));
        // An earlier try may have been applied, whatever ended the last one.
        assert!(matches!(of_commit(1020, true, 9), StoreError::Unknown(_)));
        assert_eq!(of_commit(2101, false, 9), StoreError::Limit(LimitError::BatchTooLarge(9)));
    }

    #[test]
    fn texts_name_the_reason_and_the_code() {
        assert_eq!(
            of_read(1038).to_string(),
            "the store is not available: the database is locked (FoundationDB error 1038)"
        );
        assert!(of_read(2104).to_string().contains("the cluster file holds no connection string"));
        assert!(of_read(4100).to_string().contains("an unexpected failure (FoundationDB error 4100)"));
    }
}
