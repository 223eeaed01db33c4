//! The part of HTTP/1.1 that a proxy between this client and that server needs: bodies have a `Content-Length`.

use std::io::ErrorKind;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use crate::SentRequest;

/// Reads a request; `None` at the end of the connection.
pub(crate) async fn request(stream: &mut BufReader<impl AsyncRead + Unpin>) -> std::io::Result<Option<SentRequest>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let method = words.next().and_then(|method| method.parse().ok()).expect("a method");
    let target = words.next().expect("a target").to_owned();
    let mut headers = HeaderMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let name: HeaderName = name.parse().expect("a header's name");
        headers.append(name, HeaderValue::from_str(value.trim()).expect("a header's value"));
    }
    let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(SentRequest { method, target, headers, body: String::from_utf8(body).expect("text") }))
}

/// The request as bytes, with a word that it is the only one on its connection.
pub(crate) fn alone(sent: &SentRequest) -> Vec<u8> {
    let mut bytes = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", sent.method, sent.target);
    for (name, value) in &sent.headers {
        if name != "connection" {
            bytes.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
        }
    }
    (bytes + "\r\n" + &sent.body).into_bytes()
}

/// The answer to a request that was sent [`alone`], without the server's word that the connection ends with it; an error
/// if it is not whole, as that of a server that was killed.
pub(crate) fn kept_alive(answer: &str) -> std::io::Result<String> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let is = |line: &&str, name: &str| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let length = head.split("\r\n").find(|line| is(line, "content-length:")).and_then(|line| line.split(' ').nth(1));
    // The answer to HEAD has none.
    if !body.is_empty()
        && length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| body.len() < length)
    {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let lines = head.split("\r\n").filter(|line| !is(line, "connection:"));
    Ok(lines.collect::<Vec<_>>().join("\r\n") + "\r\n\r\n" + body)
}

/// Returns the position at which the body of a response begins.
pub(crate) fn body_start(answer: &str) -> usize {
    answer.find("\r\n\r\n").map_or(answer.len(), |end| end + 4)
}
