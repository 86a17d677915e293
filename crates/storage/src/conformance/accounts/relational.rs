//! Transactions of plain rows: whole or not at all, whoever else is in the group.

use super::{NOW, Stores, account_id, audited, person, register};
use crate::relational::{Expect, ROWS_MAX, STEPS_MAX, Statement, Step, Transacted, Value};
use crate::sql::{accounts, audit, keys};
use crate::{RelationalStore, StorageError};

const KEY: &str = "SELECT secret FROM signing_keys WHERE id = $1";
const COUNT: &str = "SELECT COUNT(*) FROM signing_keys WHERE created_ms = $1";
const EMPTY_ROW: &str = "SELECT id, display_name, deleted_ms FROM accounts WHERE name_key = $1";

pub(super) async fn run_all(stores: &Stores) {
    values_come_back_as_they_were(stores).await;
    every_step_answers_its_rows(&*stores.rows).await;
    an_unmet_step_undoes_the_ones_before_it(stores).await;
    what_one_caller_does_not_get_does_not_cost_the_others(stores).await;
    a_step_sees_what_the_ones_before_it_wrote(&*stores.rows).await;
    a_statement_that_fails_undoes_its_transaction_alone(stores).await;
    too_many_steps_are_refused(&*stores.rows).await;
    an_answer_of_too_many_rows_is_refused(stores).await;
}

fn insert(id: &str) -> Statement {
    Statement::new(keys::INSERT_SIGNING, [id.into(), b"secret".to_vec().into(), (-1).into()])
}

async fn is_there(store: &dyn RelationalStore, id: &str) -> bool {
    !store.query(Statement::new(KEY, [id.into()])).await.unwrap().is_empty()
}

async fn remove(store: &dyn RelationalStore, ids: &[&str]) {
    let remove = |id: &&str| Step::Do(Statement::new(keys::DELETE_SIGNING, [(*id).into()]), Expect::Rows);
    store.transact(ids.iter().map(remove).collect()).await.unwrap();
}

async fn values_come_back_as_they_were(stores: &Stores) {
    let id = register(&stores.accounts, "röw").await;
    let rows = stores.rows.query(Statement::new(EMPTY_ROW, ["röw".into()])).await.unwrap();
    assert_eq!(rows, [vec![id.into(), "röw the tester".into(), Value::Null]]);
    let bytes: Vec<u8> = (0..=255).collect();
    let insert =
        Statement::new(keys::INSERT_SIGNING, ["bytes".into(), bytes.clone().into(), i64::MIN.into()]);
    stores.rows.transact(vec![Step::Do(insert, Expect::Rows)]).await.unwrap();
    let rows = stores.rows.query(Statement::new(keys::SIGNING, [])).await.unwrap();
    assert_eq!(rows, [vec!["bytes".into(), bytes.into(), i64::MIN.into()]]);
    remove(&*stores.rows, &["bytes"]).await;
}

async fn every_step_answers_its_rows(store: &dyn RelationalStore) {
    let select = |id: &str| Statement::new(KEY, [id.into()]);
    let steps = vec![
        Step::Do(select("answered"), Expect::NoRows),
        Step::Do(insert("answered"), Expect::Rows),
        Step::Audit { entry: audited("test.answered"), at_ms: NOW },
        Step::Do(select("answered"), Expect::Rows),
        Step::Do(select("nothing"), Expect::Anything),
    ];
    let secret = vec![vec![Value::Bytes(b"secret".to_vec())]];
    let answered = vec![Vec::new(), Vec::new(), Vec::new(), secret, Vec::new()];
    assert_eq!(store.transact(steps).await, Ok(Transacted::Done(answered)));
    remove(store, &["answered"]).await;
    assert_eq!(store.transact(Vec::new()).await, Ok(Transacted::Done(Vec::new())));
}

