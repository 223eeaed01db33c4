//! Tests of the derive as a whole: its output and its errors.

use crate::expand::derive;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::{DeriveInput, parse_quote};

fn assert_expands(input: &DeriveInput, expected: &TokenStream) {
    let actual = derive(input).to_string();
    assert_eq!(actual.replace(" ,", ","), expected.to_string().replace(" ,", ","));
}

/// Returns the texts of all `compile_error!` invocations in the output.
fn errors(input: &DeriveInput) -> Vec<String> {
    let mut errors = Vec::new();
    let mut after_macro = false;
    for tree in derive(input) {
        match tree {
            TokenTree::Ident(ident) => after_macro = ident == "compile_error",
            TokenTree::Group(group) if after_macro => {
                let text: Option<syn::LitStr> = syn::parse2(group.stream()).ok();
                errors.extend(text.map(|text| text.value()));
            }
            _ => {}
        }
    }
    errors
}

#[test]
fn a_record() {
    assert_expands(
        &parse_quote! {
            /// A struct that is not `Copy`.
            #[kinto(bucket = "app", collection = "todos")]
            #[serde(rename_all = "kebab-case")]
            #[allow(deprecated)]
            pub(crate) struct Todo {
                /// The title of the to-do.
                pub title: String,
                due_at: Option<u32>,
                #[serde(skip)]
                cache: u8,
                id: Vec<Self>,
            }
        },
        &quote! {
            #[doc(hidden)]
            #[allow(deprecated)]
            const _: () = {
                #[doc = "Handles for the fields of `Todo`."]
                #[doc = ""]
                #[doc = "`cache` has no handle: it is not serialized (`skip`)."]
                pub(crate) struct __TodoFields<> {
                    #[doc = "The field `title`."]
                    #[doc = ""]
                    #[doc = r" The title of the to-do."]
                    pub title: ::kinto_client::field::Field<Todo, String>,
                    #[doc = "The field `due_at`: `due-at` on the wire. The server compares such a name for equality only."]
                    due_at: ::kinto_client::field::PlainField<Todo, Option<u32> >,
                    #[doc = "The field `id`."]
                    id: ::kinto_client::field::Field<Todo, Vec<Todo> >,
                }

                #[automatically_derived]
                impl<> ::core::clone::Clone for __TodoFields {
                    fn clone(&self) -> Self { *self }
                }

                #[automatically_derived]
                impl<> ::core::marker::Copy for __TodoFields {}

                #[automatically_derived]
                impl<> ::core::fmt::Debug for __TodoFields {
                    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                        f.debug_struct("TodoFields").finish_non_exhaustive()
                    }
                }

                #[automatically_derived]
                impl ::kinto_client::object::RecordData for Todo {
                    const DECLARES: &'static [&'static str] = &["id"];
                }

                #[automatically_derived]
                impl ::kinto_client::KintoRecord for Todo
                where
                    for<'__a> Todo: ::kinto_client::__private::IsData<'__a>
                {
                    const BUCKET: &'static str = "app";
                    const COLLECTION: &'static str = "todos";
                    type Fields = __TodoFields;
                    const FIELDS: Self::Fields = __TodoFields {
                        title: ::kinto_client::field::Field::__new("title"),
                        due_at: ::kinto_client::field::PlainField::__new("due-at"),
                        id: ::kinto_client::field::Field::__new("id").__unordered({
                            use ::kinto_client::__private::Ordinary as _;
                            ::kinto_client::__private::Probe::<Vec<Todo> >::UNORDERED
                        }),
                    };
                }
            };
        },
    );
}

#[test]
fn nested_generic_struct() {
    assert_expands(
        &parse_quote! {
            #[kinto(nested, crate = "kinto")]
            struct Place<T: Clone = u8> {
                #[kinto(nested)]
                within: Option<Box<T>>,
            }
        },
        &quote! {
            #[doc(hidden)]
            const _: () = {
                #[doc(hidden)]
                #[derive(Debug)]
                struct __at_within<__P>(::core::marker::PhantomData<fn() -> __P>);

                #[automatically_derived]
                impl<__P: kinto::__private::Prefix> kinto::__private::Prefix for __at_within<__P> {
                    const PATH: &'static kinto::__private::Path = &kinto::__private::Path::__new(
                        ::core::option::Option::Some(<__P as kinto::__private::Prefix>::PATH),
                        "within"
                    );
                }

                #[doc = "Handles for the fields of `Place`."]
                struct __PlaceFields<T: Clone, __R, __P> {
                    #[doc = "The field `within`."]
                    within: kinto::field::Nested<__R, Option<Box<T> >, __at_within<__P> >,
                    __record: ::core::marker::PhantomData<fn() -> (Place<T>, __R, __P)>,
                }

                #[automatically_derived]
                impl<T: Clone, __R, __P> ::core::clone::Clone for __PlaceFields<T, __R, __P> {
                    fn clone(&self) -> Self { *self }
                }

                #[automatically_derived]
                impl<T: Clone, __R, __P> ::core::marker::Copy for __PlaceFields<T, __R, __P> {}

                #[automatically_derived]
                impl<T: Clone, __R, __P> ::core::fmt::Debug for __PlaceFields<T, __R, __P> {
                    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                        f.debug_struct("PlaceFields").finish_non_exhaustive()
                    }
                }

                #[automatically_derived]
                impl<T: Clone> kinto::field::HasFields for Place<T>
                where
                    T: 'static, T: kinto::field::HasFields
                {
                    type Fields<__R: 'static, __P: kinto::__private::Prefix> = __PlaceFields<T, __R, __P>;
                    fn __fields<__R: 'static, __P: kinto::__private::Prefix>() -> &'static Self::Fields<__R, __P> {
                        const {
                            &__PlaceFields {
                                within: kinto::field::Nested::__new(
                                    kinto::field::Field::__new("within")
                                        .__under(<__P as kinto::__private::Prefix>::PATH)
                                ),
                                __record: ::core::marker::PhantomData
                            }
                        }
                    }
                }
            };
        },
    );
}

