//! The cost of kinto-client in the build of a program, compared with the same program written by hand.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::{
    Outcome,
    measure::median,
    programs::{cargo, run, target},
    report::Report,
};

const PROGRAMS: [&str; 2] = ["compare-client", "compare-plain"];
/// A clean build takes minutes.
const MOST_BUILDS: usize = 3;
const DERIVED: usize = 200;

pub(crate) fn measure(rounds: usize, report: &mut Report) -> Outcome {
    let [ours, plain] = PROGRAMS.map(crates);
    let (ours, plain) = (ours?, plain?);
    let more: Vec<_> = ours.difference(&plain).map(String::as_str).collect();
    println!("\n{} crates, by hand {}; more: {}", ours.len(), plain.len(), more.join(", "));
    report.target("crates in a default build, more than by hand", count(ours.len()) - count(plain.len()), 12.0, 0);
    derived(rounds, report)?;
    clean(rounds.min(MOST_BUILDS), report)
}

/// The crates that a program is built of, itself left out.
fn crates(package: &str) -> Outcome<BTreeSet<String>> {
    let tree = run(cargo().args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "-p", package]))?;
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.filter(|name| *name != package).map(str::to_owned).collect())
}

/// Builds both programs from nothing, as a user does who adds the dependency.
fn clean(rounds: usize, report: &mut Report) -> Outcome {
    let scratch = target()?.join("compare/clean");
    let mut seconds = [Vec::new(), Vec::new()];
    let mut sizes = [0.0; 2];
    for _ in 0..rounds {
        for ((package, seconds), size) in PROGRAMS.iter().zip(&mut seconds).zip(&mut sizes) {
            eprintln!("building {package} from nothing …");
            let _ = fs::remove_dir_all(&scratch);
            let start = Instant::now();
            run(cargo().args(["build", "--quiet", "--release", "-p", package, "--target-dir"]).arg(&scratch))?;
            seconds.push(start.elapsed().as_secs_f64());
            *size = fs::metadata(scratch.join("release").join(package))?.len() as f64 / 1e6;
        }
    }
    let _ = fs::remove_dir_all(&scratch);
    let [ours, plain] = seconds.each_mut().map(|seconds| median(seconds));
    println!("a clean release build takes {ours:.1} s, by hand {plain:.1} s: {:.2}", ours / plain);
    println!("the executable has {:.2} MB, by hand {:.2} MB: {:.2}", sizes[0], sizes[1], sizes[0] / sizes[1]);
    report.fact("clean release build, seconds", [ours, plain]);
    report.fact("executable, MB", sizes);
    Ok(())
}

/// Measures the time of checking a crate of many derived records, compared with one that has serde's derives
/// only.
fn derived(rounds: usize, report: &mut Report) -> Outcome {
    let home = target()?.join("compare/derived");
    let crates = [derive_crate(&home.join("kinto"), true)?, derive_crate(&home.join("serde"), false)?];
    let check = |source: &PathBuf| {
        let directory = source.parent().and_then(Path::parent).ok_or("no directory")?;
        let mut check = Command::new(cargo().get_program());
        check.args(["check", "--quiet", "--target-dir"]).arg(home.join("target"));
        run(check.current_dir(directory).env("CARGO_INCREMENTAL", "0"))
    };
    let mut seconds = [Vec::new(), Vec::new()];
    for source in &crates {
        check(source)?;
    }
    for _ in 0..rounds {
        for (source, seconds) in crates.iter().zip(&mut seconds) {
            // So that it is new to cargo.
            fs::write(source, fs::read(source)?)?;
            let start = Instant::now();
            check(source)?;
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    let [ours, serde] = seconds.each_mut().map(|seconds| median(seconds));
    println!("to check {DERIVED} derived records takes {ours:.2} s, with serde's derives alone {serde:.2} s");
    report.target(
        format!("`cargo check` of {DERIVED} derived records, against serde's derives alone"),
        ours / serde,
        1.5,
        2,
    );
    Ok(())
}

/// Writes a crate of derived records, and gives its source file.
fn derive_crate(directory: &Path, kinto: bool) -> Outcome<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").canonicalize()?;
    let client = workspace.join("kinto-client");
    // What TLS needs is not part of what is measured, and takes long to build.
    let features = "default-features = false, features = [\"derive\"]";
    let dependency = if kinto {
        format!("kinto-client = {{ path = \"{}\", {features} }}\n", client.display())
    } else {
        String::new()
    };
    let manifest = format!(
        "[package]\nname = \"derived\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependency}\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n"
    );
    let mut source = if kinto { "use kinto_client::KintoRecord;\n" } else { "" }.to_owned();
    source.push_str("use serde::{Deserialize, Serialize};\n");
    for number in 0..DERIVED {
        let (derive, collection) = if kinto {
            (", KintoRecord", format!("#[kinto(collection = \"books-{number}\")]\n"))
        } else {
            ("", String::new())
        };
        write!(
            source,
            "\n#[derive(Serialize, Deserialize{derive})]\n{collection}pub struct Book{number} {{\n    pub title: String,\n    \
             pub author: String,\n    pub pages: u64,\n    pub price: f64,\n    pub lent: bool,\n    \
             pub tags: Vec<String>,\n    pub lent_to: Option<String>,\n}}\n"
        )?;
    }
    fs::create_dir_all(directory.join("src"))?;
    fs::write(directory.join("Cargo.toml"), manifest)?;
    fs::copy(workspace.join("Cargo.lock"), directory.join("Cargo.lock"))?;
    let file = directory.join("src/lib.rs");
    fs::write(&file, source)?;
    Ok(file)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
