//! Records that are checked before they are sent.

use kinto_client::{KintoRecord as _, Value, json, schema::Schema};
use kinto_tests::Outcome;

use super::{Strict, scene_of};

#[tokio::test]
async fn checked_collection_rejects_invalid_record_before_sending() -> Outcome {
    let fixture = scene_of::<Strict>().await;
    let todos = fixture.todos.typed::<Strict>().with_schema_check();
    let mut record = todos.create_record(Strict::new("Milk")).await?;
    fixture.sent.forget();

    let violates = |error: kinto_client::Error| (error.is_invalid(), error.schema_keyword().map(str::to_owned));
    let short = (true, Some("minLength".to_owned()));
    assert_eq!(todos.create_record(Strict::new("x")).await.map(drop).map_err(violates), Err(short.clone()));
    assert_eq!(
        todos.create_record(Strict::new("x")).if_not_exists().await.map(drop).map_err(violates),
        Err(short.clone())
    );
    assert_eq!(
        todos.overwrite_record(&record.id, Strict::new("x")).await.map(drop).map_err(violates),
        Err(short.clone())
    );
    record.data.title = "x".to_owned();
    assert_eq!(todos.save_record(&mut record).await.map_err(violates), Err(short.clone()));
    assert_eq!(fixture.sent.take_lines(), [""; 0]);

    // These read first.
    let long = |todo: &mut Strict| todo.title = "x".to_owned();
    assert_eq!(todos.update_record(&record.id, long).await.map(drop).map_err(violates), Err(short.clone()));
    let edit = todos.edit_record(&record.id).set(Strict::fields().title, "x");
    assert_eq!(edit.await.map(drop).map_err(violates), Err(short));
    let get = format!("GET {}", fixture.record(&record.id));
    assert_eq!(fixture.sent.take_lines(), [get.clone(), get]);
    Ok(())
}

#[tokio::test]
async fn checked_collection_sends_valid_records_of_bulk() -> Outcome {
    let fixture = scene_of::<Strict>().await;
    let checked = fixture.todos.with_schema_check(Schema::of::<Strict>()?);
    let results = checked.create_records([json!({"title": "Milk"}), json!({"title": 3})]).each().await?;
    assert!(results[0].is_ok());
    let error = results[1].as_ref().unwrap_err();
    assert_eq!((error.is_invalid(), error.field(), error.schema_keyword()), (true, Some("title"), Some("type")));
    // One alone needs no batch.
    assert_eq!(fixture.sent.take().len(), 1);

    let mut batch = fixture.client.batch();
    let ticket = batch.add(checked.create_record(json!({"title": 3})));
    assert!(batch.execute().await?.get(&ticket).is_err_and(|error| error.is_schema_violation()));
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    assert_eq!(fixture.todos.get_records::<Value>().count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn checked_collection_sends_valid_record() -> Outcome {
    let fixture = scene_of::<Strict>().await;
    let todos = fixture.todos.typed::<Strict>();
    let plain = todos.create_record(Strict::new("Milk")).id("a").preview()?.to_string();
    assert_eq!(todos.with_schema_check().create_record(Strict::new("Milk")).id("a").preview()?.to_string(), plain);
    todos.with_schema_check().create_record(Strict::new("Milk")).await?;
    assert_eq!(fixture.sent.take().len(), 1);
    Ok(())
}

#[tokio::test]
async fn checked_collection_does_not_check_collection_attributes() -> Outcome {
    let fixture = scene_of::<Strict>().await;
    let checked = fixture.todos.with_schema_check(Schema::of::<Strict>()?);
    let mut collection = checked.get().await?;
    collection.data.sort = Some("-title".to_owned());
    checked.save(&mut collection).await?;
    assert_eq!(checked.get().await?.data.sort.as_deref(), Some("-title"));
    Ok(())
}

#[tokio::test]
async fn checked_collection_rejects_everything_when_schema_is_invalid() -> Outcome {
    for (schema, complaint) in [
        (json!(true), "a boolean is not an object"),
        (json!({"type": "strin"}), "\"strin\" is not valid under any of the schemas listed in the 'anyOf' keyword"),
        (
            json!({"properties": {"a": {"pattern": "(["}}}),
            "\"([\" is no regular expression to the server: unterminated character set",
        ),
        (json!({"properties": {"a": {"pattern": r"\p{L}"}}}), "is no regular expression to the server: bad escape"),
        (
            json!({"$ref": "https://example.org/schema.json"}),
            "Resource 'https://example.org/schema.json' is not present",
        ),
    ] {
        let error = Schema::new(&schema).unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains(complaint), "{error}");
    }
    Ok(())
}
