//! Starting the arguments of a gather, once all of them have been evaluated.

use super::{
    Gather, TryGather,
    alarm::{Alarm, Bell},
    arg::{Arg, Spread},
    call::{Call, Name},
    child::{AnyValue, Child, OkOnly},
    engine::{Children, Engine},
    outputs::{Arguments, TryArguments},
    threads::{Joiner, Waiting},
};
use crate::{context, task::JoinHandle};
use std::{future::Future, thread};

/// Starts the arguments of one gather.
pub struct Starter {
    alarm: Alarm,
    /// How many have been started: the number of the next child.
    started: usize,
    threads: Vec<Waiting>,
    call: Call,
}

impl Starter {
    #[track_caller]
    fn new(name: Name) -> Self {
        Starter {
            alarm: Alarm::new(),
            started: 0,
            threads: Vec::new(),
            call: Call::here(name),
        }
    }

    /// The call that makes the gather.
    pub(super) fn call(&self) -> Call {
        self.call
    }

    /// The next child's bell.
    pub(super) fn bell(&self) -> Bell {
        self.alarm.bell(self.started)
    }

    /// Spawns the next child, with the gather as its spawn site; `None` outside a runtime.
    pub(super) fn spawn<F>(&mut self, future: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.started += 1;
        context::with_current(|shared| Some(shared?.spawn(future, (self.call.site(), None))))
    }

    /// The next child is the task of a handle that the caller gave.
    pub(super) fn given<T, R>(&mut self, handle: JoinHandle<T>) -> Child<T, R> {
        self.started += 1;
        Child::given(handle)
    }

    /// The next child is a thread.
    pub(super) fn thread<T, R>(&mut self, thread: Waiting, handle: JoinHandle<T>) -> Child<T, R> {
        self.threads.push(thread);
        self.given(handle)
    }

    #[track_caller]
    fn finish<C: Children<E>, E>(self, children: C) -> Engine<C, E> {
        let count = self.threads.len();
        let joiner = (count > 0).then(|| {
            let builder = thread::Builder::new().name("wheelhouse-joiner".into());
            Joiner::start(self.threads, builder)
        });
        match joiner.transpose() {
            Ok(joiner) => Engine::new(children, self.alarm, joiner, self.call),
            Err(error) => panic!(
                "gather! has {count} thread handle(s), and the thread that waits for them could \
                 not be started: {error}"
            ),
        }
    }
}

/// An argument that can be started.
pub trait Start {
    /// What it yields.
    type Value;

    /// Starts it.
    #[track_caller]
    fn start(self, starter: &mut Starter) -> Child<Self::Value, AnyValue>;
}

/// An argument of `try_gather!` that can be started.
pub trait StartTried<E> {
    /// What it yields when it succeeds.
    type Value;

    /// Starts it.
    #[track_caller]
    fn start(self, starter: &mut Starter) -> Child<Result<Self::Value, E>, OkOnly>;
}

impl<A, T> Start for Arg<A, T, AnyValue> {
    type Value = T;

    #[track_caller]
    fn start(self, starter: &mut Starter) -> Child<T, AnyValue> {
        match (self.start)(self.argument, starter) {
            Some(child) => child,
            None => no_runtime("gather!"),
        }
    }
}

impl<A, T, E> StartTried<E> for Arg<A, Result<T, E>, OkOnly> {
    type Value = T;

    #[track_caller]
    fn start(self, starter: &mut Starter) -> Child<Result<T, E>, OkOnly> {
        match (self.start)(self.argument, starter) {
            Some(child) => child,
            None => no_runtime("try_gather!"),
        }
    }
}

#[track_caller]
fn no_runtime(what: &str) -> ! {
    panic!(
        "{what} was called outside a runtime, so there is nothing to run its futures on: call it \
         inside `wheelhouse::run(async {{ .. }})` or while `Runtime::enter()`'s guard is held"
    )
}

/// `gather!(a, b)`
#[track_caller]
pub fn gather<A: Arguments>(arguments: A) -> Gather<A::Outputs> {
    let mut starter = Starter::new(Name::Gather);
    let children = arguments.start(&mut starter);
    Gather::new(starter.finish(children))
}

/// `try_gather!(a, b)`
#[track_caller]
pub fn try_gather<A: TryArguments<E>, E>(arguments: A) -> TryGather<A::Outputs, E> {
    let mut starter = Starter::new(Name::TryGather);
    let children = arguments.start(&mut starter);
    TryGather::new(starter.finish(children))
}

/// `gather!(..iterator)`
#[track_caller]
pub fn gather_all<I, A, T>(arguments: Spread<I, A, T, AnyValue>) -> Gather<Vec<T>> {
    let mut starter = Starter::new(Name::Gather);
    match (arguments.start)(arguments.arguments, &mut starter) {
        Some(children) => Gather::new(starter.finish(children)),
        None => no_runtime("gather!"),
    }
}

/// `try_gather!(..iterator)`
#[track_caller]
pub fn try_gather_all<I, A, T, E>(
    arguments: Spread<I, A, Result<T, E>, OkOnly>,
) -> TryGather<Vec<T>, E> {
    let mut starter = Starter::new(Name::TryGather);
    match (arguments.start)(arguments.arguments, &mut starter) {
        Some(children) => TryGather::new(starter.finish(children)),
        None => no_runtime("try_gather!"),
    }
}
