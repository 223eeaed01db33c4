//! Generates the methods that return the settings of the collection.

use crate::model::Record;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;

/// Returns `collection_attributes`, if there are any.
pub(super) fn attributes(record: &Record<'_>, krate: &Path) -> Option<TokenStream> {
    let attrs = &record.attrs;
    let sort = attrs.sort.as_ref().map(|given| &given.value);
    let columns = attrs.display_fields.as_ref().map(|given| given.value.as_slice()).unwrap_or_default();
    let expires = attrs.cache_expires.as_ref().map(|given| &given.value);
    let attachment = attrs.attachment.as_ref().map(|given| &given.value);
    let schema = schema(record, krate);
    if sort.is_none() && columns.is_empty() && expires.is_none() && attachment.is_none() && schema.is_none() {
        return None;
    }
    let sort = option(sort.map(|sort| quote!(#sort)));
    let expires = option(expires.map(|expires| quote!(#expires)));
    let attachment = option(attachment.map(|attachment| {
        let (enabled, required) = (attachment.enabled.is_some(), attachment.required.is_some());
        quote!([#enabled, #required])
    }));
    Some(quote! {
        fn collection_attributes() -> #krate::object::CollectionAttributes {
            #krate::__private::collection_attributes(#sort, &[#(#columns),*], #expires, #attachment)#schema
        }
    })
}

/// Returns the call that adds the schema of the type, and the order of its fields, which a schema does not
/// keep.
fn schema(record: &Record<'_>, krate: &Path) -> Option<TokenStream> {
    let span = record.attrs.schema.as_ref()?.span;
    let names = record.written().map(|field| &field.wire);
    let order = quote!(&[#(#names),*]);
    // A missing `JsonSchema` is reported at the key that requires it.
    Some(quote_spanned!(span=> .__with_schema(#krate::schema::of::<Self>(), #order)))
}

/// Returns `collection_permissions`, if there are any.
pub(super) fn permissions(record: &Record<'_>, krate: &Path) -> Option<TokenStream> {
    let permissions = &record.attrs.permissions.as_ref()?.value;
    let lists = permissions.lists().map(|(name, list)| {
        let name = Ident::new(name, Span::call_site());
        quote!(.#name([#(#list),*]))
    });
    Some(quote! {
        fn collection_permissions() -> ::core::option::Option<#krate::permissions::CollectionPermissions> {
            ::core::option::Option::Some(
                <#krate::permissions::CollectionPermissions as ::core::default::Default>::default() #(#lists)*
            )
        }
    })
}

fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(|| quote!(::core::option::Option::None), |value| quote!(::core::option::Option::Some(#value)))
}
