//! What operators ask besides monitoring: everybody's accounts, devices and keys, and the audit log.

pub(super) mod audit;
pub(super) mod verify_audit;

use super::problem::Fault;

/// How long a page is; `limit` where the caller says so.
fn page_rows(limit: Option<usize>) -> Result<usize, Fault> {
    const PAGE_ROWS: usize = 100;
    const PAGE_ROWS_MAX: usize = tiebreak_storage::accounts::PAGE_ROWS_MAX;
    let limit = limit.unwrap_or(PAGE_ROWS);
    if (1..=PAGE_ROWS_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(Fault::InvalidParameter(format!("limit must be from 1 to {PAGE_ROWS_MAX}")))
}
