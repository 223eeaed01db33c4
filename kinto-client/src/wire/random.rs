//! Random ids and delays. A test can have them repeated in each run.

use uuid::Uuid;

#[cfg(not(feature = "testing"))]
pub(crate) fn fill(bytes: &mut [u8]) -> bool {
    getrandom::fill(bytes).is_ok()
}

#[cfg(feature = "testing")]
pub(crate) fn fill(bytes: &mut [u8]) -> bool {
    seeded::fill(bytes) || getrandom::fill(bytes).is_ok()
}

/// Returns a random id.
pub(crate) fn uuid() -> Uuid {
    let mut bytes = uuid::Bytes::default();
    if fill(&mut bytes) { uuid::Builder::from_random_bytes(bytes).into_uuid() } else { Uuid::new_v4() }
}

#[cfg(feature = "testing")]
pub(crate) mod seeded {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Sets what the random numbers of this thread follow from.
    pub(crate) fn start(seed: u64) {
        STATE.set(Some(seed));
    }

    /// Fills the bytes with the next numbers of the sequence (splitmix64), if there is one.
    pub(super) fn fill(bytes: &mut [u8]) -> bool {
        let Some(mut state) = STATE.get() else { return false };
        for chunk in bytes.chunks_mut(size_of::<u64>()) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut number = state;
            number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            number ^= number >> 31;
            chunk.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, random)| *byte = random);
        }
        STATE.set(Some(state));
        true
    }
}
