//! Many callers that are not polled cost no more than one.

use std::{
    task::{Context, Waker},
    time::Duration,
};

use kinto_client::{Value, json};
use kinto_tests::{Fixture, Outcome};

use super::ends;

const CROWD: usize = 50;

/// Were each of them waited for, it would take longer than the call may.
#[tokio::test]
async fn update_behind_a_crowd_that_nobody_polls_ends_within_its_time() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("counter"), &json!({"n": 0})).await;
    let todos = fixture.todos_of(&fixture.client_at(fixture.url()).build()?);
    let count = |data: &mut Value| data["n"] = (data["n"].as_u64().unwrap() + 1).into();
    let mut crowd: Vec<_> = (0..CROWD).map(|_| todos.update_record("counter", count).into_future()).collect();
    for one in &mut crowd {
        assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    todos.update_record("counter", count).timeout(Duration::from_secs(3)).await?;
    assert_eq!(fixture.plain.held(&fixture.record("counter")).await["n"], 1);
    for one in crowd {
        ends("one of the crowd", one).await?;
    }
    assert_eq!(fixture.plain.held(&fixture.record("counter")).await["n"], CROWD + 1);
    Ok(())
}
