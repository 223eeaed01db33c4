//! Information of a server about itself and about the user.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! let info = client.server_info().await?;
//! assert!(info.has("accounts"));
//! assert!(info.user.is_some());
//! # Ok(()) }
//! ```

pub use crate::{
    error::alert::Alert,
    wire::server_info::{CurrentUser, ServerInfo, ServerSettings},
};
