//! What serde's attributes say of how a field is read, for the handle to read it in the same way.

use crate::generics::{mentions_parameter, without_self};
use crate::model::{Field, Record};
use crate::serde_attr::Default;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ExprPath, Path, WherePredicate, parse_quote};

/// How one field of a record is read.
pub(crate) struct Reading<'a> {
    record: &'a Record<'a>,
    field: &'a Field<'a>,
    krate: &'a Path,
}

impl<'a> Reading<'a> {
    pub(crate) fn of(record: &'a Record<'a>, field: &'a Field<'a>, krate: &'a Path) -> Self {
        Self { record, field, krate }
    }

    /// What is added to the field's handle.
    pub(crate) fn of_handle(&self) -> TokenStream {
        let read_as = self.read_as();
        let read_with = self.decoder().map(|decoder| quote!(.__read_with(#decoder)));
        let default = self.default().map(|default| {
            let default = self.as_held(&default);
            quote!(.__or(|| #default))
        });
        quote!(#read_as #read_with #default)
    }

    /// What is added to the path that leads to the fields inside.
    pub(crate) fn of_path(&self) -> TokenStream {
        let read_as = self.read_as();
        let krate = self.krate;
        // The path is the same whatever the parameters are.
        let default = self.default().filter(|_| self.record.original.generics.params.is_empty());
        let default = default.map(|default| quote!(.__or(|| #krate::__private::to_raw_value(&#default))));
        quote!(#read_as #default)
    }

    /// What must hold of the user's parameters for the field to have a default.
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

    /// The names, if not only that under which it is written; none if nothing is known of it.
    fn read_as(&self) -> Option<TokenStream> {
        let Field { ident, serde, wire, .. } = self.field;
        let unknown = self.record.serde.from || (!serde.encoded && serde.decoder.is_some() && self.is_generic());
        let names = if unknown { Vec::new() } else { serde.read_names(ident, &self.record.serde) };
        (names != [wire.clone()]).then(|| quote!(.__read_as(&[#(#names),*])))
    }

    /// What reads the value, where that is not the type's `Deserialize` alone. Of parameters it could ask what only the
    /// user's `#[serde(bound = "…")]` knows.
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

    /// The value where it is missing.
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

/// What is no path serde reports.
fn function(path: &str) -> Option<ExprPath> {
    syn::parse_str(path).ok()
}

/// Where a default comes from: of the field or of the whole struct, by a function or by `Default`.
enum Source {
    Field(Option<ExprPath>),
    Container(Option<ExprPath>),
}
