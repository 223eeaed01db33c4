//! The web service: `POST /orders`, `GET /orders/{id}` and `POST /orders/{id}/cancel`.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use kinto_client::{Client, Error, TypedCollection};
use serde::Serialize;

use crate::Order;

#[derive(Clone)]
struct App {
    orders: TypedCollection<Order>,
}

/// An order as customers see it.
#[derive(Serialize)]
struct Placed {
    id: String,
    #[serde(flatten)]
    order: Order,
}

/// Creates the service.
pub fn router(client: &Client) -> Router {
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{id}", get(show))
        .route("/orders/{id}/cancel", post(cancel))
        .with_state(App { orders: client.typed() })
}

async fn place(State(app): State<App>, Json(order): Json<Order>) -> Result<(StatusCode, Json<Placed>), Failure> {
    let order = app.orders.create_record(order).await?;
    Ok((StatusCode::CREATED, Json(Placed { id: order.id.to_string(), order: order.data })))
}

async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Placed>, Failure> {
    let order = app.orders.get_record(id).await?;
    Ok(Json(Placed { id: order.id.to_string(), order: order.data }))
}

async fn cancel(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Placed>, Failure> {
    let order = app.orders.update_record(id, |order| order.cancelled = true).await?;
    Ok(Json(Placed { id: order.id.to_string(), order: order.data }))
}

/// A failure of Kinto, as a response.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.kind().http_status().into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use kinto_client::{Value, json, testing::Kinto};
    use tower::ServiceExt as _;

    use super::*;
    use crate::testing::{lines, orders, shop};

    /// Sends a request to the service, whose Kinto this is.
    async fn send(kinto: &Kinto, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = router(&kinto.client()).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.into()).unwrap().parse().unwrap_or_default())
    }

    #[tokio::test]
    async fn order_is_placed_and_shown() {
        let kinto = shop(json!({}));
        let (status, placed) = send(&kinto, "POST", "/orders", json!({"product": "tea", "pieces": 2})).await;
        assert_eq!(status, 201);
        let id = placed["id"].as_str().unwrap();
        assert_eq!(orders(&kinto), [(id.to_owned(), Order::new("tea", 2))].into());
        assert_eq!(send(&kinto, "GET", &format!("/orders/{id}"), json!({})).await, (200, placed));
    }

    #[tokio::test]
    async fn missing_order_is_404() {
        let kinto = shop(json!({}));
        assert_eq!(send(&kinto, "GET", "/orders/none", json!({})).await.0, 404);
        assert_eq!(lines(&kinto), ["GET …/none"]);
    }

    #[tokio::test]
    async fn cancelling_keeps_price_that_is_set_meanwhile() {
        let kinto = shop(json!({"a": {"product": "tea", "pieces": 2}}));
        kinto.before_next_write(|kinto| async move {
            let orders = kinto.client().typed::<Order>();
            orders.update_record("a", |order| order.price = Some(700)).await.unwrap();
        });
        let (status, _) = send(&kinto, "POST", "/orders/a/cancel", json!({})).await;
        assert_eq!(status, 200);
        assert_eq!(orders(&kinto)["a"], Order { price: Some(700), cancelled: true, ..Order::new("tea", 2) });
    }

    #[tokio::test(start_paused = true)]
    async fn outage_is_503_after_retries() {
        let kinto = shop(json!({}));
        kinto.fail_next(5, StatusCode::SERVICE_UNAVAILABLE);
        let (status, _) = send(&kinto, "POST", "/orders", json!({"product": "tea", "pieces": 2})).await;
        assert_eq!((status, kinto.requests().len(), orders(&kinto).len()), (503, 5, 0));
    }
}
