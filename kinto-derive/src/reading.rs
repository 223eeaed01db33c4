//! The deserialization of single fields by serde's attributes, which the handles reproduce.

use crate::generics::{mentions_parameter, without_self};
use crate::model::{Field, Record};
use crate::serde_attr::Default;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ExprPath, Path, WherePredicate, parse_quote};

/// The deserialization of one field of a record.
pub(crate) struct Reading<'a> {
    record: &'a Record<'a>,
    field: &'a Field<'a>,
    krate: &'a Path,
}

impl<'a> Reading<'a> {
    pub(crate) fn of(record: &'a Record<'a>, field: &'a Field<'a>, krate: &'a Path) -> Self {
        Self { record, field, krate }
    }

    /// Returns the method calls to add to the handle of the field.
    pub(crate) fn of_handle(&self) -> TokenStream {
        let read_as = self.read_as();
        let read_with = self.decoder().map(|decoder| quote!(.__read_with(#decoder)));
        let default = self.default().map(|default| {
            let default = self.as_held(&default);
            quote!(.__or(|| #default))
        });
        quote!(#read_as #read_with #default)
    }

    /// Returns the method calls to add to the path of the fields inside.
    pub(crate) fn of_path(&self) -> TokenStream {
        let read_as = self.read_as();
        let krate = self.krate;
        // The path must not depend on the parameters.
        let default = self.default().filter(|_| self.record.original.generics.params.is_empty());
        let default = default.map(|default| quote!(.__or(|| #krate::__private::to_raw_value(&#default))));
        quote!(#read_as #default)
    }

    /// Returns the bound on the user's parameters under which the field has a default.
    pub(crate) fn bound(&self) -> Option<WherePredicate> {
        let input = self.record.original;
        let (ident, ty) = (&input.ident, &self.field.original.ty);
        let (_, ty_generics, _) = input.generics.split_for_impl();
        match self.source()? {
            Source::Field(None) if self.is_generic() => Some(parse_quote!(#ty: ::core::default::Default)),
            Source::Container(None) if !input.generics.params.is_empty() => {
                Some(parse_quote!(#ident #ty_generics: ::core::default::Default))
            }
            _ => None,
        }
    }

    fn is_generic(&self) -> bool {
        mentions_parameter(&self.record.original.generics, self.field.original.ty.to_token_stream())
    }

    /// Returns the names of the field if they differ from the serialized one; none if the field is not
    /// deserialized.
    fn read_as(&self) -> Option<TokenStream> {
        let Field { ident, serde, wire, .. } = self.field;
        let unknown = self.record.serde.from || (!serde.encoded && serde.decoder.is_some() && self.is_generic());
        let names = if unknown { Vec::new() } else { serde.read_names(ident, &self.record.serde) };
        (names != [wire.clone()]).then(|| quote!(.__read_as(&[#(#names),*])))
    }

    /// Returns the function that deserializes the value, if it is not just the type's `Deserialize`.
    ///
    /// For types with parameters, there is none: it could need bounds that only the user's `#[serde(bound = "…")]`
    /// has.
    fn decoder(&self) -> Option<TokenStream> {
        let (krate, serde) = (self.krate, &self.field.serde);
        if self.record.serde.from || self.is_generic() {
            return None;
        }
        let value = match &serde.decoder {
            Some(path) => {
                let path = function(path)?;
                quote!(#path(#krate::__private::present(json)?))
            }
            None if serde.encoded => quote!(#krate::__private::read(json)),
            None => return None,
        };
        Some(if serde.encoded {
            quote!(|json| ::core::result::Result::Ok(#krate::field::Opaque::__new(#value?)))
        } else {
            quote!(|json| #value)
        })
    }

    /// Returns the value of a missing field.
    fn default(&self) -> Option<TokenStream> {
        let (input, ident) = (self.record.original, self.field.ident);
        let (name, ty) = (&input.ident, without_self(input, self.field.original.ty.to_token_stream()));
        let (_, ty_generics, _) = input.generics.split_for_impl();
        Some(match self.source()? {
            Source::Field(None) => quote!(<#ty as ::core::default::Default>::default()),
            Source::Container(None) => quote!(<#name #ty_generics as ::core::default::Default>::default().#ident),
            Source::Field(Some(path)) => quote!(#path()),
            Source::Container(Some(path)) => {
                quote!({ let record: #name #ty_generics = #path(); record.#ident })
            }
        })
    }

    fn source(&self) -> Option<Source> {
        if self.record.serde.from {
            return None;
        }
        let path = |default: &Default| match default {
            Default::Trait => Some(None),
            Default::Path(path) => function(path).map(Some),
        };
        match (&self.field.serde.default, &self.record.serde.default) {
            (Some(default), _) => path(default).map(Source::Field),
            (None, Some(default)) => path(default).map(Source::Container),
            (None, None) => self.field.serde.skip.de.then_some(Source::Field(None)),
        }
    }

    fn as_held(&self, value: &TokenStream) -> TokenStream {
        let krate = self.krate;
        if self.field.serde.encoded { quote!(#krate::field::Opaque::__new(#value)) } else { value.clone() }
    }
}

/// Parses a path; serde reports an invalid one.
fn function(path: &str) -> Option<ExprPath> {
    syn::parse_str(path).ok()
}

/// The source of a default: the field or the whole struct, by a function or by `Default`.
enum Source {
    Field(Option<ExprPath>),
    Container(Option<ExprPath>),
}
