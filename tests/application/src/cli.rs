//! The command line: `order PRODUCT PIECES`, `orders` and `cancel ID`.

use std::io::{self, Write};

use kinto_client::{Client, Error, KintoRecord as _};

use crate::Order;

/// The reason why a command failed, as the user reads it.
#[derive(Debug, PartialEq)]
pub struct Failure(pub String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(if error.may_have_been_applied() {
            "the connection broke: look at `orders` before you try again".to_owned()
        } else if error.is_unauthorized() {
            "log in again".to_owned()
        } else if error.is_not_found() {
            "there is no such order".to_owned()
        } else {
            error.to_string()
        })
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Runs a command, and writes what it has to say.
pub async fn run(client: &Client, arguments: &[&str], out: &mut impl Write) -> Result<(), Failure> {
    let orders = client.typed::<Order>();
    match arguments {
        ["order", product, pieces] => {
            let pieces = pieces.parse().map_err(|_| Failure(format!("`{pieces}` is no number")))?;
            let order = orders.create_record(Order::new(product, pieces)).await?;
            writeln!(out, "ordered: {}", order.id)?;
        }
        ["orders"] => {
            let f = Order::fields();
            for order in orders.get_records().filter(f.cancelled.eq(false)).sort(f.product.asc()).await? {
                writeln!(out, "{} {} × {}", order.id, order.data.pieces, order.data.product)?;
            }
        }
        ["cancel", id] => {
            orders.update_record(*id, |order| order.cancelled = true).await?;
            writeln!(out, "cancelled")?;
        }
        _ => return Err(Failure("usage: order PRODUCT PIECES | orders | cancel ID".to_owned())),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kinto_client::{
        Value, json,
        testing::{Kinto, Script},
    };

    use super::*;
    use crate::testing::{lines, orders, shop};

    async fn said(kinto: &Kinto, arguments: &[&str]) -> Result<String, Failure> {
        let mut out = Vec::new();
        run(&kinto.client(), arguments, &mut out).await?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[tokio::test]
    async fn orders_are_listed_by_product() {
        let kinto = shop(json!({
            "a": {"product": "tea", "pieces": 2},
            "b": {"product": "cup", "pieces": 1, "cancelled": false},
            "c": {"product": "pot", "pieces": 1, "cancelled": true},
        }));
        assert_eq!(said(&kinto, &["orders"]).await.unwrap(), "b 1 × cup\n");
        said(&kinto, &["cancel", "b"]).await.unwrap();
        assert_eq!(said(&kinto, &["orders"]).await.unwrap(), "");
    }

    #[tokio::test]
    async fn failures_are_said_in_words() {
        let kinto = shop(json!({}));
        kinto.expire_logins(1);
        let failure = |words: &str| Err(Failure(words.to_owned()));
        assert_eq!(said(&kinto, &["orders"]).await, failure("log in again"));
        assert_eq!(said(&kinto, &["cancel", "a"]).await, failure("there is no such order"));
        assert_eq!(said(&kinto, &["order", "tea", "two"]).await, failure("`two` is no number"));
        assert!(orders(&kinto).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn order_is_placed_once_although_its_response_is_lost() {
        let kinto = shop(json!({}));
        kinto.lose_responses(1);
        let said = said(&kinto, &["order", "tea", "2"]).await.unwrap();
        let id = said.trim().strip_prefix("ordered: ").unwrap();
        assert_eq!(orders(&kinto), [(id.to_owned(), Order::new("tea", 2))].into());
        assert_eq!(lines(&kinto), [format!("PUT …/{id}"), format!("PUT …/{id}")]);
    }

    #[tokio::test]
    async fn order_is_one_request() {
        let script = Script::new();
        let created: Value = json!({"data": {"id": "a", "last_modified": 1, "product": "tea", "pieces": 2}});
        script
            .expect("PUT", "/buckets/shop/collections/orders/records/*")
            .header("If-None-Match", "*")
            .json(json!({"data": {"product": "tea", "pieces": 2, "cancelled": false}}))
            .respond_json(201, created);
        let mut out = Vec::new();
        run(&script.client(), &["order", "tea", "2"], &mut out).await.unwrap();
        assert_eq!(out, b"ordered: a\n");
    }
}
