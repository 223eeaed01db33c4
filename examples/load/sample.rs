use std::{env, fs, path::PathBuf, process};

use kinto_client::json;

use crate::failure::{Failure, Result};

/// Writes a file to try the program with, and says where it is.
pub(crate) fn file() -> Result<PathBuf> {
    let directory = env::temp_dir().join(format!("kinto-load-{}", process::id()));
    let file = directory.join("plants.json");
    let plants = ["aloe", "basil", "cactus", "dill", "fern", "ginger", "ivy"];
    let records = plants.into_iter().cycle().zip(1..=1_000).map(|(plant, number)| {
        json!({
            "name": format!("{plant} {number}"),
            "water": {"every_days": number % 9 + 1, "millilitres": number % 7 * 50},
            "tags": [plant, if number % 2 == 0 { "indoors" } else { "outdoors" }],
        })
    });
    let text = json!({"data": records.collect::<Vec<_>>()}).to_string();
    fs::create_dir_all(&directory)
        .and_then(|()| fs::write(&file, text))
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    Ok(file)
}
