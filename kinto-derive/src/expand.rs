//! Expands the model into tokens, which cannot fail.

use crate::ctxt::Ctxt;
use crate::generics;
use crate::handles::Handles;
use crate::model::Record;
use crate::{fallback, validate};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{DeriveInput, Meta, Path};

mod collection;
mod indexes;
mod lists;

/// Expands the whole derive.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut cx = Ctxt::default();
    validate::shape(&mut cx, input);
    let record = Record::from_syn(&mut cx, input);
    if let Some(record) = &record {
        validate::record(&mut cx, record);
    }
    match record {
        Some(record) if cx.is_clean() => expand(&record),
        record => fallback::expand(cx, input, record.as_ref()),
    }
}

/// Returns the implementations in a block, so that the user's module gets no new names.
pub(crate) fn expand(record: &Record<'_>) -> TokenStream {
    let handles = Handles::of(record);
    let items = if record.attrs.nested.is_some() { part(record, &handles) } else { whole(record, &handles) };
    in_block(record.original, &quote!(#handles #items))
}

/// Wraps items so that they add no names to the user's module, with the lints that the struct allows.
pub(crate) fn in_block(input: &DeriveInput, items: &TokenStream) -> TokenStream {
    let allowed = input.attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => Some(&list.tokens),
        _ => None,
    });
    // The compiler warns of uses elsewhere; these are none of the user's.
    let is_deprecated = input.attrs.iter().any(|attr| attr.path().is_ident("deprecated"));
    let deprecated = is_deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #[doc(hidden)]
        #(#[allow(#allowed)])*
        #deprecated
        const _: () = { #items };
    }
}

/// `RecordData`, for a record with these keys of the envelope, and the keys of its lists.
pub(crate) fn data(
    input: &DeriveInput,
    krate: &Path,
    declares: &[&str],
    lists: Option<&TokenStream>,
    indexes: Option<&TokenStream>,
    has_schema: bool,
    has_attachment: bool,
) -> TokenStream {
    let ident = &input.ident;
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let where_clause = generics::where_data(input, krate);
    let declares = (!declares.is_empty()).then(|| quote!(const DECLARES: &'static [&'static str] = &[#(#declares),*];));
    let lists = lists.map(|lists| quote!(const LIST_KEYS: &'static [#krate::__private::ListKey] = #lists;));
    let has_schema = has_schema.then(|| {
        quote!(
            const HAS_SCHEMA: bool = true;
        )
    });
    let has_attachment = has_attachment.then(|| {
        quote!(
            const ATTACHMENT: bool = true;
        )
    });
    let indexes = indexes.map(|indexes| quote!(fn __indexes() -> ::std::vec::Vec<::std::string::String> { #indexes }));
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::object::RecordData for #ident #ty_generics #where_clause {
            #declares #lists #has_schema #has_attachment #indexes
        }
    }
}

/// Returns the implementations for a struct that is the data of records.
fn whole(record: &Record<'_>, handles: &Handles<'_>) -> TokenStream {
    let krate = record.krate();
    let input = record.original;
    let ident = &input.ident;
    let indexes = indexes::call(record, &krate, &quote!(#krate::__private::MOST_NESTED));
    let has_schema = record.attrs.schema.is_some();
    let has_attachment = record.fields.iter().any(|field| field.attrs.attachment.is_some());
    let lists = lists::keys(record, &krate);
    let declares = record.declares();
    let data = data(input, &krate, &declares, lists.as_ref(), indexes.as_ref(), has_schema, has_attachment);
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let mut where_clause = generics::where_record(input, &krate);
    if let Some(clause) = &mut where_clause {
        clause.predicates.extend(handles.bounds());
    }
    let (bucket, collection) = (record.bucket(), record.collection());
    let (fields, values) = (handles.ty(), handles.value());
    let attributes = collection::attributes(record, &krate);
    let permissions = collection::permissions(record, &krate);
    quote! {
        #data

        #[automatically_derived]
        impl #impl_generics #krate::KintoRecord for #ident #ty_generics #where_clause {
            const BUCKET: &'static str = #bucket;
            const COLLECTION: &'static str = #collection;
            type Fields = #fields;
            const FIELDS: Self::Fields = #values;
            #attributes
            #permissions
        }
    }
}

/// Returns the implementations for a nested struct.
fn part(record: &Record<'_>, handles: &Handles<'_>) -> TokenStream {
    let krate = record.krate();
    let input = record.original;
    let ident = &input.ident;
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let where_clause = generics::where_static(input, handles.bounds());
    let (fields, values) = (handles.ty(), handles.value());
    let lists = lists::keys(record, &krate)
        .map(|lists| quote!(fn __list_keys() -> &'static [#krate::__private::ListKey] { const { #lists } }));
    let indexes = indexes::call(record, &krate, &quote!(__most))
        .map(|indexes| quote!(fn __indexes(__most: usize) -> ::std::vec::Vec<::std::string::String> { #indexes }));
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::field::HasFields for #ident #ty_generics #where_clause {
            type Fields<__R: 'static, __P: #krate::__private::Prefix> = #fields;
            fn __fields<__R: 'static, __P: #krate::__private::Prefix>() -> &'static Self::Fields<__R, __P> {
                const { &#values }
            }
            #lists
            #indexes
        }
    }
}

impl ToTokens for Handles<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.definition());
    }
}
