use std::{any::Any, fmt, marker::PhantomData};

use crate::error::{Error, Result};

/// A key for the result of one operation, which is available once its batch has been executed.
pub struct Ticket<T> {
    pub(super) batch: u64,
    pub(super) place: usize,
    pub(super) of: PhantomData<fn() -> T>,
}

/// The results of a batch.
pub struct BatchResults {
    pub(super) batch: u64,
    pub(super) results: Vec<Result<Box<dyn Any + Send + Sync>>>,
}

impl BatchResults {
    /// Returns the result of an operation.
    ///
    /// # Errors
    ///
    /// The error of the operation; or [`Error::is_invalid`] if the ticket belongs to another batch.
    pub fn get<T: 'static>(&self, ticket: &Ticket<T>) -> Result<&T> {
        let result = self.results.get(self.place_of(ticket)?).ok_or_else(foreign_ticket)?;
        result.as_ref().map_err(Clone::clone)?.downcast_ref().ok_or_else(foreign_ticket)
    }

    /// Removes the result of an operation and returns it.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is good for one result")]
    pub fn take<T: 'static>(&mut self, ticket: Ticket<T>) -> Result<T> {
        let place = self.place_of(&ticket)?;
        let slot = self.results.get_mut(place).ok_or_else(foreign_ticket)?;
        let taken = std::mem::replace(slot, Err(Error::invalid("the result of this ticket has been taken already")));
        Ok(*taken?.downcast().map_err(|_| foreign_ticket())?)
    }

    /// Returns the number of operations in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Returns `true` if the batch was empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// Returns the operations that failed, with their positions in the batch.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Error)> {
        self.results.iter().enumerate().filter_map(|(place, result)| Some((place, result.as_ref().err()?)))
    }

    fn place_of<T>(&self, ticket: &Ticket<T>) -> Result<usize> {
        if ticket.batch == self.batch { Ok(ticket.place) } else { Err(foreign_ticket()) }
    }
}

fn foreign_ticket() -> Error {
    Error::invalid("this ticket belongs to another batch: use it with the results of its own batch")
}

impl fmt::Debug for BatchResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: Vec<_> = self.failures().collect();
        f.debug_struct("BatchResults").field("operations", &self.len()).field("failed", &failed).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({})", self.place)
    }
}
