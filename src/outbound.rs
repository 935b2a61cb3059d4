//! The HTTP client for whatever we send ourselves.

use std::sync::Once;

use reqwest::{Certificate, Client, ClientBuilder};

/// A client as `configure` wants it. It trusts the system's certificate authorities or, where there are none (slim
/// containers have none, and reqwest then refuses even plain http), Mozilla's as compiled in.
///
/// # Errors
/// What `configure` asks for that cannot be had.
pub fn client(configure: impl Fn(ClientBuilder) -> ClientBuilder) -> reqwest::Result<Client> {
    static CRYPTOGRAPHY: Once = Once::new();
    CRYPTOGRAPHY.call_once(|| {
        let _already = rustls::crypto::ring::default_provider().install_default();
    });
    configure(Client::builder()).build().or_else(|_| {
        let mozilla: reqwest::Result<Vec<Certificate>> =
            webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| Certificate::from_der(der)).collect();
        configure(Client::builder()).tls_certs_only(mozilla?).build()
    })
}

/// The innermost reason of a failed request, which reqwest's own message leaves out. No URL: it may hold a token.
pub fn why(e: reqwest::Error) -> String {
    let e = e.without_url();
    let causes = std::iter::successors(Some(&e as &dyn std::error::Error), |cause| cause.source());
    causes.last().map_or_else(
        || e.to_string(),
        |cause| if e.is_timeout() { "no answer in time".into() } else { cause.to_string() },
    )
}
