//! Reads serde's own attributes, as far as they affect the JSON.
//!
//! It raises no errors, since serde reports its invalid attributes itself.

use crate::case::Case;
use crate::items::{self, Item, Value};
use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Attribute, Meta};

/// A setting for serialization and for deserialization.
#[derive(Debug, std::default::Default, PartialEq, Eq)]
pub(crate) struct Both<T> {
    /// The value for `Serialize`.
    pub(crate) ser: T,
    /// The value for `Deserialize`.
    pub(crate) de: T,
}

/// The attributes of serde on the struct, as far as they affect the JSON.
#[derive(Debug, std::default::Default)]
pub(crate) struct Container {
    /// `rename_all`
    pub(crate) rename_all: Both<Case>,
    /// `transparent`, which makes it no JSON object.
    pub(crate) transparent: Option<Item>,
    /// `remote`, which implements serde's traits for another type.
    pub(crate) remote: Option<Item>,
    /// `into`: another type is written instead.
    pub(crate) into: bool,
    /// `from`, `try_from`: another type is read instead.
    pub(crate) from: bool,
    /// `default`
    pub(crate) default: Option<Default>,
}

/// The source of a default.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Default {
    /// `default`: the type's own.
    Trait,
    /// `default = "path"`
    Path(String),
}

/// The attributes of serde on a field, as far as they affect the JSON.
#[derive(Debug, std::default::Default)]
pub(crate) struct Field {
    /// `rename`
    rename: Both<Option<String>>,
    /// `alias`
    aliases: Vec<String>,
    /// `skip`, `skip_serializing`, `skip_deserializing`
    pub(crate) skip: Both<bool>,
    /// `flatten`
    pub(crate) flatten: bool,
    /// `with`, `serialize_with`: the type says nothing about the JSON.
    pub(crate) encoded: bool,
    /// `with`, `deserialize_with`: the path of what reads it.
    pub(crate) decoder: Option<String>,
    /// `default`
    pub(crate) default: Option<Default>,
}

impl Container {
    /// Reads the attributes of a struct.
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut container = Self::default();
        for item in serde_items(attrs) {
            match item.name().as_str() {
                "rename_all" => {
                    let Both { ser, de } = strings(&item);
                    let rules = &mut container.rename_all;
                    rules.ser = ser.map_or(rules.ser, |rule| Case::named(&rule));
                    rules.de = de.map_or(rules.de, |rule| Case::named(&rule));
                }
                "transparent" => container.transparent = Some(item),
                "remote" => container.remote = Some(item),
                "into" => container.into = true,
                "from" | "try_from" => container.from = true,
                "default" => container.default = Some(Default::of(&item)),
                _ => {}
            }
        }
        container
    }
}

impl Field {
    /// Reads the attributes of a field.
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut field = Self::default();
        for item in serde_items(attrs) {
            match item.name().as_str() {
                "rename" => {
                    let Both { ser, de } = strings(&item);
                    field.rename.ser = ser.or(field.rename.ser);
                    field.rename.de = de.or(field.rename.de);
                }
                "alias" => field.aliases.extend(item.string().map(|lit| lit.value())),
                "skip" => field.skip = Both { ser: true, de: true },
                "skip_serializing" => field.skip.ser = true,
                "skip_deserializing" => field.skip.de = true,
                "flatten" => field.flatten = true,
                "with" => {
                    field.encoded = true;
                    field.decoder = item.string().map(|lit| format!("{}::deserialize", lit.value()));
                }
                "serialize_with" => field.encoded = true,
                "deserialize_with" => field.decoder = item.string().map(|lit| lit.value()),
                "default" => field.default = Some(Default::of(&item)),
                _ => {}
            }
        }
        field
    }

    /// Returns the serialized name of the field.
    pub(crate) fn written_name(&self, ident: &Ident, container: &Container) -> String {
        let rule = container.rename_all.ser;
        let renamed = self.rename.ser.clone();
        renamed.unwrap_or_else(|| rule.apply(&items::unraw(ident)))
    }

    /// Returns the names under which the field is deserialized.
    pub(crate) fn read_names(&self, ident: &Ident, container: &Container) -> Vec<String> {
        if self.skip.de || self.flatten {
            return Vec::new();
        }
        let rule = container.rename_all.de;
        let renamed = self.rename.de.clone();
        let name = renamed.unwrap_or_else(|| rule.apply(&items::unraw(ident)));
        [name].into_iter().chain(self.aliases.iter().cloned()).collect()
    }

    /// Returns `true` if this field is serialized or deserialized under `name`.
    pub(crate) fn claims(&self, name: &str, ident: &Ident, container: &Container) -> bool {
        let writes = !self.skip.ser && !self.flatten && self.written_name(ident, container) == name;
        writes || self.read_names(ident, container).iter().any(|read| read == name)
    }
}

