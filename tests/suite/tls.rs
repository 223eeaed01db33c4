//! Whom a client takes for its server: only one with a certificate that it trusts, for that name, and now.

use std::{net::Ipv4Addr, sync::Arc};

use kinto_client::{Client, Never};
use kinto_tests::{Outcome, Scene, shown};
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
    async fn new(scene: &Scene, names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> Self {
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
        let upstream = scene.url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
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

    fn client(&self, scene: &Scene) -> kinto_client::ClientBuilder {
        scene.client_at(&self.url).retry(Never)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn assert_refused(scene: &Scene, client: &Client, because: &str) {
    let error = scene.todos_of(client).create_record(Todo::new("Milk")).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], false), "{error}");
    assert!(shown(&error).contains(because), "{because}: {error:?}");
    assert!(error.to_string().contains("is its certificate one to trust"), "{error}");
    assert_eq!(scene.plain.ids(&scene.records).await, [""; 0]);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let front = Front::new(&scene, &["localhost"], |_| {}).await;
    assert_refused(&scene, &front.client(&scene).build()?, "UnknownIssuer").await;
    // Nor does one that is trusted vouch for another of the same name.
    let other = Front::new(&scene, &["localhost"], |_| {}).await;
    assert_refused(&scene, &front.client(&scene).root_certificate(other.pem.as_str()).build()?, "").await;
    Ok(())
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_if_it_is_named() -> Outcome {
    let scene = Scene::new().await;
    let (front, other) = (Front::new(&scene, &["localhost"], |_| {}).await, Front::new(&scene, &["x"], |_| {}).await);
    for builder in [
        front.client(&scene).root_certificate(front.pem.as_str()),
        front.client(&scene).root_certificate(format!("{}{}", other.pem, front.pem)),
        front.client(&scene).root_certificate(other.pem.as_str()).root_certificate(front.pem.as_str()),
    ] {
        let todos = scene.todos_of(&builder.build()?);
        let created = todos.create_record(Todo::new("Milk")).await?;
        assert_eq!(todos.get_record::<Todo>(&created.id).await?.data, Todo::new("Milk"));
    }
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_another_name_or_another_time_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let of_others = Front::new(&scene, &["kinto.example.org", "127.0.0.2"], |_| {}).await;
    let client = of_others.client(&scene).root_certificate(of_others.pem.as_str()).build()?;
    assert_refused(&scene, &client, "NotValidForName").await;

    let expired = Front::new(&scene, &["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    });
    let expired = expired.await;
    let client = expired.client(&scene).root_certificate(expired.pem.as_str()).build()?;
    assert_refused(&scene, &client, "Expired").await;
    Ok(())
}

#[test]
fn what_is_no_certificate_is_refused() {
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = Client::builder("https://kinto.example.org/v1").root_certificate(pem).build().unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{pem:?}: {error}");
    }
}
