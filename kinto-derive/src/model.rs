//! The model of a struct in Kinto's terms, built without any errors.

use crate::attr;
use crate::case;
use crate::ctxt::Ctxt;
use crate::items::unraw;
use crate::serde_attr;
use crate::validate::attachment::other_than_file;
use crate::word::is_word;
use proc_macro2::Ident;
use syn::{Data, DeriveInput, Fields, GenericArgument, Path, PathArguments, Type, TypeReference, parse_quote};

/// The keys of a record that are not its data.
const ENVELOPE: [&str; 3] = ["id", "last_modified", "schema"];

/// A struct that describes records, or a part of them.
pub(crate) struct Record<'a> {
    /// The struct itself.
    pub(crate) original: &'a DeriveInput,
    /// The `#[kinto(…)]` attributes.
    pub(crate) attrs: attr::Container,
    /// The `#[serde(…)]` attributes of the struct.
    pub(crate) serde: serde_attr::Container,
    /// The fields of the struct.
    pub(crate) fields: Vec<Field<'a>>,
}

/// A field of the struct.
pub(crate) struct Field<'a> {
    /// The field itself.
    pub(crate) original: &'a syn::Field,
    /// The name of the field in Rust.
    pub(crate) ident: &'a Ident,
    /// The `#[kinto(…)]` attributes.
    pub(crate) attrs: attr::Field,
    /// The `#[serde(…)]` attributes of the field.
    pub(crate) serde: serde_attr::Field,
    /// The serialized name of the field.
    pub(crate) wire: String,
    /// The kind of handle of the field.
    pub(crate) handle: Handle,
}

/// The kind of handle of a field, by the operations that it supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handle {
    /// A handle with every operation that the type allows.
    Typed,
    /// A handle for equality only: the server allows no operator in front of such a name.
    Plain,
    /// A handle that leads to the fields inside.
    Nested,
    /// No handle, for this reason.
    None(&'static str),
}

impl<'a> Record<'a> {
    /// Reads a struct with named fields; `None` for everything else.
    pub(crate) fn from_syn(cx: &mut Ctxt, input: &'a DeriveInput) -> Option<Self> {
        let attrs = attr::Container::parse(cx, &input.attrs);
        let Data::Struct(data) = &input.data else {
            return None;
        };
        let Fields::Named(fields) = &data.fields else {
            return None;
        };
        let serde = serde_attr::Container::read(&input.attrs);
        let fields = fields.named.iter().filter_map(|field| Field::from_syn(cx, field, &serde)).collect();
        Some(Self { original: input, attrs, serde, fields })
    }

    /// Returns the path of the client crate.
    pub(crate) fn krate(&self) -> Path {
        match &self.attrs.krate {
            Some(given) => given.value.clone(),
            None => parse_quote!(::kinto_client),
        }
    }

    /// Returns the bucket, which is `default` unless given.
    pub(crate) fn bucket(&self) -> String {
        let given = self.attrs.bucket.as_ref();
        given.map_or_else(|| "default".to_owned(), |given| given.value.value())
    }

    /// Returns the collection, which is named after the struct unless given.
    pub(crate) fn collection(&self) -> String {
        match &self.attrs.collection {
            Some(given) => given.value.value(),
            None => case::snake(&unraw(&self.original.ident)),
        }
    }

    /// Returns the fields that are serialized under a name.
    pub(crate) fn written(&self) -> impl Iterator<Item = &Field<'a>> {
        let written = |field: &&Field<'a>| !(field.serde.skip.ser || field.serde.flatten || self.serde.into);
        self.fields.iter().filter(written)
    }

    /// Returns `true` if the JSON can have names that the struct itself does not tell.
    pub(crate) fn writes_more(&self) -> bool {
        self.serde.into || self.fields.iter().any(|field| field.serde.flatten && !field.serde.skip.ser)
    }

    /// The types of fields that are read from JSON, and borrow for ever what they hold.
    pub(crate) fn borrowing(&self) -> impl Iterator<Item = &syn::TypeReference> {
        let read = self
            .fields
            .iter()
            .filter(|field| !self.serde.from && !field.serde.skip.de && field.serde.decoder.is_none());
        read.filter_map(|field| reference_in(&field.original.ty))
    }

    /// Returns the keys of the envelope that the struct has fields for.
    pub(crate) fn declares(&self) -> Vec<&'static str> {
        let claimed = |name: &&str| {
            let mut fields = self.fields.iter();
            fields.any(|field| field.serde.claims(name, field.ident, &self.serde))
        };
        ENVELOPE.into_iter().filter(claimed).collect()
    }
}

/// The first reference in a type, where what is around it is read with it.
fn reference_in(ty: &Type) -> Option<&TypeReference> {
    const READ_WITH: [&str; 7] = ["Option", "Box", "Rc", "Arc", "Vec", "VecDeque", "Result"];
    match ty {
        Type::Reference(reference) => Some(reference),
        Type::Paren(inner) => reference_in(&inner.elem),
        Type::Group(inner) => reference_in(&inner.elem),
        Type::Array(list) => reference_in(&list.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(reference_in),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            if !READ_WITH.iter().any(|name| last.ident == name) {
                return None;
            }
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => reference_in(ty),
                _ => None,
            })
        }
        _ => None,
    }
}

impl<'a> Field<'a> {
    fn from_syn(cx: &mut Ctxt, original: &'a syn::Field, container: &serde_attr::Container) -> Option<Self> {
        let ident = original.ident.as_ref()?;
        let attrs = attr::Field::parse(cx, &original.attrs);
        let serde = serde_attr::Field::read(&original.attrs);
        let wire = serde.written_name(ident, container);
        let handle = handle(original, &attrs, &serde, &wire, container);
        Some(Self { original, ident, attrs, serde, wire, handle })
    }
}

fn handle(
    original: &syn::Field,
    attrs: &attr::Field,
    serde: &serde_attr::Field,
    wire: &str,
    container: &serde_attr::Container,
) -> Handle {
    // A type that cannot describe a file is reported once.
    let is_file = attrs.attachment.is_some() && other_than_file(&original.ty).is_none();
    if container.into {
        Handle::None("another type is written (`into`)")
    } else if serde.skip.ser {
        Handle::None("it is not serialized (`skip`)")
    } else if serde.flatten {
        Handle::None("its own fields take its place (`flatten`)")
    } else if wire.contains('.') {
        Handle::None("the server takes a dot in a name for a path")
    } else if wire.is_empty() {
        Handle::None("its name is empty")
    } else if !wire.chars().all(is_word) {
        Handle::Plain
    } else if (attrs.nested.is_some() || is_file) && !serde.encoded {
        Handle::Nested
    } else {
        Handle::Typed
    }
}
