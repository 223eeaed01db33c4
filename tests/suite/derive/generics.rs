//! Generic structs, with bounds, defaults, constants and themselves inside.

use kinto_client::KintoRecord;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

#[derive(Serialize, Deserialize, KintoRecord)]
struct Envelope<T> {
    inner: T,
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[serde(bound = "T: Serialize + DeserializeOwned")]
struct Bounded<T: Debug = String, const N: usize = 3>
where
    Vec<T>: Clone,
{
    list: Vec<T>,
    len: usize,
    #[kinto(nested)]
    place: Place<T>,
    children: Vec<Self>,
    #[serde(skip)]
    marker: std::marker::PhantomData<Self>,
}

#[derive(Clone, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Place<T> {
    city: T,
    #[kinto(nested)]
    within: Option<Box<Place<T>>>,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Holder<T> {
    #[kinto(nested)]
    part: T,
}

fn collection<R: KintoRecord>() -> &'static str {
    R::COLLECTION
}

fn in_generic_code<T>() -> &'static str
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let _ = Envelope::<T>::fields().inner;
    collection::<Envelope<T>>()
}

#[test]
fn derive_supports_generic_structs() {
    assert_eq!(in_generic_code::<u8>(), "envelope");
    assert_eq!(collection::<Bounded>(), "bounded");
    let _ = Bounded::<u8, 2>::fields().place.within.within.city;
    let _ = Holder::<Place<String>>::fields().part.within.city;
}
