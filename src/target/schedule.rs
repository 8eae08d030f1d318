//! Which target may start next and what an end means for the others. Pure: states in,
//! decisions out; the engine does the work.

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Some of its needs are not done.
    Waiting,
    /// Handed out by [`Schedule::next`].
    Running,
    /// It succeeded, was up to date or did not apply.
    Done,
    /// It failed.
    Failed,
    /// It can't run: the target that failed, among those it needs.
    Skipped(usize),
    /// It was not started, or ended on the way, because of that failure elsewhere.
    Cancelled(usize),
    /// The operator interrupted it or what it was waiting for.
    Interrupted,
}

impl State {
    /// Nothing will change it any more.
    pub fn is_final(self) -> bool {
        !matches!(self, State::Waiting | State::Running)
    }
}

/// The needs and states of all targets. A need stands before what needs it.
#[derive(Debug)]
pub struct Schedule {
    dependents: Vec<Vec<usize>>,
    /// Needs that are not done yet.
    open: Vec<usize>,
    states: Vec<State>,
    ready: std::collections::BTreeSet<usize>,
    keep_going: bool,
    first_failure: Option<usize>,
    interrupted: bool,
    left: usize,
}

impl Schedule {
    /// `needs[i]` are the places of what `i` needs, without repetitions.
    pub fn new(needs: &[Vec<usize>], keep_going: bool) -> Schedule {
        let mut dependents = vec![Vec::new(); needs.len()];
        for (i, own) in needs.iter().enumerate() {
            for need in own {
                if let Some(list) = dependents.get_mut(*need) {
                    list.push(i);
                }
            }
        }
        let open: Vec<usize> = needs.iter().map(Vec::len).collect();
        let ready = open.iter().enumerate().filter(|(_, n)| **n == 0).map(|(i, _)| i).collect();
        let states = vec![State::Waiting; needs.len()];
        let left = needs.len();
        Schedule {
            dependents,
            open,
            states,
            ready,
            keep_going,
            first_failure: None,
            interrupted: false,
            left,
        }
    }

    /// The first target all of whose needs are done; it counts as running from now on.
    pub fn next(&mut self) -> Option<usize> {
        let next = self.ready.pop_first()?;
        self.set(next, State::Running);
        Some(next)
    }

    /// How many could start now.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Every target has its final state.
    pub fn is_over(&self) -> bool {
        self.left == 0
    }

    /// How each stands.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// The failure that came first: the root cause.
    pub fn first_failure(&self) -> Option<usize> {
        self.first_failure
    }

    /// A running target succeeded.
    pub fn done(&mut self, i: usize) {
        self.set(i, State::Done);
        for dependent in self.dependents.get(i).cloned().unwrap_or_default() {
            let Some(open) = self.open.get_mut(dependent) else { continue };
            *open = open.saturating_sub(1);
            if *open == 0 && self.states.get(dependent) == Some(&State::Waiting) {
                self.ready.insert(dependent);
            }
        }
    }

    /// A running target failed: what needs it is skipped, and without keep-going everything
    /// else that waits is cancelled.
    pub fn failed(&mut self, i: usize) {
        self.first_failure.get_or_insert(i);
        self.set(i, State::Failed);
        self.drop_dependents(i, State::Skipped(i));
        if !self.keep_going {
            self.drop_waiting(State::Cancelled(i));
        }
    }

    /// A running target was ended because of a failure elsewhere or by the operator.
    pub fn stopped(&mut self, i: usize) {
        let state = match self.first_failure {
            Some(cause) if !self.interrupted => State::Cancelled(cause),
            _ => State::Interrupted,
        };
        self.set(i, state);
        self.drop_dependents(i, state);
    }

    /// The operator wants to stop: nothing is started any more.
    pub fn interrupt(&mut self) {
        self.interrupted = true;
        self.drop_waiting(State::Interrupted);
    }

    fn drop_dependents(&mut self, i: usize, state: State) {
        let mut stack = vec![i];
        while let Some(at) = stack.pop() {
            for dependent in self.dependents.get(at).cloned().unwrap_or_default() {
                if self.states.get(dependent) == Some(&State::Waiting) {
                    self.set(dependent, state);
                    stack.push(dependent);
                }
            }
        }
    }

