//! Parses the settings of the collection in `#[kinto(…)]`.

use super::{Given, flag, set, takes, unknown};
use crate::ctxt::Ctxt;
use crate::items::{self, Item, Value};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{LitInt, LitStr};

/// `attachment(enabled, required)`
#[derive(Default)]
pub(crate) struct Attachment {
    /// `enabled`
    pub(crate) enabled: Option<Given<()>>,
    /// `required`
    pub(crate) required: Option<Given<()>>,
}

/// `permissions(read = ["…"], …)`, by the names of the methods of `CollectionPermissions`.
#[derive(Default)]
pub(crate) struct Permissions {
    /// `read = ["…"]`
    pub(crate) read: Option<Given<Vec<LitStr>>>,
    /// `write = ["…"]`
    pub(crate) write: Option<Given<Vec<LitStr>>>,
    /// `record_create = ["…"]`
    pub(crate) record_create: Option<Given<Vec<LitStr>>>,
}

impl Attachment {
    pub(super) fn parse(cx: &mut Ctxt, item: &Item) -> Option<Self> {
        let mut attachment = Self::default();
        for item in inside(cx, item, "`enabled`, and `required` if there must be a file: `attachment(enabled)`")? {
            match item.name().as_str() {
                "enabled" => set(cx, &mut attachment.enabled, &item, flag),
                "required" => set(cx, &mut attachment.required, &item, flag),
                _ => unknown(cx, &item, &["enabled", "required"], "setting", " of `attachment`"),
            }
        }
        Some(attachment)
    }
}

impl Permissions {
    pub(super) fn parse(cx: &mut Ctxt, item: &Item) -> Option<Self> {
        let mut permissions = Self::default();
        for item in inside(cx, item, "permissions by name: `permissions(read = [\"system.Everyone\"])`")? {
            match item.name().as_str() {
                "read" => set(cx, &mut permissions.read, &item, strings),
                "write" => set(cx, &mut permissions.write, &item, strings),
                "record_create" => set(cx, &mut permissions.record_create, &item, strings),
                _ => unknown(cx, &item, &["read", "write", "record_create"], "permission", " of a collection"),
            }
        }
        Some(permissions)
    }

    /// Returns the given lists, each with the name of its permission.
    pub(crate) fn lists(&self) -> impl Iterator<Item = (&'static str, &[LitStr])> {
        [("read", &self.read), ("write", &self.write), ("record_create", &self.record_create)]
            .into_iter()
            .filter_map(|(name, list)| list.as_ref().map(|list| (name, list.value.as_slice())))
    }
}

/// Returns the items of `key(…)`, of which there must be at least one.
fn inside(cx: &mut Ctxt, item: &Item, what: &str) -> Option<Vec<Item>> {
    match &item.value {
        Value::List(tokens) if !tokens.is_empty() => Some(items::split(tokens.clone())),
        _ => {
            takes(cx, item, what);
            None
        }
    }
}

/// `key = ["one", "two"]`
pub(super) fn strings(cx: &mut Ctxt, item: &Item) -> Option<Vec<LitStr>> {
    let name = item.name();
    let Some(inner) = brackets(&item.value) else {
        takes(cx, item, &format!("a list of string literals: `{name} = [\"…\"]`"));
        return None;
    };
    if inner.is_empty() {
        takes(cx, item, "at least one; leave it out if there is none");
        return None;
    }
    let mut strings = Vec::new();
    for element in items::split(inner) {
        match syn::parse2(element.to_token_stream()) {
            Ok(literal) => strings.push(literal),
            Err(_) => cx.error(&element, format!("`{name}` takes string literals: `{name} = [\"…\"]`")),
        }
    }
    // Invalid values have been reported already.
    (!strings.is_empty()).then_some(strings)
}

/// Returns the tokens inside `[…]`.
fn brackets(value: &Value) -> Option<TokenStream> {
    let Value::Assigned(tokens) = value else {
        return None;
    };
    let mut trees = tokens.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Bracket => Some(group.stream()),
        _ => None,
    }
}

/// `key = 60`
pub(super) fn seconds(cx: &mut Ctxt, item: &Item) -> Option<LitInt> {
    let literal: Option<LitInt> = match &item.value {
        Value::Assigned(tokens) => syn::parse2(tokens.clone()).ok(),
        _ => None,
    };
    let fits = literal.filter(|literal| literal.suffix().is_empty() && literal.base10_parse::<u64>().is_ok());
    if fits.is_none() {
        takes(cx, item, &format!("a whole number of seconds: `{} = 60`", item.name()));
    }
    fits
}
