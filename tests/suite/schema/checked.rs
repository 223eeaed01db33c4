//! Records that are checked before they are sent.

use kinto_client::{KintoRecord as _, Value, json, schema::Schema};
use kinto_tests::Outcome;

use super::{Strict, scene_of};

#[tokio::test]
async fn nothing_is_sent_of_what_does_not_fit() -> Outcome {
    let scene = scene_of::<Strict>().await;
    let todos = scene.todos.typed::<Strict>().checked();
    let mut record = todos.create_record(Strict::new("Milk")).await?;
    scene.sent.forget();

    let violates = |error: kinto_client::Error| (error.is_invalid(), error.rule().map(str::to_owned));
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
    assert_eq!(scene.sent.take_lines(), [""; 0]);

    // These read first.
    let long = |todo: &mut Strict| todo.title = "x".to_owned();
    assert_eq!(todos.update_record(&record.id, long).await.map(drop).map_err(violates), Err(short.clone()));
    let edit = todos.edit_record(&record.id).set(Strict::fields().title, "x");
    assert_eq!(edit.await.map(drop).map_err(violates), Err(short));
    let get = format!("GET {}", scene.record(&record.id));
    assert_eq!(scene.sent.take_lines(), [get.clone(), get]);
    Ok(())
}

#[tokio::test]
async fn of_many_those_that_fit_are_sent() -> Outcome {
    let scene = scene_of::<Strict>().await;
    let checked = scene.todos.checked(Schema::of::<Strict>()?);
    let results = checked.create_records([json!({"title": "Milk"}), json!({"title": 3})]).each().await?;
    assert!(results[0].is_ok());
    let error = results[1].as_ref().unwrap_err();
    assert_eq!((error.is_invalid(), error.field(), error.rule()), (true, Some("title"), Some("type")));
    // One alone needs no batch.
    assert_eq!(scene.sent.take().len(), 1);

    let mut batch = scene.client.batch();
    let ticket = batch.add(checked.create_record(json!({"title": 3})));
    assert!(batch.execute().await?.get(&ticket).is_err_and(|error| error.is_schema_violation()));
    assert_eq!(scene.sent.take_lines(), [""; 0]);
    assert_eq!(scene.todos.get_records::<Value>().count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn what_fits_is_sent_as_ever() -> Outcome {
    let scene = scene_of::<Strict>().await;
    let todos = scene.todos.typed::<Strict>();
    let plain = todos.create_record(Strict::new("Milk")).id("a").preview()?.to_string();
    assert_eq!(todos.checked().create_record(Strict::new("Milk")).id("a").preview()?.to_string(), plain);
    todos.checked().create_record(Strict::new("Milk")).await?;
    assert_eq!(scene.sent.take().len(), 1);
    Ok(())
}

#[tokio::test]
async fn collections_are_not_records() -> Outcome {
    let scene = scene_of::<Strict>().await;
    let checked = scene.todos.checked(Schema::of::<Strict>()?);
    let mut collection = checked.get().await?;
    collection.data.sort = Some("-title".to_owned());
    checked.save(&mut collection).await?;
    assert_eq!(checked.get().await?.data.sort.as_deref(), Some("-title"));
    Ok(())
}

#[tokio::test]
async fn a_schema_that_is_none_refuses_everything() -> Outcome {
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