    fn drop_waiting(&mut self, state: State) {
        self.ready.clear();
        for i in 0..self.states.len() {
            if self.states.get(i) == Some(&State::Waiting) {
                self.set(i, state);
            }
        }
    }

    /// The one place where a state changes.
    fn set(&mut self, i: usize, state: State) {
        let Some(slot) = self.states.get_mut(i) else { return };
        if slot.is_final() {
            return;
        }
        *slot = state;
        if state.is_final() {
            self.left -= 1;
            self.ready.remove(&i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_failure_skips_dependents_and_cancels_the_rest() {
        let needs = [vec![], vec![0], vec![], vec![1, 2]];
        let mut schedule = Schedule::new(&needs, false);
        assert_eq!((schedule.next(), schedule.next(), schedule.next()), (Some(0), Some(2), None));
        schedule.failed(0);
        schedule.stopped(2);
        use State::*;
        assert_eq!(schedule.states(), [Failed, Skipped(0), Cancelled(0), Skipped(0)]);
        assert!(schedule.is_over());
    }

    #[test]
    fn with_keep_going_the_others_finish() {
        let needs = [vec![], vec![0], vec![], vec![2]];
        let mut schedule = Schedule::new(&needs, true);
        schedule.next();
        schedule.failed(0);
        while let Some(i) = schedule.next() {
            schedule.done(i);
        }
        assert_eq!(schedule.states(), [State::Failed, State::Skipped(0), State::Done, State::Done]);
    }

    #[test]
    fn an_interrupt_starts_nothing_more() {
        let mut schedule = Schedule::new(&[vec![], vec![0], vec![]], false);
        assert_eq!(schedule.next(), Some(0));
        schedule.interrupt();
        assert_eq!(schedule.next(), None);
        schedule.stopped(0);
        assert_eq!(schedule.states(), [State::Interrupted; 3]);
        assert!(schedule.is_over());
    }

    /// Needs point backwards; each target's verdict and the order of ends are random.
    fn graphs() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<bool>, Vec<usize>, usize, bool)> {
        (1usize..24).prop_flat_map(|n| {
            let needs: Vec<_> = (0..n)
                .map(|i| {
                    proptest::collection::btree_set(0..i.max(1), 0..4)
                        .prop_map(move |set| set.into_iter().filter(|need| *need < i).collect::<Vec<_>>())
                })
                .collect();
            let verdicts = proptest::collection::vec(proptest::bool::weighted(0.85), n);
            let picks = proptest::collection::vec(0usize..64, n);
            (needs, verdicts, picks, 1usize..5, any::<bool>())
        })
    }

    proptest! {
        #[test]
        fn nothing_starts_before_its_needs_and_everything_ends((needs, verdicts, picks, jobs, keep) in graphs()) {
            let mut schedule = Schedule::new(&needs, keep);
            let mut running: Vec<usize> = Vec::new();
            let mut started = vec![0; needs.len()];
            for pick in picks.iter().cycle().take(needs.len() * 4) {
                while running.len() < jobs {
                    let Some(i) = schedule.next() else { break };
                    prop_assert!(needs[i].iter().all(|n| schedule.states()[*n] == State::Done));
                    started[i] += 1;
                    running.push(i);
                }
                if running.is_empty() { break; }
                let i = running.remove(pick % running.len());
                match verdicts[i] {
                    true => schedule.done(i),
                    false => schedule.failed(i),
                }
            }
            prop_assert!(schedule.is_over(), "{:?}", schedule.states());
            for (i, state) in schedule.states().iter().enumerate() {
                prop_assert!(started[i] <= 1);
                match state {
                    State::Done => prop_assert!(verdicts[i] && started[i] == 1),
                    State::Failed => prop_assert!(!verdicts[i] && started[i] == 1),
                    State::Skipped(cause) => {
                        prop_assert!(started[i] == 0 && schedule.states()[*cause] == State::Failed);
                        prop_assert!(reaches(&needs, i, *cause));
                    }
                    State::Cancelled(cause) => prop_assert!(!keep && schedule.first_failure() == Some(*cause)),
                    other => prop_assert!(false, "{i} ended as {other:?}"),
                }
            }
        }
    }

    fn reaches(needs: &[Vec<usize>], from: usize, to: usize) -> bool {
        needs[from].iter().any(|n| *n == to || reaches(needs, *n, to))
    }
}
