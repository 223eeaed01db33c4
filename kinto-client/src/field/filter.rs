use serde::Serialize;

use super::{
    Field, HasFields, Nested, Opaque,
    operand::{Listed, Operand, Ordered, Sortable, Text, list, many, one},
};
use crate::{
    error::{Error, Result},
    wire::{
        filter::{Filter, Operand as Encoded, Operator},
        sort::Sort,
    },
};

/// Filters and orders, as the server understands them.
impl<R, V> Field<R, V> {
    /// The field is this. Null and a missing field are not equal to anything but `None` where it is sent as null.
    pub fn eq<O: Operand<V>>(&self, value: O) -> Filter<R> {
        Filter::new(self.path(), Operator::Eq, one(value))
    }

    /// The field is something else, or is missing.
    pub fn not<O: Operand<V>>(&self, value: O) -> Filter<R> {
        Filter::new(self.path(), Operator::Not, one(value))
    }

    /// The field is one of these, of which there must be one at least.
    pub fn is_in<O: Operand<V>>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        is_in(self.path(), values)
    }

    /// The field is none of these, of which there must be one at least, or is missing.
    pub fn not_in<O: Operand<V>>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        not_in(self.path(), values)
    }

    /// The field is there, be it null.
    pub fn is_set(&self) -> Filter<R> {
        has(self.path(), true)
    }

    /// The field is not there. Null is there.
    pub fn is_missing(&self) -> Filter<R> {
        has(self.path(), false)
    }

    /// The field is less than this.
    pub fn lt<O: Operand<V>>(&self, value: O) -> Filter<R>
    where
        V: Ordered,
    {
        Filter::new(self.path(), Operator::Lt, one(value))
    }

    /// The field is greater than this. With [`Filter::or_missing`] also what lacks it.
    pub fn gt<O: Operand<V>>(&self, value: O) -> Filter<R>
    where
        V: Ordered,
    {
        Filter::new(self.path(), Operator::Gt, one(value))
    }

    /// The field is this or greater. With [`Filter::or_missing`] also what lacks it.
    pub fn at_least<O: Operand<V>>(&self, value: O) -> Filter<R>
    where
        V: Ordered,
    {
        Filter::new(self.path(), Operator::Min, one(value))
    }

    /// The field is this or less.
    pub fn at_most<O: Operand<V>>(&self, value: O) -> Filter<R>
    where
        V: Ordered,
    {
        Filter::new(self.path(), Operator::Max, one(value))
    }

    /// The text of the field has this in it, whatever the case; or, where there is a `*` in it, is like this from its
    /// beginning to its end, `*` standing for anything. All else stands for itself; a `*` cannot be searched for.
    /// What case is, and whether `*` goes beyond the end of a line, is the storage backend's to say.
    pub fn like(&self, pattern: impl AsRef<str>) -> Filter<R>
    where
        V: Text,
    {
        Filter::new(self.path(), Operator::Like, one(verbatim(pattern.as_ref())))
    }

    /// The list has this in it.
    pub fn contains<O: Operand<V::Item>>(&self, value: O) -> Filter<R>
    where
        V: Listed,
    {
        Filter::new(self.path(), Operator::Contains, list([value]))
    }

    /// The list has all of these in it.
    pub fn contains_all<O: Operand<V::Item>>(&self, values: impl IntoIterator<Item = O>) -> Filter<R>
    where
        V: Listed,
    {
        Filter::new(self.path(), Operator::Contains, list(values))
    }

    /// The list has any of these in it.
    pub fn contains_any<O: Operand<V::Item>>(&self, values: impl IntoIterator<Item = O>) -> Filter<R>
    where
        V: Listed,
    {
        Filter::new(self.path(), Operator::ContainsAny, list(values))
    }

    /// From the least to the greatest.
    pub fn asc(&self) -> Sort<R>
    where
        V: Sortable,
    {
        Sort::new(self.path(), false)
    }

    /// From the greatest to the least.
    pub fn desc(&self) -> Sort<R>
    where
        V: Sortable,
    {
        Sort::new(self.path(), true)
    }
}

/// Filters by the JSON that is stored, since only the code of `#[serde(with = "…")]` knows how a value becomes that.
impl<R, V> Field<R, Opaque<V>> {
    /// The stored JSON is this.
    pub fn eq_json(&self, value: impl Serialize) -> Filter<R> {
        Filter::new(self.path(), Operator::Eq, one(value))
    }
}

impl<R, V: HasFields, P> Nested<R, V, P> {
    /// The struct is there, be it null.
    pub fn is_set(&self) -> Filter<R> {
        has(self.path(), true)
    }

    /// The struct is not there. Null is there.
    pub fn is_missing(&self) -> Filter<R> {
        has(self.path(), false)
    }
}

/// A field of JSON without a type, by its name: what [`Filter::field`] gives.
#[derive(Clone, Debug)]
pub struct JsonField {
    path: String,
}

