//! The struct of field handles.

use crate::generics::{parameter_inside, without_defaults, without_self};
use crate::items::unraw;
use crate::model::{Field, Handle, Record};
use crate::reading::Reading;
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, ExprLit, GenericArgument, Generics, Lit, Meta, Path, PathArguments, Type, WherePredicate,
    parse_quote,
};

/// The handles of a record's fields.
///
/// For a record, they are handles of that record. For a `nested` struct, they are handles of any record `__R`
/// that contains the struct at the path `__P`.
pub(crate) struct Handles<'a> {
    record: &'a Record<'a>,
    krate: Path,
    name: Ident,
    generics: Generics,
    /// The record that the handles belong to.
    root: TokenStream,
    /// `<__P>` if nested.
    prefix: Option<TokenStream>,
}

impl<'a> Handles<'a> {
    pub(crate) fn of(record: &'a Record<'a>) -> Self {
        let input = record.original;
        let krate = record.krate();
        let mut generics = without_defaults(&input.generics);
        let ident = &input.ident;
        let (_, ty_generics, _) = input.generics.split_for_impl();
        let mut root = quote!(#ident #ty_generics);
        let mut prefix = None;
        if record.attrs.nested.is_some() {
            generics.params.push(parse_quote!(__R));
            generics.params.push(parse_quote!(__P));
            root = quote!(__R);
            prefix = Some(quote!(<__P>));
        }
        let name = format_ident!("__{}Fields", unraw(ident));
        Self { record, krate, name, generics, root, prefix }
    }

    /// Returns the type of the handles.
    pub(crate) fn ty(&self) -> TokenStream {
        let name = &self.name;
        let (_, ty_generics, _) = self.generics.split_for_impl();
        quote!(#name #ty_generics)
    }

    /// Returns the expression of the handles.
    pub(crate) fn value(&self) -> TokenStream {
        let name = &self.name;
        let handles = self.fields().map(|field| {
            let ident = field.ident;
            let handle = self.handle(field);
            quote!(#ident: #handle)
        });
        let marker = self.is_generic().then(|| quote!(__record: ::core::marker::PhantomData));
        quote!(#name { #(#handles,)* #marker })
    }

    /// Returns the bounds on the user's parameters: nested fields have fields, and fields with a default have one.
    pub(crate) fn bounds(&self) -> impl Iterator<Item = WherePredicate> {
        self.fields().flat_map(|field| {
            let krate = &self.krate;
            let nested = parameter_inside(&self.record.original.generics, &field.original.ty)
                .filter(|_| field.handle == Handle::Nested)
                .map(|ty| parse_quote!(#ty: #krate::field::HasFields));
            nested.into_iter().chain(Reading::of(self.record, field, krate).bound())
        })
    }

    /// Returns all items that the handles need.
    pub(crate) fn definition(&self) -> TokenStream {
        let name = &self.name;
        let vis = &self.record.original.vis;
        let docs = self.struct_docs();
        let handles = self.fields().map(|field| {
            let Field { ident, original, .. } = field;
            let (vis, docs, ty) = (&original.vis, field_docs(field), self.handle_ty(field));
            quote!(#docs #vis #ident: #ty,)
        });
        let steps = self.fields().filter(|field| field.handle == Handle::Nested).map(|field| self.step(field));
        let params = without_self(self.record.original, self.generics.params.to_token_stream());
        let (_, ty_generics, where_clause) = self.generics.split_for_impl();
        let where_clause = without_self(self.record.original, where_clause.to_token_stream());
        let marker = self.is_generic().then(|| self.marker());
        let shown = name.to_string().trim_start_matches('_').to_owned();
        quote! {
            #(#steps)*

            #docs
            #vis struct #name<#params> #where_clause {
                #(#handles)*
                #marker
            }

            #[automatically_derived]
            impl<#params> ::core::clone::Clone for #name #ty_generics #where_clause {
                fn clone(&self) -> Self { *self }
            }

            #[automatically_derived]
            impl<#params> ::core::marker::Copy for #name #ty_generics #where_clause {}

            #[automatically_derived]
            impl<#params> ::core::fmt::Debug for #name #ty_generics #where_clause {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#shown).finish_non_exhaustive()
                }
            }
        }
    }

    fn fields(&self) -> impl Iterator<Item = &'a Field<'a>> {
        let fields = self.record.fields.iter();
        fields.filter(|field| !matches!(field.handle, Handle::None(_)))
    }

    fn is_generic(&self) -> bool {
        !self.generics.params.is_empty()
    }

    /// Returns a field that uses all parameters, since the handles may not use them.
    fn marker(&self) -> TokenStream {
        let ident = &self.record.original.ident;
        let (_, ty_generics, _) = self.record.original.generics.split_for_impl();
        let nested = self.prefix.as_ref().map(|_| quote!(, __R, __P));
        quote!(__record: ::core::marker::PhantomData<fn() -> (#ident #ty_generics #nested)>,)
    }

    /// Returns the type of a field's value, as far as it determines the JSON.
    fn value_ty(&self, field: &Field<'_>) -> TokenStream {
        let value = without_self(self.record.original, field.original.ty.to_token_stream());
        if field.serde.encoded {
            let krate = &self.krate;
            quote!(#krate::field::Opaque<#value>)
        } else {
            value
        }
    }

    fn handle_ty(&self, field: &Field<'_>) -> TokenStream {
        let (krate, root, value) = (&self.krate, &self.root, self.value_ty(field));
        match field.handle {
            Handle::Plain => quote!(#krate::field::PlainField<#root, #value>),
            Handle::Nested => {
                let (step, prefix) = (step_name(field), &self.prefix);
                quote!(#krate::field::Nested<#root, #value, #step #prefix>)
            }
            Handle::Typed | Handle::None(_) => quote!(#krate::field::Field<#root, #value>),
        }
    }

    fn handle(&self, field: &Field<'_>) -> TokenStream {
        let (krate, wire, original) = (&self.krate, &field.wire, field.original);
        let under = self.prefix.as_ref().map(|_| quote!(.__under(<__P as #krate::__private::Prefix>::PATH)));
        let mut reading = Reading::of(self.record, field, krate).of_handle();
        let ty = without_self(self.record.original, original.ty.to_token_stream());
        if !field.serde.encoded && field.handle != Handle::Nested && !has_one_form(&original.ty) {
            reading.extend(quote!(.__unordered({
                use #krate::__private::Ordinary as _;
                #krate::__private::Probe::<#ty>::UNORDERED
            })));
        }
        match field.handle {
            Handle::Plain => quote!(#krate::field::PlainField::__new(#wire) #under #reading),
            Handle::Nested => {
                let make = if field.attrs.attachment.is_some() { "__attachment" } else { "__new" };
                let make = Ident::new(make, Span::call_site());
                let field = quote!(#krate::field::Field::__new(#wire) #under #reading);
                let nested = quote!(#krate::field::Nested::#make(#field));
                // Reports a type without fields of its own at the location of the type.
                located_at(original.ty.span(), nested)
            }
            Handle::Typed | Handle::None(_) => {
                quote!(#krate::field::Field::__new(#wire) #under #reading)
            }
        }
    }

    /// Returns the type that stands for the path to a nested field.
    fn step(&self, field: &Field<'_>) -> TokenStream {
        let (krate, wire, step) = (&self.krate, &field.wire, step_name(field));
        let vis = &self.record.original.vis;
        let prefix = &self.prefix;
        let prefix_trait = quote!(#krate::__private::Prefix);
        let (bound, content, parent) = if prefix.is_some() {
            (
                quote!(<__P: #prefix_trait>),
                quote!((::core::marker::PhantomData<fn() -> __P>)),
                quote!(::core::option::Option::Some(<__P as #prefix_trait>::PATH)),
            )
        } else {
            (quote!(), quote!(), quote!(::core::option::Option::None))
        };
        let reading = Reading::of(self.record, field, krate).of_path();
        quote! {
            #[doc(hidden)]
            #[derive(Debug)]
            #vis struct #step #prefix #content;

            #[automatically_derived]
            impl #bound #prefix_trait for #step #prefix {
                const PATH: &'static #krate::__private::Path =
                    &#krate::__private::Path::__new(#parent, #wire) #reading;
            }
        }
    }

    fn struct_docs(&self) -> TokenStream {
        let name = unraw(&self.record.original.ident);
        let first = format!("Handles for the fields of `{name}`.");
        let without = self.record.fields.iter().filter_map(|field| match field.handle {
            Handle::None(reason) => Some(format!("`{}` has no handle: {reason}.", unraw(field.ident))),
            _ => None,
        });
        quote!(#[doc = #first] #(#[doc = ""] #[doc = #without])*)
    }
}

/// Returns true if the type is known by its name to have one JSON for each value, so that the compiler need not
/// find it out.
pub(crate) fn has_one_form(ty: &Type) -> bool {
    const PLAIN: [&str; 16] = [
        "String", "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "f32",
        "f64",
    ];
    const WRAPPERS: [&str; 3] = ["Option", "Vec", "Box"];
    let Type::Path(path) = ty else { return false };
    let Some(last) = path.path.segments.last() else { return false };
    match &last.arguments {
        PathArguments::None => PLAIN.iter().any(|name| last.ident == name),
        PathArguments::AngleBracketed(arguments) => {
            WRAPPERS.iter().any(|name| last.ident == name)
                && arguments
                    .args
                    .iter()
                    .all(|argument| matches!(argument, GenericArgument::Type(ty) if has_one_form(ty)))
        }
        PathArguments::Parenthesized(_) => false,
    }
}

/// Sets the location of all generated tokens to `span`.
fn located_at(span: Span, tokens: TokenStream) -> TokenStream {
    let relocate = |tree| {
        let mut tree = match tree {
            TokenTree::Group(group) => {
                let inner = located_at(span, group.stream());
                TokenTree::Group(Group::new(group.delimiter(), inner))
            }
            tree => tree,
        };
        tree.set_span(Span::call_site().located_at(span));
        tree
    };
    tokens.into_iter().map(relocate).collect()
}

fn step_name(field: &Field<'_>) -> Ident {
    format_ident!("__at_{}", unraw(field.ident))
}

fn field_docs(field: &Field<'_>) -> TokenStream {
    let (name, wire) = (unraw(field.ident), &field.wire);
    let mut first = if name == *wire {
        format!("The field `{name}`.")
    } else {
        format!("The field `{name}`: `{wire}` on the wire.")
    };
    if field.handle == Handle::Plain {
        first.push_str(" The server compares such a name for equality only.");
    }
    let mut docs = field.original.attrs.iter().filter(|attr| is_doc_text(attr)).peekable();
    let gap = docs.peek().map(|_| quote!(#[doc = ""]));
    quote!(#[doc = #first] #gap #(#docs)*)
}

/// Returns `true` for `#[doc = "…"]`, but not for `#[doc(…)]`.
fn is_doc_text(attr: &Attribute) -> bool {
    let Meta::NameValue(meta) = &attr.meta else {
        return false;
    };
    let text = matches!(&meta.value, Expr::Lit(ExprLit { lit: Lit::Str(_), .. }));
    text && meta.path.is_ident("doc")
}
