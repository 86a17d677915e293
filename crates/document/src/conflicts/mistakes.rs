//! Known ways to get detection wrong, for the tests of its oracle: a checker that cannot fail proves nothing.
//!
//! Each mistake is planted in the thread that asks for it, and in builds with the feature `planted-mistakes` only.

use std::cell::Cell;

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mistake {
            $($(#[$doc])* $name,)+
        }

        impl Mistake {
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

mistakes! {
    /// Deletions write nothing.
    SkipDeletes,
    /// Acts inside an object do not count for what holds it.
    SkipNested,
    /// Elements of lists are no registers.
    SkipElements,
    /// Increments do not count.
    SkipIncrements,
    /// What a snapshot holds is forgotten.
    ForgetSnapshot,
    /// Equal values are flagged.
    FlagEqual,
    /// A later write in the order of arrival counts as one that has seen the others.
    ArrivalIsCausality,
    /// An edit inside settles what it did not choose.
    TouchSettles,
    /// A removal leaves standing what is below.
    IgnoreRemovalAbove,
    /// A string and a text of the same letters are two values, and so are 1 and 1.0.
    CompareTypes,
    /// The conflict's base has no part in its id.
    IgnoreBase,
    /// What changed inside a candidate is not looked at again.
    MissChangedCandidate,
}

thread_local! {
    static PLANTED: Cell<Option<Mistake>> = const { Cell::new(None) };
}

/// Does something with a mistake planted in this thread.
pub fn with_mistake<T>(mistake: Mistake, work: impl FnOnce() -> T) -> T {
    PLANTED.set(Some(mistake));
    let done = work();
    PLANTED.set(None);
    done
}

pub(super) fn is_planted(mistake: Mistake) -> bool {
    PLANTED.get() == Some(mistake)
}
