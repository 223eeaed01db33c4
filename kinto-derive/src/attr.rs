//! Parses `#[kinto(…)]`.

use crate::ctxt::Ctxt;
use crate::items::{self, Item, Value};
use crate::suggest;
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, LitInt, LitStr, Meta, Path};

pub(crate) mod collection;
pub(crate) mod merge;

const ON_STRUCT: &[&str] = &[
    "attachment",
    "bucket",
    "cache_expires",
    "collection",
    "crate",
    "display_fields",
    "nested",
    "permissions",
    "schema",
    "sort",
];
const ON_FIELD: &[&str] = &["attachment", "index", "key", "merge", "nested"];
/// Attributes that users may look for here although serde defines them.
const SERDE_S: &[&str] =
    &["alias", "default", "flatten", "rename", "rename_all", "skip", "skip_serializing", "skip_serializing_if", "with"];

/// `#[kinto(…)]` on the struct.
#[derive(Default)]
pub(crate) struct Container {
    /// `bucket = "…"`
    pub(crate) bucket: Option<Given<LitStr>>,
    /// `collection = "…"`
    pub(crate) collection: Option<Given<LitStr>>,
    /// `crate = "…"`
    pub(crate) krate: Option<Given<Path>>,
    /// `nested`
    pub(crate) nested: Option<Given<()>>,
    /// `sort = "-…"`
    pub(crate) sort: Option<Given<LitStr>>,
    /// `display_fields = ["…"]`
    pub(crate) display_fields: Option<Given<Vec<LitStr>>>,
    /// `cache_expires = …`
    pub(crate) cache_expires: Option<Given<LitInt>>,
    /// `attachment(…)`
    pub(crate) attachment: Option<Given<collection::Attachment>>,
    /// `permissions(…)`
    pub(crate) permissions: Option<Given<collection::Permissions>>,
    /// `schema`
    pub(crate) schema: Option<Given<()>>,
}

/// `#[kinto(…)]` on a field.
#[derive(Default)]
pub(crate) struct Field {
    /// `attachment`
    pub(crate) attachment: Option<Given<()>>,
    /// `index`
    pub(crate) index: Option<Given<()>>,
    /// `key = "…"`
    pub(crate) key: Option<Given<LitStr>>,
    /// `merge = "…"`
    pub(crate) merge: Option<Given<merge::Strategy>>,
    /// `nested`
    pub(crate) nested: Option<Given<()>>,
}

/// A value with the location of its key.
pub(crate) struct Given<T> {
    /// The location of the key.
    pub(crate) span: Span,
    /// The value.
    pub(crate) value: T,
}

impl Container {
    /// Parses the attributes of a struct.
    pub(crate) fn parse(cx: &mut Ctxt, attrs: &[Attribute]) -> Self {
        let mut container = Self::default();
        for item in kinto_items(cx, attrs, r#"#[kinto(collection = "…")]"#) {
            match item.name().as_str() {
                "bucket" => set(cx, &mut container.bucket, &item, string),
                "collection" => set(cx, &mut container.collection, &item, string),
                "crate" => set(cx, &mut container.krate, &item, path),
                "nested" => set(cx, &mut container.nested, &item, flag),
                "sort" => set(cx, &mut container.sort, &item, string),
                "display_fields" => set(cx, &mut container.display_fields, &item, collection::strings),
                "cache_expires" => set(cx, &mut container.cache_expires, &item, collection::seconds),
                "attachment" => set(cx, &mut container.attachment, &item, collection::Attachment::parse),
                "permissions" => set(cx, &mut container.permissions, &item, collection::Permissions::parse),
                "schema" => set(cx, &mut container.schema, &item, flag),
                _ => unknown(cx, &item, ON_STRUCT, "kinto attribute", ""),
            }
        }
        container
    }

    /// Returns the given keys that apply to collections only, with their locations.
    pub(crate) fn of_collection(&self) -> impl Iterator<Item = (&'static str, Span)> {
        fn at<T>(given: Option<&Given<T>>) -> Option<Span> {
            given.map(|given| given.span)
        }
        [
            ("bucket", at(self.bucket.as_ref())),
            ("collection", at(self.collection.as_ref())),
            ("sort", at(self.sort.as_ref())),
            ("display_fields", at(self.display_fields.as_ref())),
            ("cache_expires", at(self.cache_expires.as_ref())),
            ("attachment", at(self.attachment.as_ref())),
            ("permissions", at(self.permissions.as_ref())),
            ("schema", at(self.schema.as_ref())),
        ]
        .into_iter()
        .filter_map(|(key, span)| Some((key, span?)))
    }
}

