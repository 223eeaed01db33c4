//! The laws of saving, with what a real server holds afterwards, for each way to save.

use kinto_client::Result;
use kinto_tests::Fixture;
use tokio::runtime::Runtime;

use super::{
    generate::Shape,
    laws::{Case, Holder},
    zoo::some,
};

/// The ways to save a record.
const WAYS: u64 = 4;

/// Saves what was changed, in one of the ways.
async fn save<F: Shape>(fixture: &Fixture, case: &mut Case<F>, id: &str, way: u64) -> (Holder<F>, Result<()>) {
    let records = &fixture.todos;
    let mut record = records.get_record::<Holder<F>>(id).await.expect("it is there");
    case.change(&mut record.data);
    let held = record.data.clone();
    let saved = match way {
        0 => records.save_record(&mut record).await.map(drop),
        1 => records.update_record(id, |data: &mut Holder<F>| *data = held.clone()).await.map(drop),
        2 => records.save_records([&mut record]).await.map(drop),
        _ => {
            let mut batch = fixture.client.batch();
            let saved = batch.add(records.save_record(&mut record));
            batch.execute().await.and_then(|done| done.get(&saved).map(drop))
        }
    };
    (held, saved)
}

async fn case<F: Shape>(fixture: &Fixture, seed: u64) {
    let (mut case, way) = (Case::<F>::new(seed), seed / 7 % WAYS);
    let id = format!("r{seed}");
    fixture.plain.put_data(&fixture.record(&id), &case.stored).await;
    let before = fixture.plain.object(&fixture.record(&id)).await;
    fixture.sent.forget();
    let mut record = fixture.todos.get_record::<Holder<F>>(&id).await.expect("it is there");
    assert_eq!(record.data, case.read, "{}", case.name());
    fixture.todos.save_record(&mut record).await.expect("nothing to save");
    assert_eq!(fixture.sent.take().len(), 1, "{}: nothing was changed: {}", case.name(), case.stored);

    let (held, saved) = save(fixture, &mut case, &id, way).await;
    let now = fixture.plain.object(&fixture.record(&id)).await;
    match saved {
        Ok(()) => {
            let is_same = held == case.read;
            assert!(!is_same || now == before, "{}: the same was written again, way {way}", case.name());
            case.check(&held, &now);
        }
        Err(error) => {
            assert!(error.to_string().contains("cannot be saved like this"), "{}: {error}", case.name());
            assert_eq!(now, before, "{}, way {way}", case.name());
        }
    }
}

/// Tries some types in each way.
pub(crate) fn check(rounds: u64) {
    macro_rules! cases {
        ($($type:ty),+) => {
            async |fixture: &Fixture, round: u64| {
                let mut seed = round * 1_000;
                $(
                    seed += 1;
                    case::<$type>(fixture, seed).await;
                )+
            }
        };
    }
    let cases = some!(cases);
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let fixture = Fixture::new().await;
        for round in 0..rounds {
            cases(&fixture, round).await;
        }
    });
}
