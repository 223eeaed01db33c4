//! Errors of the server: each reason has its own kind, the server's message and the object.

use http::StatusCode;
use kinto_client::{Client, Error, ErrorKind, KintoRecord, Value, json};
use kinto_server::unique;
use kinto_tests::{Fixture, Outcome, RawClient};
use serde::{Deserialize, Serialize};

use crate::{Todo, predicates};

/// Asserts what kind of refusal it is, in the server's numbers and in ours, and that it says so.
fn assert_refusal(error: &Error, is: &str, status: u16, errno: u32, says: &[&str]) {
    assert!(!error.may_have_been_applied(), "{error}");
    assert_kind(error, is, status, errno, says);
}

fn assert_kind(error: &Error, is: &str, status: u16, errno: u32, says: &[&str]) {
    assert_eq!(predicates(error), [is], "{error}");
    let status = StatusCode::from_u16(status).unwrap();
    assert_eq!((error.status(), error.errno()), (Some(status), Some(errno)), "{error}");
    for words in [status.as_str()].iter().chain(says) {
        assert!(error.to_string().contains(words), "{words} is not said: {error}");
    }
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[tokio::test]
async fn get_returns_not_found_when_object_is_missing() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    for (operation, error) in [
        ("get record", fixture.todos.get_record::<Todo>("milk").await.unwrap_err()),
        ("patch record", fixture.todos.patch_record::<Todo>("milk", json!({"done": true})).await.unwrap_err()),
        ("update record", fixture.todos.update_record("milk", |_: &mut Todo| {}).await.unwrap_err()),
    ] {
        assert_refusal(&error, "not found", 404, 110, &[operation, &path]);
        assert_eq!((error.operation(), error.object()), (Some(operation), Some(path.as_str())));
        assert_eq!(error.details(), Some(&json!({"id": "milk", "resource_name": "record"})));
    }
    let error = fixture.bucket.get_collection("none").await.unwrap_err();
    assert_refusal(&error, "not found", 404, 110, &["get collection", "/collections/none"]);
    let error = fixture.bucket.get_group("none").await.unwrap_err();
    assert_refusal(&error, "not found", 404, 110, &["get group", "/groups/none"]);
    for error in [
        fixture.bucket.collection("none").get_records::<Todo>().await.unwrap_err(),
        fixture.bucket.collection("none").get_record::<Todo>("milk").await.unwrap_err(),
        fixture.bucket.collection("none").create_record(Todo::new("Milk")).await.unwrap_err(),
    ] {
        assert_refusal(&error, "not found", 404, 111, &["/collections/none/records"]);
        assert_eq!(error.details(), Some(&json!({"id": "none", "resource_name": "collection"})));
    }
    Ok(())
}

#[tokio::test]
async fn optional_get_returns_none_when_object_is_missing() -> Outcome {
    let fixture = Fixture::new().await;
    assert!(fixture.todos.get_record::<Todo>("milk").optional().await?.is_none());
    assert!(fixture.bucket.collection("none").get_record::<Todo>("milk").optional().await?.is_none());
    assert!(fixture.bucket.get_collection("none").optional().await?.is_none());
    assert!(fixture.bucket.get_group("none").optional().await?.is_none());
    assert!(fixture.client.get_bucket(unique("none")).optional().await?.is_none(), "although the server says 403");
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let milk = fixture.todos.get_record::<Todo>("milk").optional().await?;
    assert_eq!(milk.map(|record| record.data), Some(Todo::new("Milk")));
    assert!(fixture.bucket.get().optional().await?.is_some());
    Ok(())
}

#[tokio::test]
async fn get_returns_forbidden_when_bucket_is_missing() -> Outcome {
    let fixture = Fixture::new().await;
    let missing = fixture.client.bucket(unique("missing"));
    let both = "or there is no such bucket";
    let todos = missing.collection("todos");
    for error in [
        missing.get().await.unwrap_err(),
        missing.get_collections().await.unwrap_err(),
        todos.get().optional().await.unwrap_err(),
        todos.get_records::<Todo>().await.unwrap_err(),
        todos.get_record::<Todo>("milk").optional().await.unwrap_err(),
        missing.create_collection("todos").await.unwrap_err(),
        missing.create_group("friends", ["account:remy"]).await.unwrap_err(),
    ] {
        assert_refusal(&error, "forbidden", 403, 121, &[both, missing.id()]);
    }
    // If it was there, the request may have come twice.
    let error = missing.delete().await.unwrap_err();
    assert_kind(&error, "forbidden", 403, 121, &[both, missing.id(), "or this request arrived twice"]);
    assert!(error.may_have_been_applied(), "{error}");
    // Only here the server tells something: that the collection is missing.
    let error = todos.create_record(Todo::new("Milk")).await.unwrap_err();
    assert_refusal(&error, "not found", 404, 111, &["create record", missing.id()]);
    Ok(())
}

