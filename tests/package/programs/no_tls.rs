use kinto_client::Client;

/// Prints what a build without TLS says of HTTPS; plain HTTP stays possible.
fn main() {
    let error = Client::builder("https://kinto.example.org/v1").build().unwrap_err();
    assert!(error.is_invalid(), "{error}");
    println!("{error}");
    Client::builder("http://localhost:8888/v1").build().unwrap();
}
