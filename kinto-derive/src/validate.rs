//! Checks of a struct that could be parsed.

use crate::ctxt::Ctxt;
use crate::items::unraw;
use crate::model::{Field, Handle, Record};
use quote::quote;
use syn::{Data, DeriveInput, Fields, LitStr};

pub(crate) mod attachment;
mod collection;
mod merge;

/// Rejects types without named fields.
pub(crate) fn shape(cx: &mut Ctxt, input: &DeriveInput) {
    match &input.data {
        Data::Enum(data) => cx.error(
            data.enum_token,
            "`KintoRecord` is for structs: a record is a JSON object with named fields\n\
             help: an enum can be the type of a field of a record\n\
             help: for records of several kinds, put an enum with `#[serde(tag = \"…\")]` into a struct, as a field with \
             `#[serde(flatten)]`",
        ),
        Data::Union(data) => cx.error(
            data.union_token,
            "`KintoRecord` is for structs: a union has no JSON; make it a struct with named fields",
        ),
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) => {}
            Fields::Unnamed(fields) => cx.error(
                fields,
                "a record is a JSON object, so its fields need names\n\
                 help: write `struct … { name: Type }` instead of `struct …(Type)`",
            ),
            Fields::Unit => cx.error(
                &input.ident,
                "a record is a JSON object, and this struct has no fields at all\n\
                 help: give it named fields, or write `{}` in place of `;` for records without data",
            ),
        },
    }
}

/// Rejects structs that cannot be a record.
pub(crate) fn record(cx: &mut Ctxt, record: &Record<'_>) {
    lifetimes(cx, record);
    serde(cx, record);
    if record.attrs.nested.is_some() {
        nested_container(cx, record);
    } else {
        ids(cx, record);
        collection::attributes(cx, record);
    }
    attachment::fields(cx, record);
    for field in &record.fields {
        nested_field(cx, field);
        merge::attributes(cx, record, field);
        index(cx, field);
    }
}

fn lifetimes(cx: &mut Ctxt, record: &Record<'_>) {
    for lifetime in record.original.generics.lifetimes() {
        cx.error(
            &lifetime.lifetime,
            format!(
                "a record owns its data, so it cannot borrow for `{}`\n\
                 help: use owned types, such as `String` instead of `&str` and `Vec<T>` instead of `&[T]`",
                lifetime.lifetime
            ),
        );
    }
    if record.original.generics.lifetimes().next().is_some() {
        return;
    }
    for reference in record.borrowing() {
        let held = &reference.elem;
        let owned = match quote!(#held).to_string().as_str() {
            "str" => "`String`, or `Cow<'static, str>` where the text is mostly known beforehand".to_owned(),
            held => format!("what owns it, such as `Box<{held}>`"),
        };
        cx.error(
            reference,
            format!(
                "a record is read from what the server sends, which a reference cannot outlive\n\
                 help: use {owned}; a field that is never read, with `#[serde(skip)]`, may stay a reference"
            ),
        );
    }
}

fn serde(cx: &mut Ctxt, record: &Record<'_>) {
    if let Some(item) = &record.serde.transparent {
        cx.error(
            &item.key,
            "a record is the JSON object of this struct's own fields; remove `transparent`, or derive `KintoRecord` on the \
             type inside",
        );
    }
    if let Some(item) = &record.serde.remote {
        cx.error(
            item,
            "`remote` implements serde's traits for another type, so this one cannot be a record; derive `KintoRecord` on a struct \
             that has a field of that type",
        );
    }
}

fn ids(cx: &mut Ctxt, record: &Record<'_>) {
    for (key, given) in [("bucket", &record.attrs.bucket), ("collection", &record.attrs.collection)] {
        if let Some(given) = given {
            id(cx, key, &given.value);
        }
    }
    let name = &record.original.ident;
    if record.attrs.collection.is_none() && wrong_char(&record.collection()).is_some() {
        cx.error(
            name,
            format!(
                "`{}` cannot be turned into the name of a collection; add `#[kinto(collection = \"…\")]`",
                unraw(name)
            ),
        );
    }
}

fn id(cx: &mut Ctxt, key: &str, literal: &LitStr) {
    if let Some(offence) = id_offence(key, &literal.value()) {
        cx.error(literal, offence);
    }
}

/// Checks an id by Kinto's rule: `^[a-zA-Z0-9][a-zA-Z0-9_-]*$`.
fn id_offence(key: &str, value: &str) -> Option<String> {
    Some(match wrong_char(value)? {
        (0, _) if value.is_empty() => format!("the {key} has no name"),
        (0, c @ ('_' | '-')) => format!("a {key} cannot begin with `{c}`: begin with a letter or a digit"),
        (at, c) => format!(
            "a {key} cannot contain {} (character {} of {value:?}): use letters `a-z` and `A-Z`, digits, `_` and `-`",
            shown(c),
            at + 1,
        ),
    })
}

/// Returns the first character that the server would refuse, and the number of characters before it.
fn wrong_char(id: &str) -> Option<(usize, char)> {
    if id.is_empty() {
        return Some((0, '_'));
    }
    let allowed = |at: usize, c: char| c.is_ascii_alphanumeric() || (at > 0 && matches!(c, '_' | '-'));
    id.chars().enumerate().find(|(at, c)| !allowed(*at, *c))
}

fn shown(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        c if c.is_whitespace() || c.is_control() => format!("`{}`", c.escape_default()),
        c => format!("`{c}`"),
    }
}

fn nested_container(cx: &mut Ctxt, record: &Record<'_>) {
    for (key, span) in record.attrs.of_collection() {
        let what = if key == "bucket" { "bucket" } else { "collection" };
        cx.error_at(
            span,
            format!("a `nested` struct is a part of records and has no {what} of its own; remove `{key}` or `nested`"),
        );
    }
}

fn nested_field(cx: &mut Ctxt, field: &Field<'_>) {
    let Some(nested) = &field.attrs.nested else {
        return;
    };
    let wire = &field.wire;
    let message = match field.handle {
        Handle::None(reason) => {
            format!("`nested` has no effect on this field: {reason}; remove `nested`")
        }
        Handle::Plain => format!(
            "the server cannot look inside of `{wire}`: only names of letters, digits and `_` can lead a path; rename the \
             field or remove `nested`"
        ),
        _ if field.serde.encoded => {
            "`nested` cannot be combined with `#[serde(with)]`, which hides the serialized form; remove one of them"
                .to_owned()
        }
        _ => return,
    };
    cx.error_at(nested.span, message);
}

fn index(cx: &mut Ctxt, field: &Field<'_>) {
    let Some(index) = &field.attrs.index else {
        return;
    };
    let message = match field.handle {
        Handle::None(reason) => format!("`index` has no effect on this field: {reason}; remove `index`"),
        Handle::Nested if field.attrs.attachment.is_some() => {
            "an index is of a single field, and an attachment has several: remove `index`".to_owned()
        }
        Handle::Nested => {
            "an index is of a single field: remove `index`, and add it to a field of the struct inside".to_owned()
        }
        _ if ["id", "last_modified"].contains(&field.wire.as_str()) => {
            format!("records always have an index by `{}`: remove `index`", field.wire)
        }
        _ => return,
    };
    cx.error_at(index.span, message);
}
