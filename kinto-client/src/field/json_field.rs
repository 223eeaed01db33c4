//! Filters on fields of untyped JSON, by name.

use serde::Serialize;

use super::{
    filter::{has, some_of, verbatim},
    operand::{list, number_or_text, one},
};
use crate::wire::filter::{Filter, term::Operator};

/// A field of untyped JSON, selected by name with [`Filter::field`].
#[derive(Clone, Debug)]
pub struct JsonField {
    path: String,
}

impl Filter<serde_json::Value> {
    /// Starts a filter on the field with this name; dots lead to nested fields:
    /// `Filter::field("address.city").eq("Paris")`.
    ///
    /// The call checks whether the server can filter on such a name, before anything is sent.
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
    /// let stocked = todo.get_records::<Value>().filter(Filter::field("in_stock").has_key()).await?;
    /// assert_eq!(stocked[0].data, json!({"in_stock": 42}));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn field(path: impl Into<String>) -> JsonField {
        JsonField { path: path.into() }
    }
}

impl<R> Filter<R> {
    /// Selects objects whose field with this name equals this value. Use it for names with other characters than
    /// letters, digits, `_` and `.`, for which the server supports no other operator.
    ///
    /// # Errors
    ///
    /// Names that the server would misread, even so, are refused before anything is sent: those that begin with `_`,
    /// `in_`, `exclude_` or `contains_` or have space at an end.
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
                    Filter::untyped(self.path.as_str(), Operator::$operator, one($value))
                }
            )+
        }
    };
}

json_field! {
    /// Selects objects whose field is this value, of this type. Null is a value.
    eq(value) = Eq;
    /// Selects objects whose field is anything but this value, and those that lack it.
    ne(value) = Not;
}

macro_rules! json_range {
    ($($(#[$doc:meta])* $method:ident = $operator:ident;)+) => {
        impl JsonField {
            $(
                $(#[$doc])*
                pub fn $method<R>(&self, value: impl Serialize) -> Filter<R> {
                    let value = number_or_text(stringify!($method), &self.path, value);
                    Filter::untyped(self.path.as_str(), Operator::$operator, value)
                }
            )+
        }
    };
}

json_range! {
    /// Selects objects whose field is less than this, and of its type: a number or text.
    lt = Lt;
    /// Selects objects whose field is greater than this, and of its type: a number or text.
    gt = Gt;
    /// Selects objects whose field is this or greater, and of its type: a number or text.
    ge = Min;
    /// Selects objects whose field is this or less, and of its type: a number or text.
    le = Max;
}

impl JsonField {
    /// Selects objects whose field is one of these values, which may be [many](crate::field#many-values).
    pub fn is_in<R, O: Serialize>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        Filter::untyped(self.path.as_str(), Operator::In, some_of("is_in", values))
    }

    /// Selects objects whose field is none of these values, and those that lack it. There may be
    /// [many](crate::field#many-values).
    pub fn not_in<R, O: Serialize>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        Filter::untyped(self.path.as_str(), Operator::Exclude, some_of("not_in", values))
    }

    /// Selects objects that have the field, including those with null.
    pub fn has_key<R>(&self) -> Filter<R> {
        has(self.path.as_str(), true)
    }

    /// Selects objects that lack the field. Null is not missing.
    pub fn is_missing<R>(&self) -> Filter<R> {
        has(self.path.as_str(), false)
    }

    /// Selects objects whose field is text like this: [`Field::like`](super::Field::like).
    pub fn like<R>(&self, pattern: impl AsRef<str>) -> Filter<R> {
        Filter::untyped(self.path.as_str(), Operator::Like, one(verbatim(pattern.as_ref())))
    }

    /// Selects objects whose field is a list that contains this item.
    pub fn contains<R>(&self, value: impl Serialize) -> Filter<R> {
        Filter::untyped(self.path.as_str(), Operator::Contains, list([value]))
    }

    /// Selects objects whose field is a list that contains all of these items.
    pub fn contains_all<R, O: Serialize>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        Filter::untyped(self.path.as_str(), Operator::Contains, list(values))
    }

    /// Selects objects whose field is a list that contains any of these items.
    pub fn contains_any<R, O: Serialize>(&self, values: impl IntoIterator<Item = O>) -> Filter<R> {
        Filter::untyped(self.path.as_str(), Operator::ContainsAny, list(values))
    }
}
