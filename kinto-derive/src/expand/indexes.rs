//! Fields with an index in a store: `#[kinto(index)]`.

use crate::expand::lists::is_map;
use crate::generics::{parameter_inside, without_self};
use crate::model::{Field, Handle, Record};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Path;

/// Returns the call that lists the fields with an index, and those in structs inside; `None` if there are none.
pub(crate) fn call(record: &Record<'_>, krate: &Path, most_nested: &TokenStream) -> Option<TokenStream> {
    let own: Vec<&String> =
        record.fields.iter().filter(|field| field.attrs.index.is_some()).map(|field| &field.wire).collect();
    let nested: Vec<TokenStream> = record.fields.iter().filter_map(|field| inside(record, field, krate)).collect();
    let is_empty = own.is_empty() && nested.is_empty();
    (!is_empty).then(|| quote!(#krate::__private::indexes(&[#(#own),*], &[#(#nested),*], #most_nested)))
}

/// Returns the name of a field that is a struct, empty for one that is flattened, with the indexes of its fields.
fn inside(record: &Record<'_>, field: &Field<'_>, krate: &Path) -> Option<TokenStream> {
    let ty = &field.original.ty;
    let is_flattened = field.serde.flatten && !field.serde.skip.ser && !record.serde.into && !is_map(ty);
    let is_known = parameter_inside(&record.original.generics, ty).is_none();
    let name = match field.handle {
        Handle::Nested => field.wire.as_str(),
        _ if is_flattened => "",
        _ => return None,
    };
    let ty = without_self(record.original, ty.to_token_stream());
    is_known.then(|| {
        quote!((#name, {
            use #krate::__private::NoIndexes as _;
            #krate::__private::Lists::<#ty>::INDEXES
        }))
    })
}
