//! The job that prices new orders.

use kinto_client::{
    Client, Timestamp, TypedCollection,
    list::{Change, ChangeToken},
};

use crate::Order;

/// A job that follows the changes of the orders, and sets the price of those that have none.
pub struct Pricing {
    orders: TypedCollection<Order>,
    /// The point up to which all changes were handled.
    pub token: ChangeToken,
    cents_per_piece: u64,
}

impl Pricing {
    /// Creates a job that begins with the first order.
    pub fn new(client: &Client, cents_per_piece: u64) -> Self {
        let token = Timestamp::from_millis(0).into();
        Self { orders: client.typed(), token, cents_per_piece }
    }

    /// Handles the changes since the last run, and returns the ids of the orders that it priced.
    pub async fn run(&mut self) -> kinto_client::Result<Vec<String>> {
        let happened = self.orders.changes_since(&self.token).await?;
        let mut priced = Vec::new();
        for change in happened.changes {
            let Change::Upserted(mut order) = change else { continue };
            if order.data.price.is_some() || order.data.cancelled {
                continue;
            }
            order.data.price = Some(u64::from(order.data.pieces) * self.cents_per_piece);
            match self.orders.save_record(&mut order).await {
                Ok(_) => priced.push(order.id.to_string()),
                // Another program has changed or deleted the order, which is a change that the next run handles.
                Err(error) if error.is_conflict() || error.is_not_found() => {}
                // The token stays, so that the next run begins with the same changes.
                Err(error) => return Err(error),
            }
        }
        self.token = happened.token;
        Ok(priced)
    }
}

#[cfg(test)]
mod tests {
    use kinto_client::{Value, http::StatusCode, json};

    use super::*;
    use crate::testing::{lines, orders, shop};

    /// Three orders, of which one has a price.
    fn three() -> Value {
        json!({
            "a": {"product": "tea", "pieces": 2},
            "b": {"product": "cup", "pieces": 1},
            "c": {"product": "pot", "pieces": 1, "price": 5},
        })
    }

    #[tokio::test]
    async fn new_orders_are_priced_once() {
        let kinto = shop(three());
        let mut pricing = Pricing::new(&kinto.client(), 100);
        assert_eq!(pricing.run().await.unwrap(), ["a", "b"]);
        assert_eq!(orders(&kinto)["a"].price, Some(200));
        assert_eq!(orders(&kinto)["c"].price, Some(5));
        kinto.clear_requests();
        assert_eq!(pricing.run().await.unwrap(), [""; 0]);
        assert!(lines(&kinto).iter().all(|line| line.starts_with("GET ")), "{:?}", lines(&kinto));
    }

    #[tokio::test]
    async fn order_that_is_cancelled_meanwhile_has_no_price() {
        let kinto = shop(json!({"a": {"product": "tea", "pieces": 2}}));
        let mut pricing = Pricing::new(&kinto.client(), 100);
        kinto.before_next_write(|kinto| async move {
            let orders = kinto.client().typed::<Order>();
            orders.update_record("a", |order| order.cancelled = true).await.unwrap();
        });
        assert_eq!(pricing.run().await.unwrap(), [""; 0]);
        assert_eq!(pricing.run().await.unwrap(), [""; 0]);
        assert_eq!(orders(&kinto)["a"], Order { cancelled: true, ..Order::new("tea", 2) });
    }

    #[tokio::test(start_paused = true)]
    async fn lost_response_prices_no_order_twice() {
        let kinto = shop(three());
        let mut pricing = Pricing::new(&kinto.client(), 100);
        // The list arrives, and so does the price of the first order, whose response does not.
        kinto.pass_next(1);
        kinto.lose_responses(1);
        pricing.run().await.unwrap();
        assert_eq!(pricing.run().await.unwrap(), [""; 0]);
        assert_eq!(orders(&kinto)["a"].price, Some(200));
        assert_eq!(orders(&kinto)["b"].price, Some(100));
    }

    #[tokio::test(start_paused = true)]
    async fn run_after_outage_goes_on_where_it_began() {
        let kinto = shop(three());
        let mut pricing = Pricing::new(&kinto.client(), 100);
        kinto.pass_next(2);
        kinto.fail_next(5, StatusCode::SERVICE_UNAVAILABLE);
        assert!(pricing.run().await.is_err_and(|error| error.is_unavailable()));
        assert_eq!((orders(&kinto)["a"].price, orders(&kinto)["b"].price), (Some(200), None));
        assert_eq!(pricing.run().await.unwrap(), ["b"]);
        assert_eq!(orders(&kinto)["b"].price, Some(100));
    }
}
