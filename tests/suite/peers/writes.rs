//! Defects of writes, ids and permissions.

use kinto_client::{Filter, JsonObject, Record, Value, json};
use kinto_server::unique;
use kinto_tests::{Fault, Fixture, Outcome, Proxy, in_order};

use crate::{Todo, predicates};

/// kinto-http.py's `safe=True` sends no condition at all when it knows no timestamp.
#[tokio::test]
async fn safe_writes_carry_no_condition() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let mut record: Record<Todo> = fixture.todos.get_record("milk").await?;
    let read = format!("\"{}\"", record.last_modified);
    let (mut settings, mut stale) = (fixture.todos.get().await?, record.clone());
    let settings_read = format!("\"{}\"", settings.last_modified);
    fixture.sent.forget();

    record.data.done = true;
    fixture.todos.save_record(&mut record).await?;
    assert_eq!(fixture.sent.take_one().header("if-match"), Some(&*read));
    fixture.todos.update_record::<Todo, _>("milk", |todo| todo.title.push('!')).await?;
    assert_eq!(fixture.sent.take()[1].header("if-match"), Some(&*format!("\"{}\"", record.last_modified)));
    settings.data.other.insert("color".to_owned(), "red".into());
    fixture.todos.save(&mut settings).await?;
    assert_eq!(fixture.sent.take_one().header("if-match"), Some(&*settings_read));

    let delete = fixture.todos.delete_record(&stale).await.unwrap_err();
    stale.data.title = "Mine".to_owned();
    let save = fixture.todos.save_record(&mut stale).await.unwrap_err();
    assert_eq!((predicates(&delete), predicates(&save)), (vec!["conflict"], vec!["conflict"]));
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk!", "done": true}));
    Ok(())
}

/// kinto.js's safe update without a timestamp sends `If-None-Match: *`, which refuses to update what is there.
#[tokio::test]
async fn a_safe_update_is_a_create() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    fixture.todos.update_record::<Todo, _>("milk", |todo| todo.done = true).await?;
    fixture.todos.overwrite_record("milk", Todo::new("Oat milk")).await?;
    let sent = fixture.sent.take();
    assert!(sent.iter().all(|sent| sent.header("if-none-match").is_none()), "{sent:#?}");
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Oat milk", "done": false}));
    Ok(())
}

/// kinto.js's `updateRecord({id})` sends no body, and the server keeps every field.
#[tokio::test]
async fn a_record_cannot_be_emptied() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "n": 1})).await;
    fixture.plain.put_data(&fixture.record("eggs"), &json!({"title": "Eggs"})).await;
    let mut record: Record<JsonObject> = fixture.todos.get_record("milk").await?;
    record.data.clear();
    fixture.todos.save_record(&mut record).await?;
    fixture.todos.overwrite_record("eggs", json!({})).await?;
    for id in ["milk", "eggs"] {
        assert_eq!(fixture.plain.held(&fixture.record(id)).await, json!({}), "{id}");
    }
    Ok(())
}

/// kinto-http.py sends a create again whose answer was lost, and reports its own record as somebody else's.
#[tokio::test]
async fn a_create_whose_answer_is_lost_is_a_conflict() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), in_order([Fault::CutAfter])).await;
    let created = fixture.todos_through(&proxy).create_record(Todo::new("Milk")).await?;
    assert_eq!((&created.data, proxy.lines().len()), (&Todo::new("Milk"), 2));
    assert_eq!(fixture.plain.object(&fixture.record(&created.id)).await["last_modified"], json!(created.last_modified));
    Ok(())
}

/// kinto-http.py makes slugs of ids: `Café Crème` and `cafe-creme` are one record, and `a.b` is `ab`. kinto.js puts
/// them into the path as they are.
#[tokio::test]
async fn ids_become_other_ids() -> Outcome {
    let fixture = Fixture::new().await;
    for id in ["Café Crème", "a.b", "a/b", "a?b", "a#b", "a%2Fb", "..", "a b"] {
        let error = fixture.todos.create_record(json!({"n": 1})).id(id).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{id}: {error}");
        let error = fixture.client.get_bucket(id).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{id}: {error}");
    }
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    fixture.todos.create_record(json!({"n": 1})).id("Cafe-Creme_").await?;
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["Cafe-Creme_"]);
    Ok(())
}