impl Default {
    fn of(item: &Item) -> Self {
        item.string().map_or(Self::Trait, |lit| Self::Path(lit.value()))
    }
}

fn serde_items(attrs: &[Attribute]) -> Vec<Item> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("serde"))
        .filter_map(|attr| match &attr.meta {
            Meta::List(list) => Some(items::split(list.tokens.to_token_stream())),
            _ => None,
        })
        .flatten()
        .collect()
}

/// Reads `key = "both"`, or `key(serialize = "one", deserialize = "other")`.
fn strings(item: &Item) -> Both<Option<String>> {
    let both = item.string().map(|lit| lit.value());
    let mut strings = Both { ser: both.clone(), de: both };
    if let Value::List(tokens) = &item.value {
        for item in items::split(tokens.clone()) {
            let value = item.string().map(|lit| lit.value());
            match item.name().as_str() {
                "serialize" => strings.ser = value,
                "deserialize" => strings.de = value,
                _ => {}
            }
        }
    }
    strings
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::{Data, DeriveInput, parse_quote};

    fn each<T>(input: &DeriveInput, f: impl Fn(&Ident, &Field, &Container) -> T) -> Vec<T> {
        let container = Container::read(&input.attrs);
        let Data::Struct(data) = &input.data else {
            return Vec::new();
        };
        let fields = data.fields.iter().filter_map(|field| {
            let ident = field.ident.as_ref()?;
            Some(f(ident, &Field::read(&field.attrs), &container))
        });
        fields.collect()
    }

    fn written(input: &DeriveInput) -> Vec<String> {
        each(input, |ident, field, container| field.written_name(ident, container))
    }

    #[test]
    fn wire_names() {
        let names = written(&parse_quote! {
            #[serde(deny_unknown_fields, rename_all = "camelCase", bound(serialize = "T: A, U: B"))]
            struct Todo {
                due_at: u8,
                #[serde(default = "a::b", rename = "when")]
                #[serde(skip_serializing_if = "Option::is_none")]
                done_at: u8,
                #[serde(rename(deserialize = "x"))]
                read_as: u8,
                #[serde(rename(serialize = "y", deserialize = "z"))]
                written_as: u8,
                r#type: u8,
                r#async_fn: u8,
            }
        });
        assert_eq!(names, ["dueAt", "when", "readAs", "y", "type", "asyncFn"]);
    }

    #[test]
    fn split_rename_all() {
        let names = written(&parse_quote! {
            #[serde(rename_all(serialize = "kebab-case", deserialize = "camelCase"))]
            struct Todo { due_at: u8 }
        });
        assert_eq!(names, ["due-at"]);
    }

    #[test]
    fn containers() {
        let input: DeriveInput = parse_quote! {
            #[serde(transparent, into = "Raw", try_from = "Raw", remote = "Other", new_key(x), 3)]
            #[serde]
            struct Todo;
        };
        let container = Container::read(&input.attrs);
        assert!(container.transparent.is_some_and(|item| item.name() == "transparent"));
        assert!(container.remote.is_some());
        assert!(container.into);
        assert_eq!(container.rename_all.ser, Case::AsWritten);
    }

    #[test]
    fn claimed_names() {
        let claims =
            |input: &DeriveInput| each(input, |ident, field, container| field.claims("id", ident, container)) == [true];
        assert!(claims(&parse_quote!(
            struct T {
                id: u8,
            }
        )));
        assert!(claims(&parse_quote!(
            struct T {
                #[serde(rename = "id")]
                key: u8,
            }
        )));
        assert!(claims(&parse_quote!(
            struct T {
                #[serde(alias = "id")]
                key: u8,
            }
        )));
        assert!(claims(&parse_quote!(
            struct T {
                #[serde(rename(serialize = "x"))]
                id: u8,
            }
        )));
        assert!(claims(&parse_quote!(
            struct T {
                #[serde(skip_serializing)]
                id: u8,
            }
        )));
        assert!(!claims(&parse_quote!(
            struct T {
                #[serde(skip)]
                id: u8,
            }
        )));
        assert!(!claims(&parse_quote!(
            struct T {
                #[serde(flatten)]
                id: u8,
            }
        )));
        assert!(!claims(&parse_quote!(
            struct T {
                #[serde(rename = "x")]
                id: u8,
            }
        )));
        assert!(!claims(&parse_quote!(
            #[serde(rename_all = "UPPERCASE")]
            struct T {
                id: u8,
            }
        )));
    }
}
