//! Compressed responses, which are read up to the limit of their decompressed size, and compressed requests.

use std::{
    io::{Read as _, Write as _},
    sync::{Arc, Mutex},
};

use futures_util::future::BoxFuture;
use kinto_client::{
    ClientBuilder, ErrorKind, Value,
    bytes::Bytes,
    http, json,
    retry::NeverRetry,
    transport::{Body, HttpTransport, Transport, TransportError},
};
use kinto_tests::{Fixture, Outcome};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Responds to each request with one body, and returns its URL, and what was sent to it.
async fn responding(encoding: &'static str, body: Vec<u8>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut chunk = [0; 1024];
                match stream.read(&mut chunk).await {
                    Ok(0) | Err(_) => break,
                    Ok(length) => request.extend_from_slice(&chunk[..length]),
                }
            }
            seen.lock().unwrap().push(String::from_utf8(request).expect("text"));
            let head = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nETag: W/\"42\"\r\n\
                 Content-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            // The client hangs up once it has had enough.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body).await;
        }
    });
    (url, sent)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    brotli::CompressorReader::new(body, 4096, 5, 22).read_to_end(&mut compressed).expect("memory");
    compressed
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 0).expect("memory")
}

/// The name of a way to compress, and how it is done.
type Encoding = (&'static str, fn(&[u8]) -> Vec<u8>);

const ENCODINGS: [Encoding; 3] = [("gzip", gzip), ("br", brotli), ("zstd", zstd)];

#[tokio::test]
async fn compressed_responses_are_asked_for_and_read() -> Outcome {
    let fixture = Fixture::new().await;
    let record = json!({"data": {"id": "milk", "last_modified": 42, "title": "Milk".repeat(1_000)}, "permissions": {}});
    for (name, compress) in ENCODINGS {
        let (url, sent) = responding(name, compress(record.to_string().as_bytes())).await;
        let client = fixture.client_at(&url).retry(NeverRetry).build()?;
        let read = fixture.todos_of(&client).get_record::<Value>("milk").await?;
        assert_eq!(
            (read.last_modified.to_string(), read.data["title"].clone()),
            ("42".to_owned(), record["data"]["title"].clone())
        );
        let sent = sent.lock().unwrap().concat().to_lowercase();
        let asked = sent.lines().find_map(|line| line.strip_prefix("accept-encoding: ")).expect("the header");
        assert!(ENCODINGS.iter().all(|(name, _)| asked.contains(name)), "{asked}");
    }
    Ok(())
}

#[tokio::test]
async fn limit_of_a_response_is_that_of_its_decompressed_bytes() -> Outcome {
    let fixture = Fixture::new().await;
    let padding = format!("{}{{}}", " ".repeat(64 << 20));
    for (name, compress) in ENCODINGS {
        let bomb = compress(padding.as_bytes());
        assert!(bomb.len() < 100_000, "{name}: {}", bomb.len());
        let (url, sent) = responding(name, bomb).await;
        let client = fixture.client_at(&url).max_response_size(1 << 20).build()?;
        let error = fixture.todos_of(&client).get_record::<Value>("milk").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        assert_eq!(sent.lock().unwrap().len(), 1, "it is not asked for again");
    }
    Ok(())
}

#[tokio::test]
async fn cut_and_broken_compressed_responses_are_errors() -> Outcome {
    let fixture = Fixture::new().await;
    let record = json!({"data": {"id": "milk", "last_modified": 42, "title": "Milk".repeat(1_000)}, "permissions": {}});
    for (name, compress) in ENCODINGS {
        let whole = compress(record.to_string().as_bytes());
        let cut = whole[..whole.len() - 4].to_vec();
        let noise = vec![7; 100];
        for body in [cut, noise] {
            let (url, _) = responding(name, body).await;
            let client = fixture.client_at(&url).retry(NeverRetry).build()?;
            let error = fixture.todos_of(&client).get_record::<Value>("milk").await.unwrap_err();
            assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Connect, false), "{name}: {error}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn response_compressed_in_an_unknown_way_is_named() -> Outcome {
    let fixture = Fixture::new().await;
    let (url, _) = responding("compress", vec![0x1F, 0x9D]).await;
    let client = fixture.client_at(&url).build()?;
    let error = fixture.todos_of(&client).get_record::<Value>("milk").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
    assert!(error.to_string().contains("compressed (`Content-Encoding: compress`)"), "{error}");
    Ok(())
}

/// A proxy that decompresses requests, and counts their bytes.
struct Decompressing {
    next: HttpTransport,
    bytes: Mutex<(usize, usize)>,
}

impl Transport for Decompressing {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let (mut head, mut body) = request.into_parts();
        if let Some(encoding) = head.headers.remove("content-encoding") {
            assert_eq!(
                (encoding.as_bytes(), head.headers.get("content-type").map(http::HeaderValue::as_bytes)),
                (&b"gzip"[..], Some(&b"application/json"[..]))
            );
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).expect("gzip");
            let mut bytes = self.bytes.lock().unwrap();
            *bytes = (bytes.0 + body.len(), bytes.1 + plain.len());
            body = plain.into();
        }
        self.next.send(http::Request::from_parts(head, body))
    }
}

#[tokio::test]
async fn compressed_requests_are_written_by_who_decompresses_them() -> Outcome {
    let fixture = Fixture::new().await;
    let builder = fixture.client_at(fixture.url());
    let transport = Decompressing { next: builder.http_transport()?, bytes: Mutex::default() };
    let transport = Arc::new(transport);
    let client = builder.compress_requests().transport(Arc::clone(&transport)).build()?;
    let todos = fixture.todos_of(&client);
    let records = (0..60).map(|n| json!({"n": n, "text": "long and like the others".repeat(20)}));
    assert_eq!(todos.create_records(records.clone()).await?.len(), 60);
    let (compressed, plain) = *transport.bytes.lock().unwrap();
    assert!(plain > 60 * 480 && compressed * 6 < plain, "{compressed} of {plain}");
    // A body that is short is sent as it is.
    todos.create_record(json!({"n": 60})).await?;
    assert_eq!(*transport.bytes.lock().unwrap(), (compressed, plain));
    let mut held: Vec<_> = fixture.todos.get_records::<Value>().await?.into_iter().map(|record| record.data).collect();
    held.sort_by_key(|data| data["n"].as_u64());
    assert_eq!(held, records.chain([json!({"n": 60})]).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn compressed_requests_that_nobody_reads_are_errors_that_say_so() -> Outcome {
    let fixture = Fixture::new().await;
    let client = fixture.client_at(fixture.url());
    let todos = fixture.todos_of(&ClientBuilder::compress_requests(client).build()?);
    let long = json!({"text": "x".repeat(2_000)});
    let single = todos.create_record(long.clone()).await.unwrap_err();
    let batch = todos.create_records([long.clone(), long]).await.unwrap_err();
    for error in [single, batch] {
        assert!(!error.may_have_been_applied(), "{error}");
        assert!(error.to_string().contains("`.compress_requests()`"), "{error}");
    }
    assert_eq!(fixture.todos.get_records::<Value>().await?.len(), 0);
    Ok(())
}
