use kinto_client::{Client, ClientBuilder, testing::Kinto};

use crate::{
    failure::{Failure, Result, with_cause},
    screen,
};

/// A client of the server that was asked for, which has answered, and knows who is asking.
pub(crate) async fn open(url: &str, auth: Option<&str>) -> Result<Client> {
    check(Client::builder(url), url, auth).await
}

/// A client of a Kinto in memory, which ends with the program.
pub(crate) async fn in_memory(auth: Option<&str>) -> Result<Client> {
    let kinto = Kinto::new();
    check(kinto.client_builder(), kinto.url(), auth).await
}

async fn check(builder: ClientBuilder, url: &str, auth: Option<&str>) -> Result<Client> {
    let client = with_auth(builder, auth)?.build()?;
    let info = match client.server_info().await {
        Ok(info) => info,
        Err(error) if error.is_connect() || error.is_timeout() => {
            return Err(Failure::new(format!("no Kinto answers at {url}: {}", with_cause(&error))));
        }
        Err(error) => return Err(Failure::new(format!("is there a Kinto at {url}? {}", with_cause(&error)))),
    };
    match auth {
        Some(_) if info.user.is_none() => Err(Failure::new(format!(
            "{url} does not know this user with this password: say who you are with --auth USER:PASSWORD"
        ))),
        _ => Ok(client),
    }
}

/// Says so if a user and a password are not an account's, and nevertheless taken: where the server has the `basicauth`
/// policy as well, a wrong password is no error, but makes another user, with lists of its own.
pub(crate) async fn mind_the_user(client: &Client) -> Result<()> {
    let info = client.server_info().await?;
    let Some(user) = &info.user else { return Ok(()) };
    if info.has("accounts") && user.id.as_str().starts_with("basicauth:") {
        screen::note("no account has this name and this password; the server takes them for a user without an account");
    }
    Ok(())
}

fn with_auth(builder: ClientBuilder, auth: Option<&str>) -> Result<ClientBuilder> {
    let Some(auth) = auth else { return Ok(builder) };
    match auth.split_once(':') {
        Some(pair) => Ok(builder.auth(pair)),
        // What was given is not shown: it may be a password.
        None => Err(Failure::new("--auth (or KINTO_AUTH) is a user, a colon and a password, as in alexis:p4ssw0rd")),
    }
}
