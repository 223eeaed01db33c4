//! Another program that writes between the reading and the writing of the one under test.

use kinto_client::{Value, http::StatusCode, json, testing::Kinto};
use kinto_tests::Outcome;

use super::{stored, take_lines, todos, with_records};
use crate::{Todo, predicates};

/// Patches the record as another program.
fn patch_before_next_write(kinto: &Kinto, patch: Value) {
    kinto.before_next_write(|kinto| async move {
        let todos = kinto.client().bucket("lists").collection("todos");
        todos.patch_record::<Value>("milk", patch).await.expect("it is there");
    });
}

#[tokio::test]
async fn update_keeps_change_of_other_program() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk", "done": false}}));
    patch_before_next_write(&kinto, json!({"title": "Oat milk"}));
    let milk = todos.update_record("milk", |todo| todo.done = true).await?;
    assert_eq!(milk.data, Todo { title: "Oat milk".into(), done: true });
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Oat milk", "done": true}}));
    assert_eq!(take_lines(&kinto), ["GET …/milk", "PUT …/milk", "GET …/milk", "PUT …/milk"]);
    Ok(())
}

#[tokio::test]
async fn each_change_comes_before_one_write() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk", "litres": 1}}));
    patch_before_next_write(&kinto, json!({"litres": 2}));
    patch_before_next_write(&kinto, json!({"litres": 3}));
    let mut tries = 0;
    let update = todos.update_record("milk", |todo| {
        tries += 1;
        todo.done = true;
    });
    update.await?;
    assert_eq!(tries, 3, "two conflicts");
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Milk", "litres": 3, "done": true}}));
    assert_eq!(take_lines(&kinto).len(), 6, "three reads, three writes, and none of the other program");
    Ok(())
}

#[tokio::test]
async fn save_conflicts_with_change_of_other_program() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk"}}));
    let mut milk = todos.get_record("milk").await?;
    patch_before_next_write(&kinto, json!({"title": "Oat milk"}));
    milk.data.done = true;
    let error = todos.save_record(&mut milk).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], false), "{error}");
    assert_eq!(error.theirs::<Todo>().map(|theirs| theirs.data.title), Some("Oat milk".to_owned()));
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Oat milk"}}));
    Ok(())
}

#[tokio::test]
async fn record_that_other_program_deletes_is_not_found() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk"}}));
    kinto.before_next_write(|kinto| async move {
        super::todos(&kinto).delete_record("milk").await.expect("it is there");
    });
    let error = todos.patch_record("milk", json!({"done": true})).await.unwrap_err();
    assert_eq!(predicates(&error), ["not found"], "{error}");
    assert_eq!(stored(&kinto), json!({}));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn change_waits_for_write_that_server_receives() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk"}, "bread": {"title": "Bread"}}));
    patch_before_next_write(&kinto, json!({"title": "Oat milk"}));
    kinto.fail_next(1, StatusCode::SERVICE_UNAVAILABLE);
    todos.get_records().await?;
    let mut batch = kinto.client().batch();
    batch.add(todos.get_record("milk"));
    batch.add(todos.get_record("bread"));
    batch.execute().await?;
    assert_eq!(stored(&kinto)["milk"], json!({"title": "Milk"}), "reads are no writes, alone or in a batch");

    kinto.fail_next(1, StatusCode::SERVICE_UNAVAILABLE);
    let bread = todos.patch_record("bread", json!({"done": true})).retry(kinto_client::retry::NeverRetry);
    assert_eq!(predicates(&bread.await.unwrap_err()), ["unavailable"]);
    assert_eq!(stored(&kinto)["milk"], json!({"title": "Milk"}), "the server received none");

    todos.create_records([Todo::new("Eggs"), Todo::new("Tea")]).await?;
    assert_eq!(stored(&kinto)["milk"], json!({"title": "Oat milk"}));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn change_and_lost_response_leave_update_in_doubt() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk"}}));
    kinto.pass_next(1);
    kinto.lose_responses(1);
    patch_before_next_write(&kinto, json!({"title": "Oat milk"}));
    // The write whose response is lost conflicts, so that the second one finds what the other program wrote.
    let error = todos.update_record("milk", |todo| todo.done = true).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Oat milk"}}));
    assert_eq!(take_lines(&kinto), ["GET …/milk", "PUT …/milk", "PUT …/milk"]);
    Ok(())
}

#[tokio::test]
async fn clear_requests_forgets_those_received() -> Outcome {
    let (kinto, _) = with_records(&json!({}));
    let todos = todos(&kinto);
    todos.create_record(Todo::new("Milk")).id("milk").permissions(|p| p.read("system.Everyone")).await?;
    let sent = kinto.requests();
    assert_eq!((sent.len(), sent[0].method.as_str()), (1, "PUT"));
    assert_eq!(sent[0].headers["if-none-match"], "*");
    assert_eq!(
        sent[0].json(),
        json!({"data": {"title": "Milk", "done": false}, "permissions": {"read": ["system.Everyone"]}})
    );
    kinto.clear_requests();
    todos.get_records().limit(1).await?;
    assert_eq!(take_lines(&kinto), ["GET …?_limit=1"]);
    Ok(())
}
