use std::{
    collections::VecDeque,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::AbortHandle,
};

/// A way to a server that passes bytes on as they come, of any number, and cuts connections in the middle of them.
#[derive(Debug)]
pub struct CuttingProxy {
    url: String,
    cuts: Arc<Mutex<Cuts>>,
    acceptor: AbortHandle,
}

/// The numbers of bytes of one connection after which it is cut, each used once.
#[derive(Debug)]
struct Cuts {
    up: VecDeque<u64>,
    down: VecDeque<u64>,
}

impl CuttingProxy {
    /// Starts a proxy in front of the server at `upstream`. It cuts a connection once so many bytes of requests (`up`), or of
    /// responses (`down`), went through it.
    pub async fn start(upstream: &str, up: &[u64], down: &[u64]) -> Self {
        let upstream = upstream.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let upstream = upstream.expect("a server without TLS").to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let cuts =
            Arc::new(Mutex::new(Cuts { up: up.iter().copied().collect(), down: down.iter().copied().collect() }));
        let shared = Arc::clone(&cuts);
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&upstream).await.expect("the server");
                tokio::spawn(serve(client, server, Arc::clone(&shared)));
            }
        });
        Self { url, cuts, acceptor: acceptor.abort_handle() }
    }

    /// Returns the address of the proxy, with the version prefix of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the number of cuts of requests and of responses that were not made yet.
    #[must_use]
    pub fn left(&self) -> (usize, usize) {
        let cuts = self.cuts.lock().unwrap();
        (cuts.up.len(), cuts.down.len())
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Passes both directions on until one ends, which ends the other, too.
async fn serve(client: TcpStream, server: TcpStream, cuts: Arc<Mutex<Cuts>>) {
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    tokio::select! {
        () = pass(client_in, server_out, |passed| is_cut(&mut cuts.lock().unwrap().up, passed)) => {}
        () = pass(server_in, client_out, |passed| is_cut(&mut cuts.lock().unwrap().down, passed)) => {}
    }
}

fn is_cut(cuts: &mut VecDeque<u64>, passed: u64) -> bool {
    cuts.front().is_some_and(|after| *after <= passed) && cuts.pop_front().is_some()
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_cut: impl FnMut(u64) -> bool) {
    let (mut passed, mut part) = (0, vec![0; 16 * 1024]);
    while let Ok(length @ 1..) = from.read(&mut part).await {
        if to.write_all(&part[..length]).await.is_err() {
            return;
        }
        passed += u64::try_from(length).expect("a length");
        if is_cut(passed) {
            return;
        }
    }
}
