//! Tools of operators: the health of a server, its version, its numbers of objects, and deletions across all of it.
//!
//! | call | request | needs |
//! |---|---|---|
//! | [`Client::heartbeat`](crate::Client::heartbeat) | `GET /__heartbeat__` | |
//! | [`Client::lb_heartbeat`](crate::Client::lb_heartbeat) | `GET /__lbheartbeat__` | |
//! | [`Client::server_version`](crate::Client::server_version) | `GET /__version__` | a `version.json` on the server |
//! | [`Client::counters`](crate::Client::counters) | `GET /__counters__` | the plugin `kinto.plugins.counters` |
//! | [`Client::delete_everything`](crate::Client::delete_everything) | `POST /__flush__` | the plugin `kinto.plugins.flush` |
//! | [`Client::delete_user_data`](crate::Client::delete_user_data) | `DELETE /__user_data__/{principal}` | the setting `user-data_delete_principals` |
//!
//! Settings, capabilities and the current user are in [`server_info`](crate::Client::server_info) instead. The other
//! endpoints of this kind, `/contribute.json` and `/__api__`, are documents for people and code generators: read them with
//! [`Client::request`](crate::Client::request).
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! let client = kinto_client::Client::builder(server.url()).build()?;
//! let heartbeat = client.heartbeat().await?;
//! for backend in heartbeat.failing() {
//!     eprintln!("{backend} is down");
//! }
//! assert!(heartbeat.is_healthy());
//! # Ok(()) }
//! ```

#![expect(private_interfaces, reason = "the traits of operations are sealed: no caller can name these types")]

mod counters;
mod delete_everything;
mod delete_user_data;
mod heartbeat;
mod server_version;

pub use counters::{Counters, GetCounters};
pub use delete_everything::DeleteEverything;
pub use delete_user_data::DeleteUserData;
pub use heartbeat::{GetHeartbeat, GetLbHeartbeat, Heartbeat};
pub use server_version::{GetServerVersion, ServerVersion};
