use kinto_client::Client;

fn main() {
    let _ = Client::builder("http://localhost:8888/v1").root_certificate("");
}
