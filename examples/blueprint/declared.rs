//! The declaration of the buckets, groups and collections of the example.

use kinto_client::{
    Blueprint, KintoRecord,
    blueprint::{BucketSpec, GroupSpec},
    schema::JsonSchema,
};
use serde::{Deserialize, Serialize};

/// An article of the blog.
#[derive(Serialize, Deserialize, JsonSchema, KintoRecord)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(bucket = "blog", collection = "posts", schema, sort = "-date", display_fields = ["title", "date"])]
#[kinto(cache_expires = 60, permissions(read = ["system.Everyone"], write = ["group:editors"]))]
pub(crate) struct Post {
    #[schemars(length(min = 1, max = 120))]
    title: String,
    /// Markdown.
    text: String,
    date: String,
    #[serde(default)]
    tags: Vec<String>,
}

/// The comment of a reader.
#[derive(Serialize, Deserialize, JsonSchema, KintoRecord)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(bucket = "blog", collection = "comments", schema, sort = "-last_modified", display_fields = ["post", "text"])]
#[kinto(permissions(read = ["system.Everyone"], write = ["group:editors"], record_create = ["system.Authenticated"]))]
pub(crate) struct Comment {
    /// The id of the article.
    post: String,
    #[schemars(length(max = 2000))]
    text: String,
}

/// Something for sale.
#[derive(Serialize, Deserialize, JsonSchema, KintoRecord)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(bucket = "shop", collection = "products", schema, sort = "name", display_fields = ["name", "cents"])]
#[kinto(permissions(read = ["system.Everyone"], write = ["group:staff"]))]
pub(crate) struct Product {
    name: String,
    /// The price.
    cents: u32,
}

/// An order for a product.
#[derive(Serialize, Deserialize, JsonSchema, KintoRecord)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(bucket = "shop", collection = "orders", schema, sort = "-last_modified", display_fields = ["product", "pieces"])]
#[kinto(permissions(read = ["group:staff"], record_create = ["system.Authenticated"]))]
pub(crate) struct Order {
    /// The id of the product.
    product: String,
    #[schemars(range(min = 1))]
    pieces: u32,
}

/// Two buckets, two groups and four collections.
pub(crate) fn blueprint() -> Blueprint {
    let editors = GroupSpec::from(["account:alexis", "account:niko"]).permissions(|p| p.read("system.Authenticated"));
    Blueprint::new()
        .bucket("blog", BucketSpec::new().group("editors", editors))
        .collection::<Post>()
        .collection::<Comment>()
        .bucket("shop", BucketSpec::new().group("staff", ["account:remy"]).permissions(|p| p.write("group:staff")))
        .collection::<Product>()
        .collection::<Order>()
}
