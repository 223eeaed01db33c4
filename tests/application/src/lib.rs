//! A shop: orders are placed over HTTP, listed on a command line, and priced by a job.

use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

pub mod cli;
pub mod pricing;
pub mod web;

/// An order of a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "shop", collection = "orders")]
pub struct Order {
    pub product: String,
    pub pieces: u32,
    /// The price in cents, which the job sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<u64>,
    #[serde(default)]
    pub cancelled: bool,
}

impl Order {
    pub fn new(product: &str, pieces: u32) -> Self {
        Self { product: product.to_owned(), pieces, price: None, cancelled: false }
    }
}

#[cfg(test)]
mod testing {
    //! Helpers of the tests.

    use std::collections::BTreeMap;

    use kinto_client::{Value, json, testing::Kinto};

    use crate::Order;

    /// A server with these orders.
    pub(crate) fn shop(orders: Value) -> Kinto {
        let kinto = Kinto::new();
        kinto.preset(json!({"shop": {"collections": {"orders": {"records": orders}}}})).unwrap();
        kinto
    }

    /// The orders that are stored, by their ids.
    pub(crate) fn orders(kinto: &Kinto) -> BTreeMap<String, Order> {
        kinto.dump_records().unwrap()
    }

    /// The requests that were received, without the path of the orders.
    pub(crate) fn lines(kinto: &Kinto) -> Vec<String> {
        let short = |line: String| line.replace("/buckets/shop/collections/orders/records", "…");
        kinto.requests().iter().map(|request| short(request.line())).collect()
    }
}
