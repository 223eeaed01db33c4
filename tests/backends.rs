use kinto_server::{Backend, Server};

/// The server that all tests of one storage backend share; give it up when the test is done.
#[must_use]
pub fn server_on(backend: Backend) -> Server {
    Server::builder().backend(backend).shared().expect("a server")
}

/// Makes tests of functions that are given a storage backend: one for each backend, in a module of the function's name.
#[macro_export]
macro_rules! on_each_backend {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn memory() -> $crate::Outcome {
                super::$test(kinto_server::Backend::Memory).await
            }

            #[tokio::test]
            async fn postgresql() -> $crate::Outcome {
                super::$test(kinto_server::Backend::PostgreSql).await
            }
        }
    )+};
}