impl Filter<crate::Value> {
    /// Starts a filter on the field of that name, a nested one with dots: `Filter::field("address.city").eq("Paris")`.
    ///
    /// Whether the server can filter on such a name is checked when the call is sent, and before anything is.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::{Filter, Value, json};
    ///
    /// todo.create_records([json!({"size": 42}), json!({"size": "42"}), json!({"in_stock": 42})]).await?;
    /// let numbers = todo.get_records::<Value>().filter(Filter::field("size").eq(42)).await?;
    /// assert_eq!(numbers.len(), 1);
    /// let stocked = todo.get_records::<Value>().filter(Filter::field("in_stock").is_set()).await?;
    /// assert_eq!(stocked[0].data, json!({"in_stock": 42}));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn field(path: impl Into<String>) -> JsonField {
        JsonField { path: path.into() }
    }
}

impl<R> Filter<R> {
    /// The field of that name is this: for names with other characters than letters, digits, `_` and `.`, with which
    /// the server can do no more.
    pub fn plain(name: impl Into<String>, value: impl Serialize) -> Self {
        Self::new(name, Operator::Plain, one(value))
    }
}

macro_rules! json_field {
    ($($(#[$doc:meta])* $method:ident($value:ident) = $operator:ident;)+) => {
        impl JsonField {
            $(
                $(#[$doc])*
                pub fn $method<R>(&self, $value: impl Serialize) -> Filter<R> {
                    Filter::new(self.path.as_str(), Operator::$operator, one($value))
                }
            )+
        }
    };
}

json_field! {
    /// The field is this.
    eq(value) = Eq;
    /// The field is something else, or is missing.
    not(value) = Not;
}

macro_rules! json_range {
    ($($(#[$doc:meta])* $method:ident = $operator:ident;)+) => {
        impl JsonField {
            $(
                $(#[$doc])*
                pub fn $method<R>(&self, value: impl Serialize) -> Filter<R> {
                    let value = one(value).and_then(|value| match &value {
                        Encoded::One(serde_json::Value::Number(_) | serde_json::Value::String(_)) => Ok(value),
                        _ => Err(Error::invalid(format!(
                            "`{}` of the field {:?} takes a number or text: nothing else has an order on the server",
                            stringify!($method),
                            self.path
                        ))),
                    });
                    Filter::new(self.path.as_str(), Operator::$operator, value)
                }
            )+
        }
    };
}

json_range! {
    /// The field is less than this, and of its type: a number or text.
    lt = Lt;
    /// The field is greater than this, and of its type: a number or text.
    gt = Gt;
    /// The field is this or greater, and of its type: a number or text.
    at_least = Min;
    /// The field is this or less, and of its type: a number or text.
    at_most = Max;
}

impl JsonField {
    /// The field is one of these.
    pub fn is_in<R, O: Serialize>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        is_in(self.path.as_str(), values)
    }

    /// The field is none of these, or is missing.
    pub fn not_in<R, O: Serialize>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        not_in(self.path.as_str(), values)
    }

    /// The field is there, be it null.
    pub fn is_set<R>(&self) -> Filter<R> {
        has(self.path.as_str(), true)
    }

    /// The field is not there. Null is there.
    pub fn is_missing<R>(&self) -> Filter<R> {
        has(self.path.as_str(), false)
    }

    /// The text of the field is like this: [`Field::like`].
    pub fn like<R>(&self, pattern: impl AsRef<str>) -> Filter<R> {
        Filter::new(self.path.as_str(), Operator::Like, one(verbatim(pattern.as_ref())))
    }

    /// The list has this in it.
    pub fn contains<R>(&self, value: impl Serialize) -> Filter<R> {
        Filter::new(self.path.as_str(), Operator::Contains, list([value]))
    }

    /// The list has all of these in it.
    pub fn contains_all<R, O: Serialize>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        Filter::new(self.path.as_str(), Operator::Contains, list(values))
    }

    /// The list has any of these in it.
    pub fn contains_any<R, O: Serialize>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        Filter::new(self.path.as_str(), Operator::ContainsAny, list(values))
    }
}

pub(super) fn has<R>(path: impl Into<String>, set: bool) -> Filter<R> {
    Filter::new(path, Operator::Has, one(set))
}

fn is_in<R, O: Serialize>(path: impl Into<String>, values: impl IntoIterator<Item = O>) -> Filter<R> {
    Filter::new(path, Operator::In, many(values).and_then(not_empty("is_in")))
}

fn not_in<R, O: Serialize>(path: impl Into<String>, values: impl IntoIterator<Item = O>) -> Filter<R> {
    Filter::new(path, Operator::Exclude, many(values).and_then(not_empty("not_in")))
}

/// An empty list means nothing to one storage backend of the server and everything to the other.
fn not_empty(method: &'static str) -> impl FnOnce(Encoded) -> Result<Encoded> {
    move |values| match &values {
        Encoded::Many(list) if list.is_empty() => Err(Error::invalid(format!("`{method}` takes one value at least"))),
        _ => Ok(values),
    }
}

/// The pattern with all but `*` made to stand for itself: to PostgreSQL and to the regular expressions of the memory
/// backend a backslash means that.
fn verbatim(pattern: &str) -> String {
    pattern.chars().fold(String::with_capacity(pattern.len()), |mut verbatim, c| {
        if c.is_ascii_punctuation() && c != '*' {
            verbatim.push('\\');
        }
        verbatim.push(c);
        verbatim
    })
}
