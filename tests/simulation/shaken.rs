//! A future that is put aside now and then although it could go on, so that tasks are switched at every `.await`.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use kinto_tests::Chance;

pub(crate) struct Shaken<'a, T> {
    future: BoxFuture<'a, T>,
    chance: Chance,
}

impl<'a, T> Shaken<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'a, chance: Chance) -> Self {
        Self { future: Box::pin(future), chance }
    }
}

impl<T> Future for Shaken<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if self.chance.one_in(3) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.future.as_mut().poll(context)
    }
}
