//! Runs the program as a person would, and reads what it says.

use std::{
    env,
    error::Error,
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use kinto_server::{Backend, Server};
use kinto_tests::RawClient;
use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Cargo builds the examples of a package before it runs its tests.
fn run(arguments: &[&str]) -> Result<Output> {
    let test = env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or("no directory above the test's")?;
    let program = profile.join("examples").join(format!("blueprint{}", env::consts::EXE_SUFFIX));
    let mut command = Command::new(program);
    command.args(arguments).env_remove("KINTO_SERVER_URL").env_remove("KINTO_AUTH").env_remove("RUST_BACKTRACE");
    Ok(command.output()?)
}

/// Runs the program, which must succeed, and returns its output.
fn done(arguments: &[&str]) -> Result<String> {
    let output = run(arguments)?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(String::from_utf8(output.stderr)?.into())
    }
}

/// Runs the program, which must fail, and returns its error.
fn failed(arguments: &[&str]) -> Result<String> {
    let output = run(arguments)?;
    match (output.status.code(), output.stdout.is_empty()) {
        (Some(1), true) => Ok(String::from_utf8(output.stderr)?),
        _ => Err(format!("{output:?}").into()),
    }
}

/// A file of its own for each test.
fn file(name: &str, text: &str) -> Result<PathBuf> {
    let path = env::temp_dir().join(format!("{}.yaml", kinto_server::unique(name)));
    fs::write(&path, text)?;
    Ok(path)
}

const AUTH: [&str; 2] = ["--auth", "admin:admin"];

#[tokio::test]
async fn applied_and_then_there_is_nothing_to_do_and_then_exactly_what_was_changed() -> Result {
    let server = Server::builder().backend(Backend::Memory).start()?;
    let on = |command: &[&str]| done(&[command, &["--server", server.url()], &AUTH].concat());
    let said = on(&["plan"])?;
    assert!(said.starts_with("+ bucket blog\n+ group blog/editors\n    + member account:alexis\n"), "{said}");
    assert!(said.ends_with("\n8 to create\n"), "{said}");
    assert!(!said.contains('\x1b'), "nobody is at a terminal");
    let held = RawClient::new(server.url(), "admin", "admin");
    assert_eq!(held.ids("/buckets").await, [""; 0], "a plan changes nothing");

    let applied = on(&["apply"])?;
    let result = "\n\ncreated bucket blog\ncreated group blog/editors\ncreated collection blog/comments\n\
                  created collection blog/posts\ncreated bucket shop\ncreated group shop/staff\n\
                  created collection shop/orders\ncreated collection shop/products\n";
    assert_eq!(applied, format!("{}{result}", said.trim_end()));
    assert_eq!(held.ids("/buckets").await, ["blog", "shop"]);
    assert_eq!(held.ids("/buckets/blog/collections").await, ["comments", "posts"]);
    assert_eq!(held.ids("/buckets/shop/collections").await, ["orders", "products"]);
    let staff = "/buckets/shop/groups/staff";
    assert_eq!(held.permissions("/buckets/shop").await, json!({"write": [staff, "account:admin"]}));
    let posts = held.held("/buckets/blog/collections/posts").await;
    assert_eq!(posts["schema"]["properties"]["title"]["maxLength"], 120, "{posts}");

    for command in ["plan", "apply"] {
        assert!(on(&[command])?.ends_with("\nnothing to do: 8 to leave alone\n"));
    }

    // As curl would.
    let change = json!({"data": {"sort": "title"}, "permissions": {"read": []}});
    held.send("PATCH".parse()?, "/buckets/blog/collections/posts", Some(&change)).await;
    let said = on(&["plan"])?;
    let expected = "\
= bucket blog
= group blog/editors
= collection blog/comments
~ collection blog/posts
    ~ sort: \"title\" -> \"-date\"
    + read system.Everyone
= bucket shop
= group shop/staff
= collection shop/orders
= collection shop/products
1 to change, 7 to leave alone
";
    assert_eq!(said, expected);
    assert!(on(&["apply"])?.ends_with("\nchanged collection blog/posts\n"));
    assert_eq!(held.held("/buckets/blog/collections/posts").await, posts);
    Ok(())
}

#[test]
fn without_a_command_it_shows_all_that() -> Result {
    let said = done(&[])?;
    for words in ["\n8 to create\n", "\ncreated group shop/staff\n", "\nnothing to do: 8 to leave alone\n"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(said.contains("\n    ~ sort: \"by-hand\" -> "), "{said}");
    Ok(())
}

#[tokio::test]
async fn file_is_a_blueprint_as_well() -> Result {
    let server = Server::builder().backend(Backend::Memory).start()?;
    let written = done(&["write"])?;
    let path = file("written", &written)?;
    let path = path.to_str().ok_or("a path that is no text")?;
    let on = |command: &[&str]| done(&[command, &["--server", server.url()], &AUTH].concat());
    on(&["apply"])?;
    assert!(on(&["plan", "--file", path])?.ends_with("\nnothing to do: 8 to leave alone\n"), "{written}");

    let small = file("small", "buckets:\n  blog:\n    groups:\n      editors:\n        members: [account:mat]\n")?;
    let small = small.to_str().ok_or("a path that is no text")?;
    let said = on(&["plan", "--file", small])?;
    assert!(said.contains("? collection blog/posts, which the blueprint does not have, with 0 records"), "{said}");
    let said = on(&["apply", "--file", small, "--delete-extra"])?;
    assert!(said.contains("\n- collection blog/posts, and the 0 records in it\n"), "{said}");
    let held = RawClient::new(server.url(), "admin", "admin");
    assert_eq!(held.ids("/buckets/blog/collections").await, [""; 0]);
    assert_eq!(held.object("/buckets/blog/groups/editors").await["members"], json!(["account:mat"]));
    assert_eq!(held.ids("/buckets/shop/collections").await, ["orders", "products"], "not in the file, not touched");
    assert_ne!(held.object("/buckets/shop").await, Value::Null);
    Ok(())
}

#[test]
fn mistake_in_a_file_is_shown_where_it_is() -> Result {
    let path = file("mistake", "buckets:\n  blog:\n    colections:\n      posts:\n")?;
    let path = path.to_str().ok_or("a path that is no text")?;
    let said = failed(&["plan", "--file", path])?;
    assert!(said.starts_with(&format!("blueprint: {path}: ")), "{said}");
    assert!(said.contains("a bucket has no key `colections`: did you mean `collections`?"), "{said}");
    assert!(said.contains("line 3"), "{said}");
    Ok(())
}

#[test]
fn missing_permission_is_named() -> Result {
    assert!(failed(&["plan"])?.contains("--server URL or KINTO_SERVER_URL"));
    assert!(failed(&["plan", "--server", "http://localhost/v1"])?.contains("--auth USER:PASSWORD"));
    let said = failed(&["plan", "--server", "http://localhost/v1", "--auth", "s3cr3t"])?;
    assert!(said.contains("--auth") && !said.contains("s3cr3t"), "{said}");
    Ok(())
}
