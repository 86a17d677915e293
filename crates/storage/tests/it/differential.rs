//! Random operations give the same answers on SQLite as on the memory model.

use crate::support::{directory, open};
use tiebreak_storage::MemoryStore;
use tiebreak_storage::conformance::random::{Random, compare, operate};

const SEEDS: std::ops::Range<u64> = 0..8;
const OPERATIONS: usize = 250;

#[tokio::test]
async fn random_operations_give_the_same_answers_in_memory_and_on_disk() {
    for seed in SEEDS {
        let directory = directory();
        let model = MemoryStore::new();
        let mut store = open(directory.path());
        let mut random = Random::seeded(seed);
        for step in 0..OPERATIONS {
            if random.below(60) == 0 {
                drop(store);
                store = open(directory.path());
            }
            operate(&mut random, &model, &*store, &format!("seed {seed}, step {step}")).await;
        }
        compare(&model, &*store, &format!("seed {seed}, at the end")).await;
    }
}
