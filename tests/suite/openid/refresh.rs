//! Logins that are repeated when the server rejects the token.

use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use kinto_client::{Value, json, retry::NeverRetry};
use kinto_tests::{Log, Login, Outcome};

use super::{Browser, LIMIT, Scene, opened, visit};
use crate::predicates;

#[tokio::test]
async fn openid_token_that_is_rejected_is_replaced_once_for_all_requests() -> Outcome {
    let scene = Scene::new().await;
    let browser = Browser::default();
    scene.provider().next([Login::Expired("niko"), Login::User("niko")]);
    let credentials = scene.log_in(&browser).await?;
    let client = scene.client.with_auth(credentials.clone())?;
    let old = credentials.expose_authorization();
    scene.sent.forget();
    let buckets = (0..8).map(|_| client.get_buckets().into_future());
    try_join_all(buckets).await?;
    assert_eq!(browser.opened(), 2, "one login for all of them");
    assert_ne!(credentials.expose_authorization(), old);
    let sent = scene.sent.take();
    let lists = sent.iter().filter(|sent| sent.line().starts_with("GET /buckets"));
    let (rejected, good): (Vec<_>, Vec<_>) = lists.partition(|sent| sent.header("authorization") == Some(&old));
    assert!((1..=8).contains(&rejected.len()) && good.len() == 8, "{} {}", rejected.len(), good.len());
    // A batch finds the new token, too.
    let todos = client.bucket("default").collection("todos");
    todos.create_records((0..3).map(|n| json!({"n": n}))).await?;
    assert_eq!(browser.opened(), 2);
    Ok(())
}

#[tokio::test]
async fn openid_token_that_is_rejected_in_a_batch_is_replaced() -> Outcome {
    let scene = Scene::new().await;
    let browser = Browser::default();
    scene.provider().next([Login::Expired("niko"), Login::User("niko")]);
    let client = scene.client.with_auth(scene.log_in(&browser).await?)?;
    let notes = client.bucket("default").collection("batch");
    let created = notes.create_records((0..3).map(|n| json!({"n": n}))).await?;
    assert_eq!((created.len(), browser.opened()), (3, 2));
    assert!(notes.get_records::<Value>().await?.len() >= 3);
    Ok(())
}

#[tokio::test]
async fn openid_refresh_that_fails_is_not_repeated_within_its_time_limit() -> Outcome {
    let scene = Scene::new().await;
    let browser = Browser::default();
    scene.provider().next([Login::Expired("niko"), Login::Refused("access_denied", "no more")]);
    let client = scene.client.with_auth(scene.log_in(&browser).await?)?;
    for _ in 0..3 {
        for result in join_all((0..3).map(|_| client.get_buckets().into_future())).await {
            let error = result.unwrap_err();
            assert_eq!(predicates(&error), ["authentication"], "{error}");
            assert!(!error.may_have_been_applied(), "{error}");
        }
    }
    assert_eq!(browser.opened(), 2, "the user is asked once");
    Ok(())
}

#[tokio::test]
async fn openid_refresh_whose_page_cannot_be_opened_is_an_error() -> Outcome {
    let scene = Scene::new().await;
    scene.provider().next([Login::Expired("niko")]);
    let open = Browser::default().opener();
    let first = std::sync::atomic::AtomicBool::new(true);
    let open = move |url: &str| {
        assert!(first.swap(false, std::sync::atomic::Ordering::SeqCst), "there is no browser any more");
        open(url);
    };
    let credentials = scene.client.openid_login("idp").open_with(open).time_limit(LIMIT).await?;
    let client = scene.client.with_auth(credentials)?;
    for _ in 0..2 {
        let error = client.get_buckets().await.unwrap_err();
        assert_eq!(predicates(&error), ["authentication"], "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn openid_refresh_outlives_the_request_that_began_it() -> Outcome {
    let scene = Scene::new().await;
    let (open, mut opened) = opened();
    scene.provider().next([Login::Expired("niko"), Login::User("niko")]);
    let login = scene.client.openid_login("idp").open_with(open).time_limit(LIMIT).into_future();
    let (credentials, _) = tokio::join!(login, async { visit(opened.recv().await.expect("opened")).await });
    let client = scene.client.with_auth(credentials?)?;
    // The user is slower than the request may take.
    let call = client.get_buckets().timeout(Duration::from_secs(1)).retry(NeverRetry);
    let error = call.await.unwrap_err();
    assert_eq!(predicates(&error), ["timed out"], "{error}");
    let (_, status, text) = visit(opened.recv().await.expect("opened")).await;
    assert!(status == 200 && text.contains("You are logged in"), "{text}");
    client.get_buckets().await?;
    assert!(opened.try_recv().is_err(), "no third login");
    Ok(())
}

#[tokio::test]
async fn openid_credentials_without_login_open_no_browser() -> Outcome {
    let scene = Scene::new().await;
    let browser = Browser::default();
    scene.provider().next([Login::Expired("niko")]);
    let credentials = scene.log_in(&browser).await?;
    let client = scene.client.with_auth(credentials.without_login())?;
    let error = client.get_buckets().await.unwrap_err();
    assert_eq!(predicates(&error), ["unauthorized"], "{error}");
    assert_eq!(browser.opened(), 1);
    Ok(())
}

#[tokio::test]
async fn openid_token_shows_nowhere() -> Outcome {
    let scene = Scene::new().await;
    let log = Log::start();
    let login = scene.client.openid_login("idp").open_with(Browser::default().opener()).time_limit(LIMIT);
    let before = format!("{login:?}");
    let credentials = login.await?;
    let client = scene.client.with_auth(credentials.clone())?;
    client.get_buckets().await?;
    let token = credentials.expose_authorization();
    let token = token.strip_prefix("Bearer ").expect("a token");
    let shown = format!("{before} {credentials:?} {client:?} {:?} {}", credentials.without_login(), log.text());
    assert!(shown.contains("idp") && !shown.contains(token) && !shown.contains("t0ken"), "{shown}");
    Ok(())
}