#[tokio::test]
async fn call_returns_forbidden_for_object_of_other_user() -> Outcome {
    let fixture = Fixture::new().await;
    let other = Client::builder(fixture.url()).auth((unique("other"), "password")).build()?;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let todos = fixture.todos_of(&other);
    for error in [
        todos.get_record::<Todo>("milk").await.unwrap_err(),
        todos.overwrite_record("milk", Todo::new("Eggs")).await.unwrap_err(),
        todos.create_record(Todo::new("Eggs")).await.unwrap_err(),
    ] {
        assert_refusal(&error, "forbidden", 403, 121, &[&fixture.records]);
    }
    let error = todos.delete_record("milk").if_exists().await.unwrap_err();
    assert_kind(&error, "forbidden", 403, 121, &[&fixture.records, "`write`", "or this request arrived twice"]);
    assert!(error.may_have_been_applied(), "it may not read the record either: {error}");
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk"}));
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["milk"]);
    Ok(())
}

#[tokio::test]
async fn call_returns_unauthorized_when_user_is_unknown() -> Outcome {
    let fixture = Fixture::new().await;
    let nobody = Client::builder(fixture.url()).build()?;
    let stranger = Client::builder(fixture.url()).auth(kinto_client::Auth::bearer("unknown")).build()?;
    for (client, says) in [(nobody, ".auth("), (stranger, "token")] {
        for error in [
            fixture.todos_of(&client).get_records::<Todo>().await.unwrap_err(),
            fixture.todos_of(&client).create_record(Todo::new("Milk")).await.unwrap_err(),
            client.create_bucket(unique("new")).await.unwrap_err(),
            client.bucket("default").get().await.unwrap_err(),
        ] {
            assert_refusal(&error, "unauthorized", 401, 104, &[says]);
        }
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn call_returns_unauthorized_when_password_is_wrong() -> Outcome {
    // With `basicauth` beside it every password is somebody's, so that this needs a server that has accounts only.
    let server = kinto_server::Server::builder().setting("multiauth.policies", "account").shared()?;
    let user = unique("alexis");
    let body = json!({"data": {"password": "right"}});
    RawClient::nobody(server.url()).put(&format!("/accounts/{user}"), &body).await;

    let right = Client::builder(server.url()).auth((&user, "right")).build()?;
    right.bucket("default").get().await?;
    let wrong = Client::builder(server.url()).auth((&user, "wr0ng")).build()?;
    let error = wrong.bucket("default").get().await.unwrap_err();
    assert_refusal(&error, "unauthorized", 401, 104, &["user and password"]);
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
    assert_eq!(wrong.user().await?, None);
    Ok(())
}

#[tokio::test]
async fn create_returns_refused_when_schema_is_violated() -> Outcome {
    let fixture = Fixture::new().await;
    let schema = json!({"type": "object", "properties": {"done": {"type": "boolean"}, "title": {"maxLength": 5}}});
    let mut collection = fixture.todos.get().await?;
    collection.data.schema = Some(schema);
    fixture.todos.save(&mut collection).await?;

    let error = fixture.todos.create_record(Todo::new("too long")).await.unwrap_err();
    assert_refusal(&error, "refused", 400, 107, &["create record", "title", "too long"]);
    assert_eq!(error.details().unwrap()[0]["name"], "title");
    assert!(error.server_message().unwrap().contains("title"));
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);

    let error = fixture.todos.patch(json!({"schema": {"type": "nothing"}})).await.unwrap_err();
    assert_refusal(&error, "refused", 400, 107, &["patch collection"]);
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Order {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    article: String,
    count: u32,
}

fn misfit(error: &Error, id: &str, field: &str, says: &str) {
    assert_eq!((error.kind(), predicates(error)), (ErrorKind::Decode, vec!["decode"]), "{error}");
    assert_eq!((error.record_id(), error.field()), (Some(id), Some(field)), "{error}");
    for words in [id, field, says] {
        assert!(error.to_string().contains(words), "{words} is not said: {error}");
    }
    assert_eq!(error.status(), None);
}

#[tokio::test]
async fn get_returns_decode_error_when_record_does_not_fit_type() -> Outcome {
    let fixture = Fixture::new().await;
    let good = json!({"lines": [{"article": "milk", "count": 1}]});
    let bad = json!({"lines": [{"article": "milk", "count": 1}, {"article": "eggs", "count": "a dozen"}]});
    for (id, data) in [("one", &good), ("two", &bad), ("three", &good)] {
        fixture.plain.put_data(&fixture.record(id), data).await;
    }
    let orders = fixture.todos.typed::<Order>();
    assert_eq!(orders.get_record("one").await?.data.lines[0].count, 1);
    for error in [orders.get_record("two").await.unwrap_err(), orders.get_records().await.unwrap_err()] {
        misfit(&error, "two", "lines[1].count", "a dozen");
        assert!(!error.may_have_been_applied());
    }
    assert_eq!(fixture.todos.get_records::<Value>().await?.len(), 3, "as JSON they are all readable");

    let error = orders.patch_record("two", json!({"note": 1})).await.unwrap_err();
    misfit(&error, "two", "lines[1].count", "a dozen");
    assert!(error.may_have_been_applied(), "it is the answer that could not be read");
    assert_eq!(fixture.plain.held(&fixture.record("two")).await["note"], 1);

    fixture.plain.put_data(&fixture.record("four"), &json!({"line": []})).await;
    let error = orders.get_record("four").await.unwrap_err();
    assert_eq!((error.record_id(), error.field()), (Some("four"), None));
    assert!(error.to_string().contains("missing field `lines`"), "{error}");
    let error = fixture.todos.get_record::<Value>("two").await?.parse::<Order>().unwrap_err();
    misfit(&error, "two", "lines[1].count", "a dozen");
    Ok(())
}