/// kinto-http.py interprets an empty id as the client's default: `delete_bucket(id="")` deletes a bucket.
#[tokio::test]
async fn an_empty_id_is_the_default() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.client.bucket("default").collection("notes").create_record(json!({"n": 1})).await?;
    fixture.sent.forget();
    for error in [
        fixture.client.delete_bucket("").await.unwrap_err(),
        fixture.client.bucket("").delete_all_collections().await.unwrap_err(),
        fixture.bucket.delete_collection("").await.unwrap_err(),
        fixture.todos.delete_record("").await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    assert_eq!(fixture.plain.ids("/buckets/default/collections").await, ["notes"]);
    Ok(())
}

/// kinto.js does not escape a JSON pointer: whoever has a `/` in the name, as every group has, is refused with 400.
#[tokio::test]
async fn groups_cannot_be_given_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let group = fixture.bucket.create_group("team", ["account:remy"]).await?;
    let principal = format!("/buckets/{}/groups/{}", fixture.bucket.id(), group.id);
    fixture.todos.grant(|p| p.read(fixture.bucket.group("team")).record_create("account:a~b")).await?;
    let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    let held = fixture.plain.permissions(&path).await;
    assert_eq!((&held["read"], &held["record:create"]), (&json!([principal]), &json!(["account:a~b"])));
    fixture.todos.revoke(|p| p.read(fixture.bucket.group("team"))).await?;
    assert_eq!(fixture.plain.permissions(&path).await.get("read"), None);
    Ok(())
}

/// kinto.js's `createCollection` changes the object that it is given.
#[tokio::test]
async fn the_callers_value_is_changed() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "n": 1})).await;
    let mut record: Record<Value> = fixture.todos.get_record("milk").await?;
    record.data["title"] = "Oat milk".into();
    let given = record.data.clone();
    fixture.todos.save_record(&mut record).await?;
    assert_eq!(record.data, given);
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Theirs"})).await;
    record.data["title"] = "Mine".into();
    let (given, read) = (record.data.clone(), record.last_modified);
    fixture.todos.save_record(&mut record).await.unwrap_err();
    assert_eq!((record.data, record.last_modified), (given, read));
    Ok(())
}

/// kinto.js and the old Rust client put what is filtered by into the query without escaping all of it; both Python and
/// JavaScript send the text `"42"` as the number 42.
#[tokio::test]
async fn what_is_filtered_by_becomes_something_else() -> Outcome {
    let fixture = Fixture::new().await;
    let texts = ["42", "a&b=c", "100 %", "a+b", "#1?", "\"quoted\"", "null", "Zoé/\u{1f95b}"];
    fixture.fill((0..).zip(texts).map(|(n, text)| (format!("n{n}"), json!({"text": text})))).await;
    fixture.fill([("number".to_owned(), json!({"text": 42}))]).await;
    for (n, text) in (0..).zip(texts) {
        let found = fixture.todos.get_records::<Value>().filter(Filter::field("text").eq(text)).await?;
        let ids: Vec<&str> = found.iter().map(|record| &*record.id).collect();
        assert_eq!(ids, [format!("n{n}")], "{text}");
    }
    Ok(())
}

/// A DELETE of kinto-http.py has the body `{}`, which HTTP gives no meaning, and some proxies refuse.
#[tokio::test]
async fn a_delete_has_a_body() -> Outcome {
    let fixture = Fixture::new().await;
    let record = fixture.todos.create_record(Todo::new("Milk")).await?;
    let bucket = fixture.client.bucket(unique("gone"));
    bucket.create().await?;
    fixture.sent.forget();
    fixture.todos.delete_record(&record).await?;
    fixture.todos.delete_all_records().await?;
    bucket.delete().await?;
    for sent in fixture.sent.take() {
        assert_eq!((sent.body.as_str(), sent.header("content-type")), ("", None), "{}", sent.line());
    }
    Ok(())
}
