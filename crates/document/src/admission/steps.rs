//! How far the walks over the history may go that judging a batch takes.
//!
//! Honest changes need few steps or none. Others can be made to need as many as the history is long, each
//! of thousands in a message; so a batch has a budget, and no change may spend more than a quarter of
//! what is left: whoever wastes steps leaves enough to those who need some.

/// Steps of a batch: dozens of marks over a whole large text, or about half a second.
const STEPS_MAX: usize = 1 << 20;

/// Values that the library may look through for a batch. It is quicker than our notes where those have
/// not been made, and slower by far for an object or a property with a long history.
const LIBRARY_STEPS_MAX: usize = 1 << 10;

/// What a change may spend even of a budget that is almost gone.
const STEPS_PER_CHANGE_MIN: usize = 64;

#[derive(Debug)]
pub(super) struct Steps {
    left: usize,
    library_left: usize,
}

impl Steps {
    pub(super) const fn for_batch() -> Self {
        Self { left: STEPS_MAX, library_left: LIBRARY_STEPS_MAX }
    }

    /// What one change may spend.
    pub(super) fn for_change(&self) -> Self {
        Self { left: self.share(), library_left: self.library_left }
    }

    /// Takes what a change has left over of its share back, once it is judged.
    pub(super) fn settle(&mut self, change: &Self) {
        self.left = self.left - self.share() + change.left;
        self.library_left = change.library_left;
    }

    /// Whether so many steps may be taken.
    pub(super) const fn take(&mut self, steps: usize) -> bool {
        let suffices = steps <= self.left;
        self.left = self.left.saturating_sub(steps);
        suffices
    }

    /// Whether the library may still be asked; then it is told afterwards what it took.
    pub(super) const fn take_from_library(&mut self, steps: usize) -> bool {
        let any_left = self.library_left > 0;
        self.library_left = self.library_left.saturating_sub(steps);
        any_left
    }

    fn share(&self) -> usize {
        (self.left / 4).max(STEPS_PER_CHANGE_MIN).min(self.left)
    }

    #[cfg(test)]
    pub(super) const fn only(steps: usize) -> Self {
        Self { left: steps, library_left: LIBRARY_STEPS_MAX }
    }

    #[cfg(test)]
    pub(super) const fn left(&self) -> usize {
        self.left
    }
}
