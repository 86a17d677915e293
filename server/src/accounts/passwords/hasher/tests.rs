use super::*;
use tokio::task::JoinSet;

fn password(text: &str) -> Password {
    Password::presented(text.to_owned()).unwrap()
}

#[tokio::test]
async fn a_password_is_hashed_and_verified() {
    let hasher = Hasher::new(2);
    let stored = hasher.hash(password("xk7-qq2p")).await.unwrap();
    assert_eq!(hasher.verify(password("xk7-qq2p"), Some(stored.clone())).await, Ok(Verdict::Right));
    assert_eq!(hasher.verify(password("xk7-qq2P"), Some(stored)).await, Ok(Verdict::Wrong));
    assert_eq!(hasher.verify(password("xk7-qq2p"), None).await, Ok(Verdict::Wrong));
}

#[tokio::test]
async fn a_damaged_hash_matches_no_password() {
    let stored = Some("xk7-qq2p".to_owned());
    assert_eq!(Hasher::new(1).verify(password("xk7-qq2p"), stored).await, Ok(Verdict::Wrong));
}

#[tokio::test]
async fn with_a_full_queue_the_next_is_told_so_at_once_and_all_others_are_served() {
    let hasher = Hasher::new(2);
    let mut asked = JoinSet::new();
    for _ in 0..4 * QUEUE_MAX {
        let hasher = hasher.clone();
        asked.spawn(async move { hasher.verify(password("xk7-qq2p"), None).await });
    }
    let answers = asked.join_all().await;
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((QUEUE_MAX..4 * QUEUE_MAX).contains(&served), "{served} served");
    assert_eq!(hasher.verify(password("xk7-qq2p"), None).await, Ok(Verdict::Wrong));
}

#[test]
fn who_has_gone_costs_nothing() {
    let (answer, answered) = oneshot::channel();
    drop(answered);
    let mut slot = Slot::default();
    run(&mut slot, Job::Hash { password: password("xk7-qq2p"), answer });
    assert!(!slot.has_worked());
}

#[cfg(target_os = "linux")]
#[test]
fn a_hashing_thread_gives_way() {
    let priority = || rustix::process::getpriority_process(None).unwrap();
    let before = priority();
    let (hashing, ours) = std::thread::scope(|scope| {
        let hashing = scope.spawn(|| {
            give_way();
            priority()
        });
        (hashing.join().unwrap(), priority())
    });
    assert_eq!(hashing, (before + NICE).min(19));
    assert_eq!(ours, before, "nobody else does");
}
