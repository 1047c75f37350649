//! The circuit against a model of it that is written down the long way.

#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Event {
    Pass,
    Done(usize, Outcome),
    Cancel(usize),
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let outcome =
        prop_oneof![Just(Outcome::Success), Just(Outcome::Failure), Just(Outcome::Failure), Just(Outcome::Unknown)];
    prop_oneof![
        4 => Just(Event::Pass),
        4 => (any::<usize>(), outcome).prop_map(|(at, outcome)| Event::Done(at, outcome)),
        1 => any::<usize>().prop_map(Event::Cancel),
        1 => (0u64..40).prop_map(Event::Wait),
    ]
}

/// What a person would write who had time and a lock.
#[derive(Clone, Debug)]
enum Model {
    Closed { failures: u32 },
    Open { since: u64 },
    HalfOpen { running: u32, good: u32 },
}

proptest! {
    #[test]
    fn behaves_as_its_model(
        (failures, trials) in (1u32..5, 1u32..4),
        events in prop::collection::vec(event(), 0..300),
    ) {
        let policy = CircuitPolicy { failures, trials, reset_after: Duration::from_secs(30) };
        let circuit = Circuit::new(policy);
        let (mut model, mut era, mut now) = (Model::Closed { failures: 0 }, 0u32, 0u64);
        let mut passes: Vec<(Pass<'_>, u32)> = Vec::new();
        for event in events {
            let time = Duration::from_secs(now);
            match event {
                Event::Wait(seconds) => now += seconds,
                Event::Pass => {
                    let may = match &mut model {
                        Model::Closed { .. } => true,
                        Model::Open { since } if now >= *since + 30 => {
                            model = Model::HalfOpen { running: 1, good: 0 };
                            era += 1;
                            true
                        }
                        Model::Open { .. } => false,
                        Model::HalfOpen { running, good } if *running + *good < trials => {
                            *running += 1;
                            true
                        }
                        Model::HalfOpen { .. } => false,
                    };
                    let pass = circuit.pass(|| time, |_| {});
                    prop_assert_eq!(pass.is_ok(), may);
                    if let Ok(pass) = pass {
                        passes.push((pass, era));
                    }
                }
                Event::Done(..) | Event::Cancel(_) if passes.is_empty() => {}
                Event::Done(at, _) | Event::Cancel(at) => {
                    let (pass, then) = passes.swap_remove(at % passes.len());
                    let outcome = if let Event::Done(_, outcome) = event { outcome } else { Outcome::Unknown };
                    if let Event::Done(..) = event { pass.done(outcome, || time); } else { drop(pass); }
                    if then != era {
                        continue;
                    }
                    match (&mut model, outcome) {
                        (Model::Closed { failures: seen }, Outcome::Success) => *seen = 0,
                        (Model::Closed { failures: seen }, Outcome::Failure) => {
                            *seen += 1;
                            if *seen == failures {
                                model = Model::Open { since: now };
                                era += 1;
                            }
                        }
                        (Model::HalfOpen { running, good }, Outcome::Success) => {
                            (*running, *good) = (*running - 1, *good + 1);
                            if *good == trials {
                                model = Model::Closed { failures: 0 };
                                era += 1;
                            }
                        }
                        (Model::HalfOpen { .. }, Outcome::Failure) => {
                            model = Model::Open { since: now };
                            era += 1;
                        }
                        (Model::HalfOpen { running, .. }, Outcome::Unknown) => *running -= 1,
                        _ => {}
                    }
                }
            }
            let state = match model {
                Model::Closed { .. } => CircuitState::Closed,
                Model::Open { .. } => CircuitState::Open,
                Model::HalfOpen { .. } => CircuitState::HalfOpen,
            };
            prop_assert_eq!(circuit.state(), state);
        }
    }
}

fn fail(circuit: &Circuit, now: Duration) -> Option<CircuitState> {
    circuit.pass(|| now, |_| {}).unwrap().done(Outcome::Failure, || now)
}

#[test]
fn opens_at_the_fifth_failure_in_a_row_and_says_for_how_long() {
    let circuit = Circuit::new(CircuitPolicy::default());
    let at = Duration::from_secs;
    (0..4).for_each(|_| assert_eq!(fail(&circuit, at(1)), None));
    circuit.pass(|| at(1), |_| {}).unwrap().done(Outcome::Success, || at(1));
    (0..4).for_each(|_| assert_eq!(fail(&circuit, at(1)), None));
    assert_eq!(fail(&circuit, at(1)), Some(CircuitState::Open));
    assert_eq!(circuit.pass(|| at(11), |_| {}).unwrap_err().retry_in, at(20));
    assert!(circuit.is_open_at(|| at(30)) && !circuit.is_open_at(|| at(31)));
}

#[test]
fn three_trials_close_it_and_no_fourth_is_let_through() {
    let circuit = Circuit::new(CircuitPolicy::default());
    let at = Duration::from_secs;
    (0..5).for_each(|_| assert_ne!(fail(&circuit, at(0)), Some(CircuitState::Closed)));
    let mut told = Vec::new();
    let trials: Vec<_> = (0..3).map(|_| circuit.pass(|| at(30), |state| told.push(state)).unwrap()).collect();
    assert_eq!(told, [CircuitState::HalfOpen]);
    assert!(circuit.pass(|| at(30), |_| {}).is_err());
    let states: Vec<_> = trials.into_iter().map(|trial| trial.done(Outcome::Success, || at(31))).collect();
    assert_eq!(states, [None, None, Some(CircuitState::Closed)]);
}

#[test]
fn trials_that_are_called_off_give_their_place_back() {
    let circuit = Circuit::new(CircuitPolicy::default().trials(1));
    let at = Duration::from_secs;
    (0..5).for_each(|_| assert_ne!(fail(&circuit, at(0)), Some(CircuitState::Closed)));
    for _ in 0..10 {
        drop(circuit.pass(|| at(30), |_| {}).unwrap());
    }
    assert_eq!(circuit.state(), CircuitState::HalfOpen);
}

#[test]
fn threads_open_it_once() {
    let circuit = Circuit::new(CircuitPolicy::default().failures(1_000));
    let opened: usize = std::thread::scope(|scope| {
        let work = || {
            (0..500)
                .filter(|_| {
                    circuit
                        .pass(|| Duration::ZERO, |_| {})
                        .is_ok_and(|p| p.done(Outcome::Failure, || Duration::ZERO).is_some())
                })
                .count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(opened, 1);
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn one_that_is_off_never_opens() {
    let circuit = Circuit::new(CircuitPolicy::off());
    (0..100).for_each(|_| assert_eq!(fail(&circuit, Duration::ZERO), None));
}
