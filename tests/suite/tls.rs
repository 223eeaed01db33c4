//! TLS: the client accepts only a trusted and valid certificate for the name of the server.

use std::{net::Ipv4Addr, sync::Arc};

use kinto_client::{Client, retry::NeverRetry};
use kinto_tests::{Fixture, Outcome, shown};
use rcgen::{CertificateParams, KeyPair};
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::{Todo, predicates};

/// A way to the server over TLS, with a certificate of its own making, in PEM.
struct Front {
    url: String,
    pem: String,
    acceptor: AbortHandle,
}

impl Front {
    async fn new(fixture: &Fixture, names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        edit(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone()];
        let config = config.expect("versions").with_no_client_auth().with_single_cert(chain, key).expect("a pair");

        let acceptor = TlsAcceptor::from(Arc::new(config));
        let upstream = fixture.url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let mut server = TcpStream::connect(upstream).await?;
                    tokio::io::copy_bidirectional(&mut stream, &mut server).await
                });
            }
        });
        Self { url: format!("https://localhost:{port}/v1"), pem: certificate.pem(), acceptor: task.abort_handle() }
    }

    fn client(&self, fixture: &Fixture) -> kinto_client::ClientBuilder {
        fixture.client_at(&self.url).retry(NeverRetry)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn assert_refused(fixture: &Fixture, client: &Client, because: &str) {
    let error = fixture.todos_of(client).create_record(Todo::new("Milk")).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], false), "{error}");
    assert!(shown(&error).contains(because), "{because}: {error:?}");
    assert!(error.to_string().contains("that its certificate is trusted"), "{error}");
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
}

#[tokio::test]
async fn tls_rejects_certificate_of_unknown_authority() -> Outcome {
    let fixture = Fixture::new().await;
    let front = Front::new(&fixture, &["localhost"], |_| {}).await;
    assert_refused(&fixture, &front.client(&fixture).build()?, "UnknownIssuer").await;
    // Nor does one that is trusted vouch for another of the same name.
    let other = Front::new(&fixture, &["localhost"], |_| {}).await;
    assert_refused(&fixture, &front.client(&fixture).root_certificate(other.pem.as_str()).build()?, "").await;
    Ok(())
}

#[tokio::test]
async fn tls_accepts_certificate_of_given_authority() -> Outcome {
    let fixture = Fixture::new().await;
    let (front, other) =
        (Front::new(&fixture, &["localhost"], |_| {}).await, Front::new(&fixture, &["x"], |_| {}).await);
    for builder in [
        front.client(&fixture).root_certificate(front.pem.as_str()),
        front.client(&fixture).root_certificate(format!("{}{}", other.pem, front.pem)),
        front.client(&fixture).root_certificate(other.pem.as_str()).root_certificate(front.pem.as_str()),
    ] {
        let todos = fixture.todos_of(&builder.build()?);
        let created = todos.create_record(Todo::new("Milk")).await?;
        assert_eq!(todos.get_record::<Todo>(&created.id).await?.data, Todo::new("Milk"));
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 3);
    Ok(())
}

#[tokio::test]
async fn tls_rejects_certificate_of_other_name_or_time() -> Outcome {
    let fixture = Fixture::new().await;
    let of_others = Front::new(&fixture, &["kinto.example.org", "127.0.0.2"], |_| {}).await;
    let client = of_others.client(&fixture).root_certificate(of_others.pem.as_str()).build()?;
    assert_refused(&fixture, &client, "NotValidForName").await;

    let expired = Front::new(&fixture, &["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    });
    let expired = expired.await;
    let client = expired.client(&fixture).root_certificate(expired.pem.as_str()).build()?;
    assert_refused(&fixture, &client, "Expired").await;
    Ok(())
}

#[test]
fn builder_rejects_invalid_root_certificate() {
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = Client::builder("https://kinto.example.org/v1").root_certificate(pem).build().unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{pem:?}: {error}");
    }
}
