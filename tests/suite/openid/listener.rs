//! The page that the browser is sent back to.

use kinto_tests::{Login, Outcome};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{LIMIT, Scene, opened, visit};

/// The address that the server will send the browser back to: its own request has it.
fn callback(scene: &Scene) -> url::Url {
    let sent = scene.sent.take();
    let login = sent.iter().find(|sent| sent.target.contains("/login?")).expect("a login");
    let query = login.target.split_once('?').expect("a query").1;
    let (_, callback) =
        url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "callback").expect("a callback");
    callback.parse().expect("a URL")
}

/// Sends bytes to a port of this machine, and returns what comes back.
async fn exchange(port: u16, bytes: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    // The rest of what is refused is not read, so that the connection may be reset.
    let _ = stream.read_to_end(&mut answer).await;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn listener_takes_only_its_own_address() -> Outcome {
    let scene = Scene::new().await;
    let (open, mut opened) = opened();
    let login = scene.client.openid_login("idp").open_with(open).time_limit(LIMIT).into_future();
    let strangers = async {
        let page = opened.recv().await.expect("it was opened");
        let callback = callback(&scene);
        let port = callback.port().expect("a port");
        assert_eq!(callback.host_str(), Some("127.0.0.1"));
        assert!(callback.path().len() == 65, "a random path: {callback}");

        let answer = "answer=eyJhY2Nlc3NfdG9rZW4iOiJ4In0=";
        let host = "Host: 127.0.0.1\r\n\r\n";
        for request in [
            format!("GET /?{answer} HTTP/1.1\r\n{host}"),
            format!("GET /favicon.ico HTTP/1.1\r\n{host}"),
            format!("GET {}0?{answer} HTTP/1.1\r\n{host}", callback.path()),
            format!("GET {}/?{answer} HTTP/1.1\r\n{host}", callback.path()),
            format!("POST {}?{answer} HTTP/1.1\r\n{host}", callback.path()),
            format!("HEAD {}?{answer} HTTP/1.1\r\n{host}", callback.path()),
        ] {
            let got = exchange(port, request.as_bytes()).await.expect("an answer");
            assert!(got.starts_with("HTTP/1.1 404 "), "{request}: {got}");
            assert!(!got.contains("eyJ"), "{got}");
        }
        assert_eq!(exchange(port, b"\r\n\r\n").await.expect("nothing"), "");
        let long = [b"GET /".as_slice(), &vec![b'a'; 300_000]].concat();
        exchange(port, &long).await.ok();
        // Those that say nothing hold nobody up.
        let mut silent = Vec::new();
        for _ in 0..10 {
            silent.push(TcpStream::connect(("127.0.0.1", port)).await.expect("a connection"));
        }
        let (address, status, text) = visit(page).await;
        assert_eq!((status, address.starts_with(&callback[..url::Position::AfterPath])), (200, true), "{address}");
        assert!(text.contains("You are logged in") && text.contains("history.replaceState"), "{text}");
        assert!(!text.contains("t0ken"), "{text}");
        (port, silent)
    };
    let (credentials, (port, _silent)) = tokio::join!(login, strangers);
    let client = scene.client.with_auth(credentials?)?;
    assert_eq!(client.user().await?.expect("known").id, "idp:alexis");
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "it takes one answer, and closes");
    Ok(())
}

#[tokio::test]
async fn listener_paths_differ_between_logins() -> Outcome {
    let scene = Scene::new().await;
    let mut paths = Vec::new();
    for _ in 0..2 {
        let (open, mut opened) = opened();
        let login = scene.client.openid_login("idp").open_with(open).time_limit(LIMIT).into_future();
        let (credentials, ()) = tokio::join!(login, async {
            let page = opened.recv().await.expect("it was opened");
            paths.push(callback(&scene).path().to_owned());
            visit(page).await;
        });
        credentials?;
    }
    assert_ne!(paths[0], paths[1]);
    Ok(())
}

#[tokio::test]
async fn listener_tells_the_user_that_the_login_failed() -> Outcome {
    let scene = Scene::new().await;
    scene.provider().next([Login::Refused("access_denied", "<script>alert(1)</script>")]);
    let (open, mut opened) = opened();
    let login = scene.client.openid_login("idp").open_with(open).time_limit(LIMIT).into_future();
    let (credentials, (_, status, text)) =
        tokio::join!(login, async { visit(opened.recv().await.expect("it was opened")).await });
    assert!(credentials.unwrap_err().is_authentication());
    assert!(status == 200 && text.contains("The login failed"), "{text}");
    assert!(!text.contains("alert"), "the page quotes nothing: {text}");
    Ok(())
}
