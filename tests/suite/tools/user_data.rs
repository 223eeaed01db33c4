use kinto_client::{Client, Principal, retry::NeverRetry};
use kinto_server::{Backend, Builder, Server, unique};
use kinto_tests::{Fault, Gate, Outcome, Proxy, TestUser, in_order};
use serde_json::json;

use crate::predicates;

fn server(includes: &str) -> Builder {
    let builder = Server::builder().setting("kinto.includes", includes);
    builder
        .setting("kinto.user-data_delete_principals", "account:admin")
        .setting("multiauth.policies", "account basicauth")
}

/// A server that lets its administrator delete what belongs to a user, and no history.
fn without_history() -> Server {
    server("kinto.plugins.accounts kinto.plugins.default_bucket").shared().expect("a server")
}

async fn admin(url: &str) -> kinto_client::Result<Client> {
    let anyone = Client::builder(url).build()?;
    let created = anyone.account("admin").create("admin").await;
    if let Err(error) = created.as_ref() {
        assert!(error.is_conflict() || error.is_unauthorized(), "another test has made it: {error}");
    }
    anyone.with_auth(("admin", "admin"))
}

/// A user with an account, and what it can write alone and together with others.
struct Scene {
    user: TestUser,
    own: String,
    shared: String,
}

async fn scene(server: &Server) -> Scene {
    let admin = admin(server.url()).await.expect("an administrator");
    let user = TestUser::new(server.url(), "alexis").await;
    let (own, shared) = (unique("own"), unique("shared"));
    user.plain.put(&format!("/buckets/{own}"), &json!({})).await;
    user.plain.put(&format!("/buckets/{own}/collections/c"), &json!({})).await;
    user.plain.put(&format!("/buckets/{own}/collections/c/records/r"), &json!({})).await;
    let also = json!({"permissions": {"write": ["account:admin"], "read": [user.principal()]}});
    user.plain.put(&format!("/buckets/{shared}"), &also).await;
    drop(admin);
    Scene { user, own, shared }
}

#[tokio::test]
async fn delete_user_data_deletes_what_nobody_else_can_write() -> Outcome {
    let server = without_history();
    let Scene { user, own, shared } = scene(&server).await;
    let admin = admin(server.url()).await?;
    admin.delete_user_data(user.principal()).await?;
    for (path, exists) in [(&own, false), (&shared, true)] {
        assert_eq!(admin.bucket(path).get().optional().await?.is_some(), exists, "{path}");
    }
    let kept = admin.bucket(&shared).get().await?;
    let permissions = kept.permissions.get().expect("the administrator sees them");
    assert_eq!(permissions.write, ["account:admin".into()].into());
    assert!(permissions.read.is_empty(), "{permissions:?}");
    // The account is no object of these, but its own permissions are gone.
    assert_eq!(admin.account(&user.id).get().await?.id, user.id);
    assert_eq!(predicates(&user.client.account(&user.id).get().await.unwrap_err()), ["forbidden"]);
    admin.account(&user.id).delete().await?;
    // Nothing is left of it: no error in memory, and on PostgreSQL a statement of the server that has no values.
    let again = admin.delete_user_data(user.principal()).retry(NeverRetry).await;
    if server.backend() == Backend::Memory {
        again?;
    } else {
        assert!(again.unwrap_err().is_unavailable());
    }
    Ok(())
}

#[tokio::test]
async fn delete_user_data_reaches_users_of_any_policy() -> Outcome {
    let server = without_history();
    let admin = admin(server.url()).await?;
    let odd = Principal::user("auth0", "google-oauth2|42 é%");
    let bucket = admin.bucket(unique("theirs"));
    bucket.create().permissions(|p| p.read(&odd)).await?;
    admin.delete_user_data(&odd).await?;
    assert!(bucket.get().await?.permissions.get().expect("visible").read.is_empty());
    Ok(())
}

#[tokio::test]
async fn delete_user_data_by_others_is_forbidden() -> Outcome {
    let server = without_history();
    let Scene { user, own, .. } = scene(&server).await;
    let nobody = Client::builder(server.url()).build()?;
    for (client, kind) in [(&user.client, "forbidden"), (&nobody, "unauthorized")] {
        let error = client.delete_user_data(user.principal()).await.unwrap_err();
        assert_eq!(predicates(&error), [kind], "{error}");
        let hint = if kind == "forbidden" { "user-data_delete_principals" } else { "no credentials" };
        assert!(error.to_string().contains(hint), "{error}");
        assert_eq!(error.object(), Some(user.principal().as_str()));
    }
    assert!(user.client.bucket(&own).get().optional().await?.is_some());
    Ok(())
}

#[tokio::test]
async fn delete_user_data_is_not_repeated_when_response_is_lost() -> Outcome {
    let server = without_history();
    let Scene { user, own, .. } = scene(&server).await;
    let gate = Gate::default();
    let proxy = Proxy::start(server.url(), in_order([Fault::CutAnswer(gate.clone())])).await;
    let admin = Client::builder(proxy.url()).auth(("admin", "admin")).build()?;
    let later = unique("later");
    let create = async { drop(user.plain.put(&format!("/buckets/{later}"), &json!({})).await) };
    let error = gate.overtake(admin.delete_user_data(user.principal()), create).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], true), "{error}");
    assert_eq!(proxy.lines().len(), 1, "{:?}", proxy.lines());
    for (bucket, exists) in [(&own, false), (&later, true)] {
        assert_eq!(
            user.client.bucket(bucket).get().optional().await.is_ok_and(|found| found.is_some()),
            exists,
            "{bucket}"
        );
    }

    let proxy = Proxy::start(server.url(), in_order([Fault::answer(429, &["Retry-After: 0"], "")])).await;
    let admin = Client::builder(proxy.url()).auth(("admin", "admin")).build()?;
    admin.delete_user_data(user.principal()).await?;
    assert_eq!(proxy.lines().len(), 2, "it was not carried out before");
    Ok(())
}

async fn with_history(backend: Backend) -> Outcome {
    let builder = server("kinto.plugins.accounts kinto.plugins.history").backend(backend);
    let server = builder.shared()?;
    let Scene { user, own, .. } = scene(&server).await;
    let admin = admin(server.url()).await?;
    let error = admin.delete_user_data(user.principal()).await.unwrap_err();
    assert_eq!(
        (predicates(&error), error.status().map(|status| status.as_u16())),
        (vec!["server"], Some(500)),
        "{error}"
    );
    assert!(error.to_string().contains("history plugin"), "{error}");
    assert!(user.client.bucket(&own).get().optional().await?.is_some(), "nothing was deleted");

    // As the error says.
    user.client.bucket(&own).delete().await?;
    user.client.account(&user.id).delete().await?;
    assert_eq!(predicates(&admin.account(&user.id).get().await.unwrap_err()), ["not found"]);
    Ok(())
}

#[tokio::test]
async fn delete_user_data_with_history_explains_the_failure_on_memory() -> Outcome {
    with_history(Backend::Memory).await
}

#[tokio::test]
async fn delete_user_data_with_history_explains_the_failure_on_postgresql() -> Outcome {
    with_history(Backend::PostgreSql).await
}
