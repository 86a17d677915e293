use super::*;
use std::fs;
use std::path::Path;

const FIRST: Migration =
    Migration { version: 1, name: "first", statements: "CREATE TABLE a (x); INSERT INTO a VALUES (1);" };
const SECOND: Migration =
    Migration { version: 2, name: "second", statements: "CREATE TABLE b (x); INSERT INTO a VALUES (2);" };

fn connect(directory: &Path) -> Connection {
    let connection = Connection::open(directory.join("test.sqlite")).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    connection
}

fn sum(connection: &Connection) -> i64 {
    connection.query_row("SELECT SUM(x) FROM a", (), |row| row.get(0)).unwrap()
}

#[test]
fn each_migration_is_applied_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = connect(directory.path());
    apply(&mut connection, &[FIRST]).unwrap();
    apply(&mut connection, &[FIRST, SECOND]).unwrap();
    apply(&mut connection, &[FIRST, SECOND]).unwrap();
    assert_eq!((version(&connection).unwrap(), sum(&connection)), (2, 3));
}

#[test]
fn the_released_migrations_are_numbered_without_gaps() {
    assert!(ALL.iter().map(|migration| migration.version).eq(1..=ALL.len() as i64));
}

#[test]
fn a_newer_schema_is_named_in_the_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = connect(directory.path());
    apply(&mut connection, &[FIRST, SECOND]).unwrap();
    let refused = apply(&mut connection, &[FIRST]);
    assert!(matches!(refused, Err(MigrationError::TooNew { found: 2, known: 1 })));
}

#[test]
fn a_migration_that_fails_half_way_leaves_nothing_and_can_be_run_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = connect(directory.path());
    let broken =
        Migration { statements: "CREATE TABLE b (x); INSERT INTO a VALUES (2); nonsense;", ..SECOND };
    assert!(matches!(apply(&mut connection, &[FIRST, broken]), Err(MigrationError::Step { version: 2, .. })));
    assert_eq!((version(&connection).unwrap(), sum(&connection)), (1, 1));
    apply(&mut connection, &[FIRST, SECOND]).unwrap();
    assert_eq!(sum(&connection), 3);
}

/// What a kill leaves is the files as they are at that moment: a copy of them, made while the statements of a
/// migration have run but its commit has not, is opened like after a restart.
#[test]
fn a_kill_in_the_middle_of_a_migration_can_be_run_again() {
    for killed in ALL {
        let running = tempfile::tempdir().unwrap();
        let mut connection = connect(running.path());
        let done =
            ALL.iter().copied().filter(|migration| migration.version < killed.version).collect::<Vec<_>>();
        apply(&mut connection, &done).unwrap();
        // Without a cache even uncommitted pages reach the log.
        connection.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE").unwrap();
        connection.execute_batch(killed.statements).unwrap();
        connection
            .execute_batch("CREATE TABLE filler (x); INSERT INTO filler VALUES (zeroblob(1000000))")
            .unwrap();
        let restarted = tempfile::tempdir().unwrap();
        for file in fs::read_dir(running.path()).unwrap().map(Result::unwrap) {
            if !file.file_name().to_string_lossy().ends_with("-shm") {
                fs::copy(file.path(), restarted.path().join(file.file_name())).unwrap();
            }
        }
        let log = fs::metadata(restarted.path().join("test.sqlite-wal")).unwrap().len();
        assert!(log > 1_000_000, "the unfinished migration is in the log");
        let mut connection = connect(restarted.path());
        assert_eq!(version(&connection).unwrap(), killed.version - 1);
        apply(&mut connection, ALL).unwrap();
        assert_eq!(version(&connection).unwrap(), ALL.len() as i64);
    }
}

#[test]
fn conflicts_that_were_there_are_numbered_in_the_order_in_which_they_were_opened() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = connect(directory.path());
    apply(&mut connection, &ALL[..5]).unwrap();
    for (id, opened_ms) in [(1_u8, 30), (2, 10), (3, 20)] {
        let values = params![vec![id; 16], opened_ms];
        let conflict = "INSERT INTO conflicts SELECT $1, $1, $1, '', '[]', '', 'rule', 'open', 1, $2, $2, NULL, NULL, '{}'";
        connection.execute(conflict, values).unwrap();
        let person = "INSERT INTO conflict_people (conflict, account) VALUES ($1, $2)";
        connection.execute(person, params![vec![id; 16], vec![9_u8; 16]]).unwrap();
    }
    apply(&mut connection, ALL).unwrap();
    let all = |query: &str| -> Vec<(Vec<u8>, i64)> {
        let mut prepared = connection.prepare(query).unwrap();
        let rows = prepared.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let expected: Vec<_> = [(2, 1), (3, 2), (1, 3)].map(|(id, number)| (vec![id; 16], number)).into();
    assert_eq!(all("SELECT id, sequence FROM conflicts ORDER BY sequence"), expected);
    assert_eq!(all("SELECT conflict, sequence FROM conflict_people ORDER BY sequence"), expected);
    let last: i64 =
        connection.query_row("SELECT sequence FROM conflict_counter", (), |row| row.get(0)).unwrap();
    assert_eq!(last, 3);
}
