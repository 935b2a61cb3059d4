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