impl Field {
    /// Parses the attributes of a field.
    pub(crate) fn parse(cx: &mut Ctxt, attrs: &[Attribute]) -> Self {
        let mut field = Self::default();
        for item in kinto_items(cx, attrs, "#[kinto(nested)]") {
            match item.name().as_str() {
                "attachment" if matches!(item.value, Value::List(_)) => cx.error(
                    &item,
                    "`attachment(…)` with settings belongs to the whole struct: move it to a `#[kinto(…)]` above `struct`; on a \
                     field, `attachment` stands alone",
                ),
                "attachment" => set(cx, &mut field.attachment, &item, flag),
                "index" => set(cx, &mut field.index, &item, flag),
                "key" => set(cx, &mut field.key, &item, string),
                "merge" => set(cx, &mut field.merge, &item, merge::Strategy::parse),
                "nested" => set(cx, &mut field.nested, &item, flag),
                name if ON_STRUCT.contains(&name) => cx.error(
                    &item.key,
                    format!("`{name}` belongs to the whole struct: move it to a `#[kinto(…)]` above `struct`"),
                ),
                _ => unknown(cx, &item, ON_FIELD, "kinto attribute", " on a field"),
            }
        }
        field
    }
}

/// Returns all items of all `#[kinto(…)]` attributes.
fn kinto_items(cx: &mut Ctxt, attrs: &[Attribute], example: &str) -> Vec<Item> {
    let mut all = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("kinto")) {
        match &attr.meta {
            Meta::List(list) => all.extend(items::split(list.tokens.clone())),
            meta => cx.error(meta, format!("expected a list in parentheses: `{example}`")),
        }
    }
    all
}

/// Parses the value of `item` into its place, which must be empty.
fn set<T>(cx: &mut Ctxt, place: &mut Option<Given<T>>, item: &Item, parse: fn(&mut Ctxt, &Item) -> Option<T>) {
    if place.is_some() {
        let name = item.name();
        cx.error(&item.key, format!("`{name}` is given twice; keep one of the two"));
        return;
    }
    let span = item.span();
    *place = parse(cx, item).map(|value| Given { span, value });
}

/// Reports which value `item` takes, at the location of its value.
fn takes(cx: &mut Ctxt, item: &Item, what: &str) {
    let message = format!("`{}` takes {what}", item.name());
    match &item.value {
        Value::Assigned(value) if !value.is_empty() => cx.error(value, message),
        _ => cx.error(item, message),
    }
}

fn string(cx: &mut Ctxt, item: &Item) -> Option<LitStr> {
    let name = item.name();
    let Some(literal) = item.string() else {
        takes(cx, item, &format!("a string literal: `{name} = \"…\"`"));
        return None;
    };
    if literal.value().is_empty() {
        cx.error(&literal, format!("`{name}` is empty; give it a name or leave it out"));
        return None;
    }
    Some(literal)
}

fn path(cx: &mut Ctxt, item: &Item) -> Option<Path> {
    let literal = string(cx, item)?;
    let path = literal.parse_with(Path::parse_mod_style).ok();
    if path.is_none() {
        cx.error(
            &literal,
            "`crate` takes the path under which kinto_client is found: `crate = \"my_crate::kinto_client\"`",
        );
    }
    path
}

fn flag(cx: &mut Ctxt, item: &Item) -> Option<()> {
    match &item.value {
        Value::Absent => Some(()),
        Value::Assigned(_) | Value::List(_) => {
            let name = item.name();
            cx.error(item, format!("`{name}` takes no value: `#[kinto({name})]`"));
            None
        }
    }
}

/// Reports an unknown key, with a suggestion.
fn unknown(cx: &mut Ctxt, item: &Item, known: &[&str], what: &str, place: &str) {
    let name = item.name();
    let hint = if SERDE_S.contains(&name.as_str()) {
        format!("; it is an attribute of serde: `#[serde({name})]`, which the derive also reads")
    } else if let Some(nearest) = suggest::nearest(&name, known) {
        format!("; did you mean `{nearest}`?")
    } else {
        String::new()
    };
    let expected = suggest::one_of(known);
    cx.error_at(item.key.span(), format!("unknown {what} `{name}`{place}{hint} (expected {expected})"));
}
