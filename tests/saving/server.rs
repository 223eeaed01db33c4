//! The laws of saving, with what a real server holds afterwards, for each way to save.

use kinto_client::Result;
use kinto_tests::Scene;
use tokio::runtime::Runtime;

use super::{
    generate::Shape,
    laws::{Case, Holder},
    zoo::some,
};

/// The ways to save a record.
const WAYS: u64 = 4;

/// Saves what was changed, in one of the ways.
async fn save<F: Shape>(scene: &Scene, case: &mut Case<F>, id: &str, way: u64) -> (Holder<F>, Result<()>) {
    let records = &scene.todos;
    let mut record = records.get_record::<Holder<F>>(id).await.expect("it is there");
    case.change(&mut record.data);
    let held = record.data.clone();
    let saved = match way {
        0 => records.save_record(&mut record).await.map(drop),
        1 => records.update_record(id, |data: &mut Holder<F>| *data = held.clone()).await.map(drop),
        2 => records.save_records([&mut record]).await.map(drop),
        _ => {
            let mut batch = scene.client.batch();
            let saved = batch.add(records.save_record(&mut record));
            batch.execute().await.and_then(|done| done.get(&saved).map(drop))
        }
    };
    (held, saved)
}

async fn case<F: Shape>(scene: &Scene, seed: u64) {
    let (mut case, way) = (Case::<F>::new(seed), seed / 7 % WAYS);
    let id = format!("r{seed}");
    scene.plain.put_data(&scene.record(&id), &case.stored).await;
    let before = scene.plain.object(&scene.record(&id)).await;
    scene.sent.forget();
    let mut record = scene.todos.get_record::<Holder<F>>(&id).await.expect("it is there");
    assert_eq!(record.data, case.read, "{}", case.name());
    scene.todos.save_record(&mut record).await.expect("nothing to save");
    assert_eq!(scene.sent.take().len(), 1, "{}: nothing was changed: {}", case.name(), case.stored);

    let (held, saved) = save(scene, &mut case, &id, way).await;
    let now = scene.plain.object(&scene.record(&id)).await;
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
            async |scene: &Scene, round: u64| {
                let mut seed = round * 1_000;
                $(
                    seed += 1;
                    case::<$type>(scene, seed).await;
                )+
            }
        };
    }
    let cases = some!(cases);
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let scene = Scene::new().await;
        for round in 0..rounds {
            cases(&scene, round).await;
        }
    });
}