async fn an_unmet_step_undoes_the_ones_before_it(stores: &Stores) {
    let before = stores.rows.query(Statement::new(audit::LAST, [])).await;
    let steps = vec![
        Step::Do(insert("undone"), Expect::Rows),
        Step::Audit { entry: audited("test.undone"), at_ms: NOW },
        Step::Do(Statement::new(accounts::BY_NAME, ["röw".into()]), Expect::NoRows),
        Step::Do(insert("never reached"), Expect::Rows),
    ];
    let unmet = stores.rows.transact(steps).await.unwrap();
    let Transacted::Unmet { step: 2, rows } = unmet else { panic!("{unmet:?}") };
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2][0][0], account_id("röw").into(), "the row that stood against it");
    for id in ["undone", "never reached"] {
        assert!(!is_there(&*stores.rows, id).await, "{id}");
    }
    assert_eq!(stores.rows.query(Statement::new(audit::LAST, [])).await, before);
    let untouched = Step::Do(Statement::new(keys::DELETE_SIGNING, ["undone".into()]), Expect::Rows);
    let unmet = stores.rows.transact(vec![untouched]).await;
    assert_eq!(unmet, Ok(Transacted::Unmet { step: 0, rows: vec![Vec::new()] }));
}

async fn what_one_caller_does_not_get_does_not_cost_the_others(stores: &Stores) {
    let callers = (0..200).map(|number: i64| {
        let rows = std::sync::Arc::clone(&stores.rows);
        tokio::spawn(async move {
            let id = format!("caller {number}");
            let values = [id.into(), Vec::new().into(), (-2).into()];
            let insert = Statement::new(keys::INSERT_SIGNING, values);
            let condition = Statement::new(KEY, ["nothing".into()]);
            let expect = if number % 2 == 0 { Expect::NoRows } else { Expect::Rows };
            let steps = vec![Step::Do(insert, Expect::Rows), Step::Do(condition, expect)];
            matches!(rows.transact(steps).await.unwrap(), Transacted::Done(_)) == (number % 2 == 0)
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert!(caller.await.unwrap());
    }
    let count = stores.rows.query(Statement::new(COUNT, [(-2).into()])).await;
    assert_eq!(count, Ok(vec![vec![100.into()]]));
    for number in (0..200).step_by(2) {
        remove(&*stores.rows, &[&format!("caller {number}")]).await;
    }
}

async fn a_step_sees_what_the_ones_before_it_wrote(store: &dyn RelationalStore) {
    let steps = vec![
        Step::Do(insert("seen"), Expect::Rows),
        Step::Do(insert("seen"), Expect::NoRows),
        Step::Do(Statement::new(KEY, ["seen".into()]), Expect::Rows),
        Step::Do(Statement::new(keys::DELETE_SIGNING, ["seen".into()]), Expect::Rows),
    ];
    let done = store.transact(steps).await.unwrap();
    assert!(matches!(done, Transacted::Done(_)), "{done:?}");
}

async fn a_statement_that_fails_undoes_its_transaction_alone(stores: &Stores) {
    let invalid = Statement::new(keys::INSERT_SIGNING, [Value::Null, Vec::new().into(), 0.into()]);
    let failing = vec![Step::Do(insert("failing"), Expect::Rows), Step::Do(invalid, Expect::Anything)];
    let registered = async {
        let created = stores.accounts.create_account(person("in the same group"), NOW).await;
        assert_eq!(created, Ok(crate::accounts::Registration::Created));
    };
    let (failed, ()) = tokio::join!(stores.rows.transact(failing), registered);
    assert!(matches!(failed, Err(StorageError::Damaged(_))), "{failed:?}");
    assert!(!is_there(&*stores.rows, "failing").await);
}

async fn too_many_steps_are_refused(store: &dyn RelationalStore) {
    let steps = |many| {
        let select = Step::Do(Statement::new(KEY, ["nothing".into()]), Expect::Anything);
        vec![select; many]
    };
    assert!(matches!(store.transact(steps(STEPS_MAX)).await, Ok(Transacted::Done(_))));
    let refused = store.transact(steps(STEPS_MAX + 1)).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
}

async fn an_answer_of_too_many_rows_is_refused(stores: &Stores) {
    let numbers = |many: usize| {
        let sql = "WITH RECURSIVE numbers (number) AS (SELECT CAST(1 AS BIGINT) UNION ALL \
             SELECT number + 1 FROM numbers WHERE number < $1) SELECT number FROM numbers";
        Statement::new(sql, [crate::rows::count(many).into()])
    };
    assert_eq!(stores.rows.query(numbers(ROWS_MAX)).await.unwrap().len(), ROWS_MAX);
    let refused = stores.rows.query(numbers(ROWS_MAX + 1)).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    let steps =
        vec![Step::Do(insert("endless"), Expect::Rows), Step::Do(numbers(ROWS_MAX + 1), Expect::Rows)];
    let refused = stores.rows.transact(steps).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert!(!is_there(&*stores.rows, "endless").await);
}
