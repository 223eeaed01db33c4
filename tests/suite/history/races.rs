//! Snapshots that are read while others write.

use kinto_client::{Value, json};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest};

/// Holds the first request whose target has this text.
fn hold(text: &'static str, gate: &Gate) -> impl FnMut(&SentRequest) -> Fault + Send + 'static {
    let mut gate = Some(gate.clone());
    move |sent| match gate.take_if(|_| sent.target.contains(text)) {
        Some(gate) => Fault::Hold(gate),
        None => Fault::Pass,
    }
}

#[tokio::test]
async fn snapshot_is_whole_when_records_change_while_it_is_read() -> Outcome {
    for (held, by_pages) in [
        ("_before=", true),
        ("_token=", true),
        ("_since=", true),
        ("/snapshot/", false),
        ("_since=", false),
        ("_before=", false),
    ] {
        let fixture = Fixture::new().await;
        fixture.fill((0..6).map(|n| (format!("n{n}"), json!({"n": n})))).await;
        let at = fixture.todos.get_records_timestamp().await?;
        let gate = Gate::default();
        let proxy = Proxy::start(fixture.url(), hold(held, &gate)).await;
        let snapshot = fixture.todos_through(&proxy).snapshot::<Value>(at).page_size(2);
        let snapshot = if by_pages { snapshot.without_endpoint() } else { snapshot };
        let meanwhile = async {
            for id in ["n0", "n5", "new"] {
                fixture.plain.put_data(&fixture.record(id), &json!({"n": 99})).await;
            }
            fixture.plain.delete(&fixture.record("n3")).await;
        };
        let snapshot = gate.overtake(snapshot, meanwhile).await?;
        let read: Vec<_> = snapshot.iter().map(|record| (record.id.to_string(), record.data["n"].as_u64())).collect();
        let expected: Vec<_> = (0..6).rev().map(|n| (format!("n{n}"), Some(n))).collect();
        assert_eq!(read, expected, "held at {held}");
    }
    Ok(())
}

/// The records are changed again before the second page of the changes, and one of them again before the third.
#[tokio::test]
async fn snapshot_has_record_that_is_changed_again_and_again() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..8).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    let at = fixture.todos.get_records_timestamp().await?;
    let gates: [Gate; 3] = Default::default();
    let mut pages = 0;
    let held = gates.clone();
    let proxy = Proxy::start(fixture.url(), move |sent| {
        pages += usize::from(pages > 0 && sent.target.contains("_since="));
        match pages {
            0 if sent.target.contains("_before=") => {
                pages = 1;
                Fault::Hold(held[0].clone())
            }
            3 | 4 if sent.target.contains("_since=") => Fault::Hold(held[pages - 2].clone()),
            _ => Fault::Pass,
        }
    })
    .await;
    let meanwhile = async {
        for (gate, changed) in gates.iter().zip([2..8, 4..8, 7..8]) {
            gate.arrival().await;
            for n in changed {
                fixture.plain.put_data(&fixture.record(&format!("n{n}")), &json!({"n": 99})).await;
            }
            gate.open();
        }
    };
    let snapshot = fixture.todos_through(&proxy).snapshot::<Value>(at).page_size(2).without_endpoint();
    let (snapshot, ()) = tokio::join!(snapshot.into_future(), meanwhile);
    let read: Vec<_> = snapshot?.iter().map(|record| record.data["n"].as_u64()).collect();
    assert_eq!(read, (0..8).rev().map(Some).collect::<Vec<_>>());
    Ok(())
}
