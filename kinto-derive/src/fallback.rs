//! The expansion in case of errors, with implementations nevertheless: uses of the record should not cause
//! further errors.

use crate::ctxt::Ctxt;
use crate::expand;
use crate::generics;
use crate::model::Record;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Path, parse_quote};

/// Returns all errors, and as much of the expansion as the input allows.
pub(crate) fn expand(cx: Ctxt, input: &DeriveInput, record: Option<&Record<'_>>) -> TokenStream {
    let errors = cx.into_tokens();
    let items = match record {
        // serde's traits are missing on purpose; every implementation would cause one more error.
        Some(record) if record.serde.remote.is_some() => TokenStream::new(),
        // They are for `'static` alone, and the compiler would say so in words of its own.
        Some(record) if input.generics.lifetimes().next().is_none() && record.borrowing().next().is_some() => {
            TokenStream::new()
        }
        Some(record) if input.generics.lifetimes().next().is_none() => expand::expand(record),
        _ => without_fields(input, record),
    };
    quote!(#errors #items)
}

fn without_fields(input: &DeriveInput, record: Option<&Record<'_>>) -> TokenStream {
    let krate: Path = record.map_or_else(|| parse_quote!(::kinto_client), Record::krate);
    let ident = &input.ident;
    let data = expand::data(input, &krate, &[], None, None, false, false);
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let where_clause = generics::where_record(input, &krate);
    expand::in_block(
        input,
        &quote! {
            #data

            #[automatically_derived]
            impl #impl_generics #krate::KintoRecord for #ident #ty_generics #where_clause {
                const BUCKET: &'static str = "default";
                const COLLECTION: &'static str = "default";
                type Fields = ();
                const FIELDS: Self::Fields = ();
            }
        },
    )
}
