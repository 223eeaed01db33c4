//! The user that the server takes the credentials for.

use super::Client;
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::object::principal::Principal,
};

impl Client {
    /// Returns true if requests are sent with credentials.
    #[cfg(feature = "local")]
    pub(crate) fn has_credentials(&self) -> bool {
        self.shared.sender.exchange.auth.is_some()
    }

    /// Returns the user that the server takes the credentials for; `None` for nobody.
    ///
    /// The server information comes without a 401 for credentials that the server rejects. So they are refreshed here, and the
    /// server is asked again then, and also if what is known of it is older than this call: an account may be there since.
    pub(crate) async fn identify(&self) -> Result<Option<&Principal>> {
        let was_known = self.known().is_ok();
        if let Some(user) = self.info().await?.user.as_ref() {
            return Ok(Some(&user.id));
        }
        if self.shared.later_user.get().is_none() && self.shared.sender.exchange.auth.is_some() {
            let renewed = self.renew_credentials().await.map_err(not_accepted)?;
            if (renewed || was_known)
                && let Some(user) = self.ask().await?.user
            {
                self.shared.later_user.get_or_init(|| user.id);
            }
        }
        Ok(self.shared.later_user.get())
    }
}

/// Returns the error for credentials that the server rejected and that could not be refreshed.
fn not_accepted(error: Error) -> Error {
    Error::new(ErrorKind::Unauthorized, "the server did not accept the credentials, and there are no new ones")
        .caused_by(error)
}