#[test]
fn collection_declaration_is_expanded() {
    let output = derive(&parse_quote! {
        #[kinto(sort = "-due", display_fields = ["title", "due"], attachment(enabled))]
        #[kinto(permissions(read = ["system.Everyone"], record_create = ["account:alexis", "/buckets/app/groups/editors"]))]
        struct Todo { title: String, due: u32 }
    });
    let methods = quote! {
        fn collection_attributes() -> ::kinto_client::object::CollectionAttributes {
            ::kinto_client::__private::collection_attributes(
                ::core::option::Option::Some("-due"),
                &["title", "due"],
                ::core::option::Option::None,
                ::core::option::Option::Some([true, false])
            )
        }
        fn collection_permissions() -> ::core::option::Option<::kinto_client::permissions::CollectionPermissions> {
            ::core::option::Option::Some(
                <::kinto_client::permissions::CollectionPermissions as ::core::default::Default>::default()
                    .read(["system.Everyone"])
                    .record_create(["account:alexis", "/buckets/app/groups/editors"])
            )
        }
    };
    assert!(output.to_string().contains(&methods.to_string()), "{output}");
}

#[test]
fn names_in_the_attribute_are_those_of_the_json() {
    let clean = |input: DeriveInput| assert_eq!(errors(&input), [""; 0]);
    clean(parse_quote! {
        #[kinto(sort = "-last_modified", display_fields = ["dueAt", "id", "place.city"], cache_expires = 0)]
        #[serde(rename_all = "camelCase")]
        struct Todo { due_at: u32, place: Place }
    });
    // The derive does not know the fields that a flattened field or another type of the whole struct contributes.
    clean(parse_quote! {
        #[kinto(sort = "title")]
        struct Todo { #[serde(flatten)] all: All }
    });
    clean(parse_quote! {
        #[kinto(sort = "title")]
        #[serde(into = "Raw")]
        struct Todo { text: String }
    });
    assert_eq!(
        errors(&parse_quote! {
            #[kinto(sort = "cache", display_fields = ["read_only"])]
            struct Todo { #[serde(skip)] cache: u8, #[serde(skip_serializing)] read_only: u8 }
        }),
        [
            "the JSON of `Todo` has no field \"cache\"; it is not serialized (`skip`) (expected one of `id`, `last_modified`)",
            "the JSON of `Todo` has no field \"read_only\"; it is not serialized (`skip`) (expected one of `id`, `last_modified`)",
        ]
    );
}

#[test]
fn generic_records_are_bounded_as_serde_bounds_them() {
    let output = derive(&parse_quote! {
        struct Envelope<T> where T: Clone { inner: T }
    });
    let bounds = quote! {
        where
            T: Clone,
            Envelope<T>: ::kinto_client::__private::Serialize
                + ::kinto_client::__private::DeserializeOwned
                + ::core::marker::Send
                + ::core::marker::Sync
                + 'static
    };
    assert!(output.to_string().contains(&bounds.to_string()), "{output}");
}

#[test]
fn mistakes_are_reported_together_and_the_traits_are_implemented_anyway() {
    let input = parse_quote! {
        #[kinto(bukket = "app", collection = "to do")]
        struct Todo {
            #[kinto(rename = "x")]
            title: String,
            #[kinto(nested)]
            #[serde(skip)]
            place: Place,
        }
    };
    assert_eq!(
        errors(&input),
        [
            "unknown kinto attribute `bukket`; did you mean `bucket`? (expected one of `attachment`, `bucket`, \
             `cache_expires`, `collection`, `crate`, `display_fields`, `nested`, `permissions`, `schema`, `sort`)",
            "unknown kinto attribute `rename` on a field; it is an attribute of serde: `#[serde(rename)]`, which the derive also reads \
             (expected one of `attachment`, `index`, `key`, `merge`, `nested`)",
            "a collection cannot contain a space (character 3 of \"to do\"): use letters `a-z` and `A-Z`, digits, `_` and `-`",
            "`nested` has no effect on this field: it is not serialized (`skip`); remove `nested`",
        ]
    );
    let output = derive(&input).to_string();
    assert!(output.contains("KintoRecord for Todo"), "{output}");
    assert!(output.contains("title : :: kinto_client :: field :: Field < Todo , String >"), "{output}");
}

#[test]
fn enums_are_refused_and_the_traits_are_implemented_anyway() {
    let input = parse_quote!(
        enum Todo {
            A,
            B {
                #[kinto(x)]
                c: u8,
            },
        }
    );
    assert_eq!(errors(&input).len(), 1);
    assert!(derive(&input).to_string().contains("KintoRecord for Todo"));
}

#[test]
fn empty_and_absent_lists_are_valid() {
    assert_eq!(
        errors(&parse_quote!(
            #[kinto()]
            struct Todo {}
        )),
        [""; 0]
    );
    assert_eq!(
        errors(&parse_quote!(
            struct Todo {}
        )),
        [""; 0]
    );
}

#[test]
fn schema_is_that_of_the_type_with_its_fields_in_order() {
    let input = parse_quote! {
        #[kinto(schema)]
        struct Todo {
            #[serde(rename = "what")]
            title: String,
            #[serde(skip)]
            seen: bool,
            #[serde(flatten)]
            more: More,
            due: u64,
        }
    };
    let output = derive(&input).to_string();
    let call = ". __with_schema (:: kinto_client :: schema :: of :: < Self > () , & [\"what\" , \"due\"])";
    assert!(output.contains(call), "{output}");
}

#[test]
fn indexes_are_those_of_the_struct_and_of_structs_inside() {
    let output = derive(&parse_quote! {
        #[serde(rename_all = "camelCase")]
        struct Order {
            #[kinto(index)]
            due_date: String,
            text: String,
            #[kinto(nested)]
            place: Option<Place>,
        }
    });
    let place = quote!(Option<Place>);
    let indexes = quote! {
        fn __indexes() -> ::std::vec::Vec<::std::string::String> {
            ::kinto_client::__private::indexes(
                &["dueDate"],
                &[("place", {
                    use ::kinto_client::__private::NoIndexes as _;
                    ::kinto_client::__private::Lists::<#place>::INDEXES
                })],
                ::kinto_client::__private::MOST_NESTED
            )
        }
    };
    assert!(output.to_string().contains(&indexes.to_string()), "{output}");
}

#[test]
fn lists_tell_by_which_field_their_items_are_known() {
    let output = derive(&parse_quote! {
        #[serde(rename_all = "camelCase")]
        struct Order {
            #[kinto(key = "slug")]
            order_lines: Vec<Line>,
            #[kinto(nested)]
            place: Option<Place>,
            #[kinto(merge = "set")]
            #[serde(alias = "labels")]
            tags: Vec<String>,
            #[serde(flatten)]
            more: More,
            #[serde(flatten)]
            rest: HashMap<String, Value>,
        }
    });
    let (lines, place, more) = (quote!(Vec<Line>), quote!(Option<Place>), quote!(More));
    let keys = quote! {
        const LIST_KEYS: &'static [::kinto_client::__private::ListKey] = &[
            ::kinto_client::__private::ListKey::__field("orderLines").__key("slug").__inside({
                use ::kinto_client::__private::NoLists as _;
                ::kinto_client::__private::ItemLists::<#lines>::KEYS
            }),
            ::kinto_client::__private::ListKey::__field("place").__inside({
                use ::kinto_client::__private::NoLists as _;
                ::kinto_client::__private::Lists::<#place>::KEYS
            }),
            ::kinto_client::__private::ListKey::__field("tags")
                .__merge(::kinto_client::__private::MergeStrategy::Set),
            ::kinto_client::__private::ListKey::__field("labels")
                .__merge(::kinto_client::__private::MergeStrategy::Set),
            ::kinto_client::__private::ListKey::__flattened({
                use ::kinto_client::__private::NoLists as _;
                ::kinto_client::__private::Lists::<#more>::KEYS
            })
        ];
    };
    assert!(output.to_string().contains(&keys.to_string()), "{output}");
    assert_eq!(
        errors(&parse_quote! {
            struct Order {
                #[kinto(key = "slug")]
                #[serde(skip)]
                skipped: Vec<Line>,
                #[kinto(key = "slug")]
                #[serde(flatten)]
                flat: Vec<Line>,
                #[kinto(nested, key = "slug")]
                nested: Place,
                #[kinto(key)]
                nothing: Vec<Line>,
            }
        }),
        [
            "`key` takes a string literal: `key = \"…\"`",
            "`key` has no effect on this field: it is not serialized (`skip`); remove `key`",
            "`key` has no effect on this field: its own fields take its place (`flatten`); remove `key`",
            "`key` is for a list, and `nested` for a struct; remove one of them",
        ]
    );
}
