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

#[tokio::test]
async fn what_no_idle_thread_takes_up_in_time_is_done_all_the_same() {
    let hasher = Hasher::with_threads(0, Duration::from_millis(1));
    let mut asked = JoinSet::new();
    for _ in 0..3 {
        let hasher = hasher.clone();
        asked.spawn(async move { hasher.verify(password("xk7-qq2p"), None).await });
    }
    assert_eq!(asked.join_all().await, [Ok(Verdict::Wrong); 3]);
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
fn a_hashing_thread_runs_when_nothing_else_wants_to_and_the_late_one_beside_it() {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};
    let policy = || thread_schedule_policy().unwrap();
    let priority = || rustix::process::getpriority_process(None).unwrap();
    let before = (policy(), priority());
    let (idle, late) = std::thread::scope(|scope| {
        let idle = scope.spawn(|| {
            stand_aside();
            policy()
        });
        let late = scope.spawn(|| {
            give_way();
            (policy(), priority())
        });
        (idle.join().unwrap(), late.join().unwrap())
    });
    assert_eq!(idle, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle));
    assert_eq!(late, (before.0, (before.1 + NICE).min(19)));
    assert_eq!((policy(), priority()), before, "nobody else does");
}
