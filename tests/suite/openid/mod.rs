//! Login in the browser with OpenID Connect, against the server's plugin and a provider of the tests.

use std::{
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use kinto_client::{Auth, Client, Result, openid::OpenIdCredentials};
use kinto_server::Server;
use kinto_tests::{IdentityProvider, Login, Outcome, Recorder, shown};
use tokio::sync::{Mutex as Turns, MutexGuard, mpsc};

use crate::predicates;

mod listener;
mod refresh;

/// The provider and a server whose users it knows. Tests have them in turns, since the provider's next logins are of one.
static SCENE: LazyLock<Turns<(IdentityProvider, Server)>> = LazyLock::new(|| {
    let provider = IdentityProvider::start();
    let server = Server::builder()
        .setting("kinto.includes", "kinto.plugins.openid kinto.plugins.default_bucket")
        .setting("multiauth.policies", "idp")
        .setting("multiauth.policy.idp.use", "kinto.plugins.openid.OpenIDConnectPolicy")
        .setting("multiauth.policy.idp.issuer", provider.url())
        .setting("multiauth.policy.idp.client_id", "kinto")
        .setting("multiauth.policy.idp.client_secret", "of the server")
        .start()
        .expect("a server");
    Turns::new((provider, server))
});

struct Scene {
    turn: MutexGuard<'static, (IdentityProvider, Server)>,
    client: Client,
    sent: Recorder,
}

impl Scene {
    async fn new() -> Self {
        let turn = SCENE.lock().await;
        let _ = turn.0.logins();
        let sent = Recorder::default();
        let client = Client::builder(turn.1.url()).transport(sent.clone()).build().expect("a client");
        Self { turn, client, sent }
    }

    fn provider(&self) -> &IdentityProvider {
        &self.turn.0
    }

    fn url(&self) -> &str {
        self.turn.1.url()
    }

    async fn log_in(&self, browser: &Browser) -> Result<OpenIdCredentials> {
        self.client.openid_login("idp").open_with(browser.opener()).time_limit(LIMIT).await
    }
}

const LIMIT: Duration = Duration::from_secs(60);

/// A browser that follows whatever it is sent to, in a task of its own.
#[derive(Clone, Default)]
struct Browser {
    opened: Arc<Mutex<Vec<String>>>,
}

impl Browser {
    fn opener(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let opened = Arc::clone(&self.opened);
        move |url| {
            opened.lock().unwrap().push(url.to_owned());
            tokio::spawn(visit(url.to_owned()));
        }
    }

    fn opened(&self) -> usize {
        self.opened.lock().unwrap().len()
    }
}

/// Opens an address as a browser does, and returns the page: its address, its status and its text.
async fn visit(url: String) -> (String, u16, String) {
    let page = reqwest::get(url).await.expect("a page");
    let (address, status) = (page.url().to_string(), page.status().as_u16());
    (address, status, page.text().await.expect("text"))
}

/// A place to which the opened addresses are sent, for a test that visits them itself.
fn opened() -> (impl Fn(&str) + Send + Sync + 'static, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    (move |url: &str| tell.send(url.to_owned()).expect("the test waits for it"), told)
}

#[tokio::test]
async fn openid_login_identifies_the_user() -> Outcome {
    let scene = Scene::new().await;
    let providers = scene.client.openid_providers().await?;
    assert_eq!(providers.len(), 1);
    let provider = &providers[0];
    assert_eq!(
        (provider.name.as_str(), provider.issuer.as_str(), provider.client_id.as_str(), provider.header_type.as_str()),
        ("idp", scene.provider().url(), "kinto", "Bearer")
    );
    scene.sent.forget();
    let browser = Browser::default();
    scene.provider().next([Login::User("niko")]);
    let credentials = scene.log_in(&browser).await?;
    let lines = scene.sent.take();
    assert!(lines.iter().all(|sent| sent.header("authorization").is_none()));
    assert_eq!(
        lines.iter().map(|sent| sent.line().split('?').next().unwrap().to_owned()).collect::<Vec<_>>(),
        ["GET /", "GET /openid/idp/login"]
    );
    assert_eq!((credentials.provider(), credentials.expires_in()), ("idp", Some(Duration::from_secs(3600))));
    assert_eq!(browser.opened(), 1);

    let kept = credentials.expose_authorization();
    let client = scene.client.with_auth(credentials)?;
    let user = client.user().await?.expect("known");
    assert_eq!(user.id, "idp:niko");
    assert_eq!(user.profile.as_ref().expect("a profile")["email"], "niko@example.org");
    client.bucket("default").create_collection("notes").if_not_exists().await?;
    // What was kept is good in another run of the program.
    let later = Client::builder(scene.url()).auth(Auth::header(kept)).build()?;
    assert_eq!(later.user().await?.expect("known").id, "idp:niko");
    Ok(())
}

#[tokio::test]
async fn openid_login_sends_scopes_and_prompt() -> Outcome {
    let scene = Scene::new().await;
    let browser = Browser::default();
    let login = || scene.client.openid_login("idp").open_with(browser.opener()).time_limit(LIMIT);
    login().await?;
    login().scopes(["openid", "profile"]).silent().await?;
    let parameter = |query: &str, name: &str| {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    };
    let [first, second] = &scene.provider().logins()[..] else { panic!("two logins") };
    assert_eq!((parameter(first, "scope").as_deref(), parameter(first, "prompt")), (Some("openid email"), None));
    let second = (parameter(second, "scope"), parameter(second, "prompt"));
    assert_eq!(second, (Some("openid profile".to_owned()), Some("none".to_owned())));
    Ok(())
}

#[tokio::test]
async fn openid_login_uses_the_header_type_it_is_told() -> Outcome {
    let scene = Scene::new().await;
    let login = scene.client.openid_login("idp").open_with(Browser::default().opener()).header_type("Bearer+OIDC");
    let credentials = login.time_limit(LIMIT).await?;
    assert!(credentials.expose_authorization().starts_with("Bearer+OIDC t0ken-"));
    Ok(())
}

#[tokio::test]
async fn openid_login_refused_by_the_provider_is_an_authentication_error() -> Outcome {
    let scene = Scene::new().await;
    for (login, words) in [
        (
            Login::Refused("access_denied", "The user said no + 1 % & more"),
            "access_denied: The user said no + 1 % & more",
        ),
        (Login::Refused("login_required", ""), "login_required"),
        (Login::Answer(r#"{"error":"invalid_grant","error_description":"too late"}"#), "invalid_grant: too late"),
        (Login::Answer(r#"{"id_token":"s3cr3t"}"#), "no `access_token`"),
        (Login::Answer("s3cr3t <html>"), "is no token"),
        (Login::Answer(""), "without an answer"),
    ] {
        scene.provider().next([login.clone()]);
        let error = scene.log_in(&Browser::default()).await.unwrap_err();
        assert_eq!(predicates(&error), ["authentication"], "{login:?}: {error}");
        let source = std::error::Error::source(&error).expect("a reason").to_string();
        assert!(source.contains(words), "{login:?}: {source}");
        assert!(!shown(&error).contains("s3cr3t"), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn openid_login_refused_by_the_server_opens_no_browser() -> Outcome {
    let scene = Scene::new().await;
    let browser = Browser::default();
    let login = || scene.client.openid_login("idp").open_with(browser.opener());
    let error = login().scopes(["openid", "offline_access"]).await.unwrap_err();
    assert_eq!(predicates(&error), ["refused"], "{error}");
    assert!(error.to_string().contains("offline_access"), "{error}");
    scene.sent.forget();
    for error in [
        scene.client.openid_login("google").open_with(browser.opener()).await.unwrap_err(),
        login().scopes([""; 0]).await.unwrap_err(),
        login().scopes(["open id"]).await.unwrap_err(),
        login().time_limit(Duration::ZERO).await.unwrap_err(),
        login().header_type("Bearer x").await.unwrap_err(),
        login().header_type("").preview().unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    let error = scene.client.openid_login("google").await.unwrap_err();
    assert!(error.to_string().contains("\"google\", but idp"), "{error}");
    assert!(scene.sent.take().is_empty());
    assert_eq!(browser.opened(), 0);
    Ok(())
}

#[tokio::test]
async fn openid_without_plugin_is_unsupported() -> Outcome {
    let client = Client::builder(Server::shared()?.url()).build()?;
    for error in [client.openid_login("idp").await.unwrap_err(), client.openid_providers().await.unwrap_err()] {
        assert_eq!(predicates(&error), ["unsupported"], "{error}");
        assert!(error.to_string().contains("the server does not offer *openid*"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn openid_login_without_user_ends_at_the_time_limit() -> Outcome {
    let scene = Scene::new().await;
    let (open, mut opened) = opened();
    let login = scene.client.openid_login("idp").open_with(open).time_limit(Duration::from_millis(300)).await;
    let error = login.unwrap_err();
    assert_eq!(predicates(&error), ["timed out"], "{error}");
    assert!(error.to_string().contains("nobody logged in within 0.3 s"), "{error}");
    // The port is closed again.
    let page = opened.recv().await.expect("it was opened");
    assert!(reqwest::get(page).await.is_err(), "nobody takes the answer any more");
    Ok(())
}
