//! Splits the contents of `#[kinto(…)]` and `#[serde(…)]` into items, without any errors.
//!
//! `syn::Attribute::parse_nested_meta` stops at the first error and must understand every value. Here, all
//! errors are to be reported together, and the values of serde's attributes are opaque.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::LitStr;

/// One of the comma-separated items of an attribute.
#[derive(Debug)]
pub(crate) struct Item {
    /// The tokens before the value.
    pub(crate) key: TokenStream,
    /// The part after the key.
    pub(crate) value: Value,
}

/// The value of an item.
#[derive(Debug)]
pub(crate) enum Value {
    /// `key`
    Absent,
    /// `key = tokens`
    Assigned(TokenStream),
    /// `key(tokens)`
    List(TokenStream),
}

impl Item {
    /// Returns the key as text: `rename_all`.
    pub(crate) fn name(&self) -> String {
        let mut trees = self.key.clone().into_iter();
        match (trees.next(), trees.next()) {
            (Some(TokenTree::Ident(ident)), None) => ident.to_string(),
            _ => self.key.to_string().replace(' ', ""),
        }
    }

    /// Returns the value of `key = "value"`.
    pub(crate) fn string(&self) -> Option<LitStr> {
        match &self.value {
            Value::Assigned(tokens) => syn::parse2(tokens.clone()).ok(),
            _ => None,
        }
    }

    /// Returns the location of the beginning of the key.
    pub(crate) fn span(&self) -> Span {
        let first = self.key.clone().into_iter().next();
        first.map_or_else(Span::call_site, |tree| tree.span())
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.key.to_tokens(tokens);
        match &self.value {
            Value::Absent => {}
            Value::Assigned(value) | Value::List(value) => value.to_tokens(tokens),
        }
    }
}

/// Splits `a, b = "c", d(e = "f")` at its commas.
pub(crate) fn split(tokens: TokenStream) -> Vec<Item> {
    let mut items = Vec::new();
    let mut current = Vec::new();
    for tree in tokens {
        if matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == ',') {
            items.extend(item(std::mem::take(&mut current)));
        } else {
            current.push(tree);
        }
    }
    items.extend(item(current));
    items
}

fn item(trees: Vec<TokenTree>) -> Option<Item> {
    let mut key = TokenStream::new();
    let mut value = Value::Absent;
    let mut trees = trees.into_iter();
    for tree in trees.by_ref() {
        match &tree {
            TokenTree::Punct(punct) if punct.as_char() == '=' && !key.is_empty() => {
                value = Value::Assigned(TokenStream::new());
                break;
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis && !key.is_empty() => {
                value = Value::List(group.stream());
                break;
            }
            _ => key.extend([tree]),
        }
    }
    if let Value::Assigned(tokens) = &mut value {
        tokens.extend(trees);
    }
    (!key.is_empty()).then_some(Item { key, value })
}

/// Returns `name` without the `r#` of a raw identifier.
pub(crate) fn unraw(name: &Ident) -> String {
    syn::ext::IdentExt::unraw(name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn names(tokens: TokenStream) -> Vec<String> {
        split(tokens).iter().map(Item::name).collect()
    }

    #[test]
    fn splits_at_the_outer_commas_only() {
        let tokens = quote!(a, b = "c, d", e(f, g = "h"), i::j = [1, 2], crate = "k",);
        assert_eq!(names(tokens), ["a", "b", "e", "i::j", "crate"]);
    }

    #[test]
    fn reads_strings_and_nothing_else_as_strings() {
        let items = split(quote!(a = "b", c = 3, d("e"), f =));
        let strings: Vec<_> = items.iter().map(|item| item.string().map(|lit| lit.value())).collect();
        assert_eq!(strings, [Some("b".to_owned()), None, None, None]);
    }

    #[test]
    fn takes_what_is_no_item_at_all() {
        assert_eq!(names(quote!(= 3, , "text", (x))), ["=3", "\"text\"", "(x)"]);
    }

    #[test]
    fn raw_identifiers_lose_their_prefix() {
        assert_eq!(unraw(&syn::parse_quote!(r#type)), "type");
    }
}
