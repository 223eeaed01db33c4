//! Credentials and headers, which stay with the Kinto server.

use kinto_client::{Client, Collection, json};
use kinto_tests::{Fault, Outcome, Proxy};

use super::Scene;

const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

async fn abroad() -> Proxy {
    Proxy::instead(|_| Fault::answer(200, &["Content-Type: text/plain"], "abc")).await
}

/// A record whose file is said to be there, and a client with a secret header.
async fn record_at(scene: &Scene, location: &str, url: &str) -> Collection {
    let attachment =
        json!({"filename": "a.txt", "location": location, "hash": SHA256_OF_ABC, "mimetype": "text/plain", "size": 3});
    scene.plain.send(http::Method::DELETE, &scene.record("list"), None).await;
    scene.plain.put_data(&scene.record("list"), &json!({"attachment": attachment})).await;
    let client: Client = scene.client_at(url).header("x-api-key", "s3cr3t").build().expect("a client");
    scene.todos_of(&client)
}

fn is_bare(sent: &kinto_tests::SentRequest) -> bool {
    let has = |name: &str| sent.header(name).is_some();
    !has("authorization") && !has("x-api-key") && !has("x-own") && has("user-agent")
}

#[tokio::test]
async fn file_on_another_host_is_requested_without_credentials() -> Outcome {
    let scene = Scene::new().await;
    let other = abroad().await;
    let todos = record_at(&scene, &format!("{}/a.txt", other.origin()), scene.url()).await;
    assert_eq!(todos.download_attachment("list").header("x-own", "s3cr3t").await?, "abc");
    let arrived = other.arrived();
    assert!(arrived.len() == 1 && is_bare(&arrived[0]), "{arrived:#?}");
    assert_eq!(arrived[0].header("accept-encoding"), Some("identity"));
    Ok(())
}

#[tokio::test]
async fn file_on_the_server_is_requested_with_credentials_and_a_redirect_drops_them() -> Outcome {
    let scene = Scene::new().await;
    let home = Proxy::start(scene.url(), |sent| match &*sent.target {
        "/v1/admin/secret" => Fault::answer(200, &[], "abc"),
        _ => Fault::Pass,
    })
    .await;
    let (back, target) = (format!("{}/v1/admin/secret", home.origin()), home.origin().to_owned());
    let other = Proxy::instead(move |_| Fault::redirect(302, &back)).await;
    let away = format!("{}/a.txt", other.origin());
    let first = Proxy::start(scene.url(), move |sent| match &*sent.target {
        "/v1/admin/a.txt" => Fault::redirect(302, &away),
        _ => Fault::Pass,
    })
    .await;
    let todos = record_at(&scene, "/v1/admin/a.txt", first.url()).await;
    assert_eq!(todos.download_attachment("list").await?, "abc");
    let own = first.arrived().into_iter().find(|sent| sent.target == "/v1/admin/a.txt").expect("it went home first");
    assert!(own.header("authorization").is_some() && own.header("x-api-key").is_some());
    assert!(is_bare(&other.arrived()[0]) && is_bare(&home.arrived()[0]), "{target}");
    Ok(())
}

#[tokio::test]
async fn redirect_back_home_from_another_host_stays_without_credentials() -> Outcome {
    let scene = Scene::new().await;
    let home = Proxy::start(scene.url(), |sent| match &*sent.target {
        "/v1/admin/secret" => Fault::answer(200, &[], "abc"),
        _ => Fault::Pass,
    })
    .await;
    let back = format!("{}/v1/admin/secret", home.origin());
    let other = Proxy::instead(move |_| Fault::redirect(302, &back)).await;
    let todos = record_at(&scene, &format!("{}/a.txt", other.origin()), home.url()).await;
    assert_eq!(todos.download_attachment("list").await?, "abc");
    let arrived = home.arrived();
    assert!(is_bare(arrived.last().expect("a request")), "{arrived:#?}");
    Ok(())
}

#[tokio::test]
async fn location_that_is_no_file_of_the_web_is_refused() -> Outcome {
    let scene = Scene::new().await;
    for location in ["file:///etc/passwd", "http://u:s3cr3t@127.0.0.1/a", "javascript:1", "http://["] {
        let todos = record_at(&scene, location, scene.url()).await;
        let error = todos.download_attachment("list").await.unwrap_err();
        assert!(error.is_unexpected() && !error.to_string().contains("s3cr3t"), "{location}: {error}");
    }
    let endless = Proxy::instead(|_| Fault::redirect(302, "/again")).await;
    let todos = record_at(&scene, &format!("{}/a.txt", endless.origin()), scene.url()).await;
    assert!(todos.download_attachment("list").await.is_err_and(|error| error.is_unexpected()));
    assert_eq!(endless.lines().len(), 4);
    let large = todos.download_attachment("list").max_size(2).await.unwrap_err();
    assert!(large.is_too_large(), "{large}");
    Ok(())
}
