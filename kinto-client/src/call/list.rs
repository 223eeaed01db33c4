use std::{marker::PhantomData, ops, slice, vec};

use super::{Call, Subject, pages, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        kind::{self, Kind},
        object::{Data, Object},
        path::List,
        request::Request,
        timestamp::Timestamp,
    },
};

/// All records of a collection, and when it last changed.
pub type Records<T> = Objects<kind::Record, T>;

/// All objects of a list, and when the list last changed. It is a slice of them, and can be iterated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Objects<K: Kind, T> {
    /// When the list last changed before it was read: what changes afterwards is later than this.
    pub last_modified: Timestamp,
    items: Vec<Object<K, T>>,
}

impl<K: Kind, T> Objects<K, T> {
    /// The objects, in a vector.
    #[must_use]
    pub fn into_vec(self) -> Vec<Object<K, T>> {
        self.items
    }

    /// The objects, one after the other, to be changed.
    pub fn iter_mut(&mut self) -> slice::IterMut<'_, Object<K, T>> {
        self.items.iter_mut()
    }
}

impl<K: Kind, T> ops::Deref for Objects<K, T> {
    type Target = [Object<K, T>];

    fn deref(&self) -> &Self::Target {
        &self.items
    }
}

impl<K: Kind, T> ops::DerefMut for Objects<K, T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.items
    }
}

impl<K: Kind, T> IntoIterator for Objects<K, T> {
    type Item = Object<K, T>;
    type IntoIter = vec::IntoIter<Object<K, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, K: Kind, T> IntoIterator for &'a Objects<K, T> {
    type Item = &'a Object<K, T>;
    type IntoIter = slice::Iter<'a, Object<K, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<'a, K: Kind, T> IntoIterator for &'a mut Objects<K, T> {
    type Item = &'a mut Object<K, T>;
    type IntoIter = slice::IterMut<'a, Object<K, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter_mut()
    }
}

/// Reads a list, all pages of it.
pub struct GetAll<K: Kind, T> {
    list: List<K>,
    page_size: Option<u32>,
    of: PhantomData<fn() -> T>,
}

impl<K: Kind, T: Data> GetAll<K, T> {
    pub(crate) fn new(list: List<K>) -> Self {
        Self { list, page_size: None, of: PhantomData }
    }

    fn first(&self) -> Result<Request> {
        let mut request = Request::get(self.list.checked()?, self.list.template());
        if let Some(size) = self.page_size {
            if size == 0 {
                return Err(Error::invalid("a page must have room for one object at least"));
            }
            request.query.push("_limit", &size.to_string());
        }
        Ok(request)
    }

    async fn all(&self, client: &Client) -> Result<Objects<K, T>> {
        let mut last_modified = None;
        let mut items = Vec::new();
        pages::read(client, self.first()?, |page| {
            last_modified.get_or_insert(page.timestamp);
            items.reserve(page.items.len());
            page.items.into_iter().try_for_each(|item| {
                items.push(Object::from_received(item)?);
                Ok(())
            })
        })
        .await?;
        let last_modified = last_modified.ok_or_else(|| Error::unexpected("the server sent no page".to_owned()))?;
        Ok(Objects { last_modified, items })
    }
}

impl<K: Kind, T: Data> sealed::Run for GetAll<K, T> {
    type Output = Objects<K, T>;

    async fn run(self, client: Client) -> Result<Objects<K, T>> {
        let subject = Subject::new("get", &self.list);
        self.all(&client).await.map_err(|error| subject.blame(error))
    }
}

impl<K: Kind, T: Data> Call<'_, GetAll<K, T>> {
    /// How many objects to ask for at a time; the server may send fewer. Without this it decides alone.
    pub fn page_size(mut self, objects: u32) -> Self {
        self.op.page_size = Some(objects);
        self
    }
}

debug_as_place!(GetAll [K: Kind, T] [K, T] list);
