use std::{
    cmp::Ordering,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::{
    error::{Error, Result},
    wire::{
        order::{Order, Position},
        page::Page,
    },
};

/// Looks at where each page of a list begins: after the end of the one before it, or reading would never end.
///
/// Where only the server can compare (texts), a page that begins as an earlier one did is noticed, after at most twice as many
/// pages as repeat: the first object of every page with a number of 2ⁿ is remembered until the next one.
pub(super) struct Progress {
    order: Order,
    last: Option<Position>,
    pages: u64,
    remembered: Option<u64>,
}

impl Progress {
    pub(super) fn new(order: Order) -> Self {
        Self { order, last: None, pages: 0, remembered: None }
    }

    pub(super) fn order(&self) -> &Order {
        &self.order
    }

    /// Looks at a page that has arrived.
    pub(super) fn begin(&mut self, page: &Page) -> Result<()> {
        self.pages += 1;
        if self.pages == 1 && page.next.is_none() {
            return Ok(());
        }
        let Some(first) = page.peek() else {
            return if page.next.is_some() {
                Err(no_progress("there is nothing on a page, and yet a next one"))
            } else {
                Ok(())
            };
        };
        let mut hasher = DefaultHasher::new();
        first.hash(&mut hasher);
        let first_hash = hasher.finish();
        if self.remembered == Some(first_hash) {
            return Err(no_progress("a page begins with the object that an earlier page began with"));
        }
        if self.pages.is_power_of_two() {
            self.remembered = Some(first_hash);
        }
        let position = self.last.take().and_then(|last| Some((last, self.order.position(&first)?)));
        match position.and_then(|(last, first)| self.order.compare(&last, &first)) {
            Some(Ordering::Equal | Ordering::Greater) => {
                Err(no_progress("a page begins with an object that is not behind the last one of the page before it"))
            }
            _ => Ok(()),
        }
    }

    /// Takes note of where a page ends that has been read.
    pub(super) fn end(&mut self, page: &Page) {
        if page.next.is_some() {
            self.last = page.passed().and_then(|raw| self.order.position(raw));
        }
    }
}

fn no_progress(what: &str) -> Error {
    Error::unexpected(format!("the pages of the list do not go on: {what}"))
}
