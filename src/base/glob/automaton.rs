//! Patterns as automata over a path's symbols, and the search for a path that some of
//! them match and others do not. The path need not exist.

use std::collections::HashSet;

use super::token::{Flat, Symbol, Symbols, Token, intersection};

/// States looked at before the search gives up. Two patterns of the greatest length
/// stay below it unless both are made of wildcards.
const BUDGET: usize = 1 << 20;

/// A place in a pattern: the token that comes next, doubled, and one more inside of a
/// component that a [`Token::Dirs`] is skipping.
type State = u32;

const START: State = 0;

impl Flat {
    fn token(&self, state: State) -> Option<&Token> {
        self.0.get(state as usize / 2)
    }

    /// The state itself and all that is reached from it without a symbol.
    fn free(&self, mut state: State, mut visit: impl FnMut(State)) {
        visit(state);
        while state.is_multiple_of(2) && matches!(self.token(state), Some(Token::Star | Token::Dirs)) {
            state += 2;
            visit(state);
        }
    }

    fn accepts(&self, state: State) -> bool {
        let mut end = false;
        self.free(state, |s| end |= s as usize == self.0.len() * 2);
        end
    }

    /// The moves from a state, free ones aside: what they take and where they lead.
    fn moves(&self, state: State) -> impl Iterator<Item = (&Symbols, State)> {
        let inside = !state.is_multiple_of(2);
        let (first, second) = match self.token(state) {
            Some(Token::Take(symbols)) => (Some((symbols, state + 2)), None),
            Some(Token::Star) => (Some((&Symbols::Any, state)), None),
            Some(Token::Dirs) if inside => (Some((&Symbols::Any, state)), Some((&SLASH, state - 1))),
            Some(Token::Dirs) => (Some((&Symbols::Any, state + 1)), None),
            None => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// Every move that is open in `state`, free ones taken first.
    fn open(&self, state: State) -> Vec<(&Symbols, State)> {
        let mut states = Vec::new();
        self.free(state, |s| states.push(s));
        states.into_iter().flat_map(|s| self.moves(s)).collect()
    }

    /// True if it matches the whole of `path`.
    pub(super) fn matches(&self, path: &[Symbol]) -> bool {
        let mut states = vec![START];
        for symbol in path {
            states = self.step(&states, *symbol);
            if states.is_empty() {
                return false;
            }
        }
        states.iter().any(|s| self.accepts(*s))
    }

    /// The states after `symbol`, ascending, none twice.
    fn step(&self, states: &[State], symbol: Symbol) -> Vec<State> {
        let mut next: Vec<State> = states
            .iter()
            .flat_map(|s| self.open(*s))
            .filter(|(symbols, _)| symbols.contains(symbol))
            .map(|(_, to)| to)
            .collect();
        next.sort_unstable();
        next.dedup();
        next
    }
}

const SLASH: Symbols = Symbols::One([('/' as Symbol, '/' as Symbol)]);

/// One point of the search: a state of each pattern that must match, and all states
/// that each pattern that must not match could be in.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Point {
    a: State,
    b: State,
    none: Vec<Vec<State>>,
}

/// True if a path exists that `a` and `b` match and no one of `none` does. Where the
/// search grows past its budget the answer is true: an overlap that is only suspected
/// costs time, one that is missed costs correctness.
pub(super) fn common_path(a: &Flat, b: &Flat, none: &[&Flat]) -> bool {
    if ends_differ(a, b) {
        return false;
    }
    let start = Point { a: START, b: START, none: vec![vec![START]; none.len()] };
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(point) = open.pop() {
        let found = a.accepts(point.a) && b.accepts(point.b);
        if found && !none.iter().zip(&point.none).any(|(n, states)| states.iter().any(|s| n.accepts(*s))) {
            return true;
        }
        if seen.len() > BUDGET {
            return true;
        }
        for next in successors(&point, a, b, none) {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    false
}

/// True if the fixed positions at the beginning, or at the end, can't be alike. Decides
/// nearly every pair of a large plan without a search.
fn ends_differ(a: &Flat, b: &Flat) -> bool {
    let differ = |(a, b): (&Token, &Token)| match (a, b) {
        (Token::Take(a), Token::Take(b)) => Some(!a.meets(b)),
        _ => None,
    };
    a.0.iter().zip(b.0.iter()).map_while(differ).any(|d| d)
        || a.0.iter().rev().zip(b.0.iter().rev()).map_while(differ).any(|d| d)
}

fn successors(point: &Point, a: &Flat, b: &Flat, none: &[&Flat]) -> Vec<Point> {
    let mut out = Vec::new();
    let b_moves = b.open(point.b);
    for (a_takes, a_to) in a.open(point.a) {
        for (b_takes, b_to) in &b_moves {
            let common = intersection(a_takes.ranges(), b_takes.ranges());
            for symbol in representatives(&common, point, none) {
                let none = none.iter().zip(&point.none).map(|(n, states)| n.step(states, symbol)).collect();
                out.push(Point { a: a_to, b: *b_to, none });
            }
        }
    }
    out
}

/// Symbols of `ranges`, one at least of each kind that `none` can tell apart.
fn representatives(ranges: &[(Symbol, Symbol)], point: &Point, none: &[&Flat]) -> Vec<Symbol> {
    let Some((first, _)) = ranges.first() else { return Vec::new() };
    let mut edges: Vec<Symbol> = vec![*first];
    for (n, states) in none.iter().zip(&point.none) {
        for (symbols, _) in states.iter().flat_map(|s| n.open(*s)) {
            edges.extend(symbols.ranges().iter().flat_map(|(low, high)| [*low, high + 1]));
        }
    }
    if edges.len() > 1 {
        edges.extend(ranges.iter().map(|(low, _)| *low));
    }
    edges.retain(|e| ranges.iter().any(|(low, high)| (*low..=*high).contains(e)));
    edges.sort_unstable();
    edges.dedup();
    edges
}
