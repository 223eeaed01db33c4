//! Several devices with random edits, partitions, lost responses and stops: at the end all have the same, and nothing is lost.
//!
//! On PostgreSQL there are fewer edits unless `KINTO_TEST_LONG=1`.

use std::env;

use kinto_server::Backend;
use kinto_tests::{
    Chance, Outcome,
    devices::{self, Device, Document},
};

use crate::world::World;

const DEVICES: usize = 5;
const EDITS: usize = 2_000;

struct Run {
    world: World,
    devices: Vec<Device>,
    /// The edit until which a device is cut off.
    cut_off: [usize; DEVICES],
    chance: Chance,
}

impl Run {
    async fn start(world: World, seed: u64) -> Self {
        let mut all = Vec::new();
        for number in 0..DEVICES {
            all.push(Device::new(number, world.fenced_device().await));
        }
        for n in 0..devices::SHARED {
            all[0].records.create_record(Document::default()).id(devices::shared(n)).await.unwrap();
        }
        for device in &all {
            device.records.sync().await.unwrap();
        }
        Self { world, devices: all, cut_off: [0; DEVICES], chance: Chance::new(seed, 1) }
    }

    /// Synchronizes a device, or two at once, of which requests and responses may get lost. What is stored by then is stored.
    async fn synchronize(&mut self, edit: usize) {
        let number = self.chance.place(DEVICES);
        if self.chance.one_in(15) {
            self.cut_off[number] = edit + 200;
        }
        if self.cut_off[number] > edit {
            self.world.refuse_after(0);
            assert!(self.devices[number].records.sync().await.is_err());
        } else {
            match self.chance.below(5) {
                0 => self.world.lose_next_response(),
                1 => self.world.refuse_after(self.chance.place(4)),
                2 => self.world.lose_response_after(self.chance.place(4)),
                _ => {}
            }
            let other = self.chance.place(DEVICES);
            let sync = |number: usize| IntoFuture::into_future(self.devices[number].records.sync());
            if other != number && self.cut_off[other] <= edit && self.chance.one_in(3) {
                let _ = tokio::join!(sync(number), sync(other));
            } else {
                let _ = sync(number).await;
            }
        }
        self.world.clear_faults();
    }
}

/// Whatever is lost on the way, everything that only one device touches has at the end what that device wrote last.
async fn converge(world: World, seed: u64, edits: usize) {
    let mut run = Run::start(world, seed).await;
    let mut edit = 0;
    while edit < edits {
        if run.chance.percent(12) {
            run.synchronize(edit).await;
        } else {
            edit += 1;
            let number = run.chance.place(DEVICES);
            run.devices[number].edit(edit, &mut run.chance).await.unwrap();
        }
    }
    let decided = devices::settle(&run.devices, false).await.unwrap_or_else(|reason| panic!("seed {seed}: {reason}"));
    let stored = run.world.stored().await;
    devices::check(&run.devices, &stored).await.unwrap_or_else(|reason| panic!("seed {seed}: {reason}"));
    println!("seed {seed}: {edits} edits, {decided} conflicts");
}

#[tokio::test]
async fn devices_converge() -> Outcome {
    for seed in 0..2 {
        converge(World::testing().await, seed, EDITS).await;
    }
    Ok(())
}

#[tokio::test]
async fn devices_converge_on_postgresql() -> Outcome {
    let is_long = env::var("KINTO_TEST_LONG").is_ok_and(|value| value == "1");
    let world = World::real(Backend::PostgreSql).await;
    converge(world, 3, if is_long { EDITS } else { 300 }).await;
    Ok(())
}
