//! Packages both crates as they would be published, and uses them as their users do: outside of the workspace.
//!
//! It unpacks the packages beside a program of its own, builds and runs that with each set of features against a real Kinto, and
//! builds the documentation as docs.rs does. The program is the README's quickstart wherever the features suffice for it.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "that is how a check fails")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use kinto_client::json;
use kinto_server::{Backend, Server};
use kinto_tests::RawClient;

/// The packages, in the order of their publication.
const PACKAGES: [&str; 2] = ["kinto-derive", "kinto-client"];
/// The address in the README, in whose place that of the server stands.
const README_URL: &str = "http://localhost:8888/v1";
const UNTYPED: &str = include_str!("programs/untyped.rs");
const BLOCKING: &str = include_str!("programs/blocking.rs");
const SCHEMA: &str = include_str!("programs/schema.rs");
const NO_TLS: &str = include_str!("programs/no_tls.rs");
const ROOT_CERTIFICATE: &str = include_str!("programs/root_certificate.rs");
/// What a program is told that has an `https` URL and neither TLS feature.
const NEEDS_TLS: &str = "https://kinto.example.org/v1 needs TLS, which this program was built without: enable the feature `rustls` \
                         (on by default) or `native-tls` of kinto-client";

/// A set of features, the program that it is tried with, and the start of a line that the program prints.
struct Case {
    features: &'static [&'static str],
    program: String,
    prints: &'static str,
}

#[tokio::main]
async fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's directory");
    let scratch = Scratch(env::temp_dir().join(kinto_server::unique("kinto-package")));
    let directory = &scratch.0;
    fs::create_dir(directory).expect("a directory of its own");
    let version = unpack(root, directory);

    let server = Server::builder().backend(Backend::Memory).start().expect("a server");
    let account = json!({"password": "p4ssw0rd"});
    RawClient::new(server.url(), "admin", "admin").put_data("/accounts/alexis", &account).await;

    let readme = fs::read_to_string(directory.join(format!("kinto-client-{version}/README.md"))).expect("a README");
    assert!(!readme.contains("!["), "the README has a picture, which the package has not");
    let quickstart = quickstart(&readme);
    let case = |features, program: &str, prints| Case { features, program: program.to_owned(), prints };
    let cases = [
        case(&["derive", "gzip", "rustls"], quickstart, "Todo { title: \"Todo #0\", done: false }"),
        case(&["derive"], quickstart, "Todo { title: \"Todo #0\", done: false }"),
        case(&["derive"], NO_TLS, NEEDS_TLS),
        case(&["derive", "native-tls"], quickstart, "Todo { title: \"Todo #0\", done: false }"),
        case(&[], UNTYPED, "Buy milk"),
        case(&["blocking"], BLOCKING, "Buy milk"),
        case(&["derive", "schema"], SCHEMA, "string"),
        case(
            &["blocking", "brotli", "derive", "gzip", "native-tls", "rustls", "schema", "zstd"],
            quickstart,
            "Todo { title: \"Todo #0\", done: false }",
        ),
    ];
    let program = directory.join("program");
    let target = root.join("target/package-check");
    fs::create_dir_all(program.join("src")).expect("a directory");
    fs::copy(root.join("Cargo.lock"), program.join("Cargo.lock")).expect("the lock file");
    for Case { features, program: source, prints } in cases {
        println!("-- features: {features:?}");
        fs::write(program.join("Cargo.toml"), manifest(&version, features)).expect("a manifest");
        assert!(source.contains(README_URL));
        fs::write(program.join("src/main.rs"), source.replace(README_URL, server.url())).expect("a program");
        let printed = run(cargo(&program, &target).args(["run", "--quiet"]));
        print!("{printed}");
        assert!(printed.contains(prints), "it should print {prints:?}");
    }
    documentation(&program, &target);
    without_tls_there_are_no_certificates(&program, &target, &version, server.url());
}

/// A root certificate that nothing would look at is an error of the compiler.
fn without_tls_there_are_no_certificates(program: &Path, target: &Path, version: &str, url: &str) {
    fs::write(program.join("src/main.rs"), ROOT_CERTIFICATE.replace(README_URL, url)).expect("a program");
    for (features, builds) in [
        (["derive"].as_slice(), false),
        (["derive", "rustls"].as_slice(), true),
        (["derive", "native-tls"].as_slice(), true),
    ] {
        fs::write(program.join("Cargo.toml"), manifest(version, features)).expect("a manifest");
        let output = cargo(program, target).args(["build", "--quiet"]).output().expect("cargo");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), builds, "{features:?}: {said}");
        assert!(builds || said.contains("no method named `root_certificate` found"), "{said}");
    }
}

/// A directory that goes when this does.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Packages both crates and unpacks them into the directory. Gives their version.
fn unpack(root: &Path, directory: &Path) -> String {
    let packages = PACKAGES.iter().flat_map(|package| ["-p", package]);
    let target = root.join("target");
    run(cargo(root, &target).args(["package", "--no-verify", "--allow-dirty", "--quiet"]).args(packages));
    let version = env!("CARGO_PKG_VERSION");
    for package in PACKAGES {
        let file = target.join(format!("package/{package}-{version}.crate"));
        run(Command::new("tar").arg("xzf").arg(file).current_dir(directory));
        for part in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            let part = directory.join(format!("{package}-{version}/{part}"));
            let length = fs::metadata(&part).map_or(0, |metadata| metadata.len());
            assert!(length > 500, "{} is missing, or hardly anything", part.display());
        }
    }
    version.to_owned()
}

/// The first program of the README.
fn quickstart(readme: &str) -> &str {
    let (_, rest) = readme.split_once("```rust,no_run\n").expect("a program");
    rest.split_once("```").expect("its end").0
}

fn manifest(version: &str, features: &[&str]) -> String {
    format!(
        r#"[package]
name = "program"
version = "0.0.0"
edition = "2024"

[dependencies]
kinto-client = {{ path = "../kinto-client-{version}", default-features = false, features = {features:?} }}
serde = {{ version = "1", features = ["derive"] }}
schemars = {{ version = "1", default-features = false, features = ["derive", "std"] }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}

[patch.crates-io]
kinto-derive = {{ path = "../kinto-derive-{version}" }}

[profile.dev]
debug = false

[workspace]
"#
    )
}

/// Builds the documentation as docs.rs does, and looks for what only a feature gives.
fn documentation(program: &Path, target: &Path) {
    // What docs.rs builds with is a nightly compiler.
    run(cargo(program, target).env("RUSTC_BOOTSTRAP", "1").env("RUSTDOCFLAGS", "--cfg docsrs -D warnings").args([
        "doc",
        "--quiet",
        "--no-deps",
        "-p",
        "kinto-client",
    ]));
    for (page, feature) in [("schema/index.html", "schema"), ("struct.Call.html", "blocking")] {
        let page = target.join("doc/kinto_client").join(page);
        let page = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        let badge = format!("crate feature <code>{feature}</code></strong> only");
        assert!(page.contains(&badge), "no badge for the feature {feature}");
    }
}

fn cargo(directory: &Path, target: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(directory).env("CARGO_TARGET_DIR", target);
    // What `cargo run` has set for this program is not meant for another.
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}\n{printed}", output.status);
    printed.into_owned()
}
