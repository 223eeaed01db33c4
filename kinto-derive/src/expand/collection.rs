//! The methods that tell what is declared of the collection.

use crate::model::Record;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::Path;

/// `collection_attributes`, if there are any.
pub(super) fn attributes(record: &Record<'_>, krate: &Path) -> Option<TokenStream> {
    let attrs = &record.attrs;
    let sort = attrs.sort.as_ref().map(|given| &given.value);
    let columns = attrs.display_fields.as_ref().map(|given| given.value.as_slice()).unwrap_or_default();
    let expires = attrs.cache_expires.as_ref().map(|given| &given.value);
    let attachment = attrs.attachment.as_ref().map(|given| &given.value);
    if sort.is_none() && columns.is_empty() && expires.is_none() && attachment.is_none() {
        return None;
    }
    let sort = option(sort.map(|sort| quote!(#sort)));
    let expires = option(expires.map(|expires| quote!(#expires)));
    let attachment = option(attachment.map(|attachment| {
        let (enabled, required) = (attachment.enabled.is_some(), attachment.required.is_some());
        quote!([#enabled, #required])
    }));
    Some(quote! {
        fn collection_attributes() -> #krate::CollectionAttributes {
            #krate::__private::collection_attributes(#sort, &[#(#columns),*], #expires, #attachment)
        }
    })
}

/// `collection_permissions`, if there are any.
pub(super) fn permissions(record: &Record<'_>, krate: &Path) -> Option<TokenStream> {
    let permissions = &record.attrs.permissions.as_ref()?.value;
    let lists = permissions.lists().map(|(name, list)| {
        let name = Ident::new(name, Span::call_site());
        quote!(.#name([#(#list),*]))
    });
    Some(quote! {
        fn collection_permissions() -> ::core::option::Option<#krate::CollectionPermissions> {
            ::core::option::Option::Some(
                <#krate::CollectionPermissions as ::core::default::Default>::default() #(#lists)*
            )
        }
    })
}

fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(|| quote!(::core::option::Option::None), |value| quote!(::core::option::Option::Some(#value)))
}
