//! `X-Sipgate-Signature`: base64 of RSA (PKCS#1 v1.5) with SHA-256 over the body as it was sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use webpki::RawPublicKeyEntity;
use webpki::ring::RSA_PKCS1_2048_8192_SHA256;

use crate::dialect::{Refusal, Request};

const HEADER: &str = "x-sipgate-signature";

/// Is the request sipgate's? Any is where no key is set.
pub fn check(request: &Request) -> Result<(), Refusal> {
    let Some(pem) = &request.options.public_key else { return Ok(()) };
    let signature = request.headers.get(HEADER).map(|value| value.as_bytes().trim_ascii());
    let signature = signature.and_then(|text| STANDARD.decode(text).ok());
    let good = signature.is_some_and(|signature| is_by(pem, request.body, &signature));
    if good {
        return Ok(());
    }
    let why = "X-Sipgate-Signature: missing, or not made of this body by the owner of this PBX's public_key";
    Err(Refusal { status: 401, why: why.into() })
}

/// Can this be the option `public_key`?
///
/// # Errors
/// What it must be.
pub fn check_key(pem: &str) -> Result<(), String> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes());
    let good = key.is_ok_and(|key| RawPublicKeyEntity::try_from(&key).is_ok());
    if good { Ok(()) } else { Err("must be a public key in PEM, from its BEGIN line to its END line".into()) }
}

fn is_by(pem: &str, body: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()) else { return false };
    let Ok(key) = RawPublicKeyEntity::try_from(&key) else { return false };
    key.verify_signature(RSA_PKCS1_2048_8192_SHA256, body, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// sipgate's own, from its library (sipgateio-node, lib/webhook/signatureVerifier.ts).
    const KEY: &str = include_str!("../../../tests/fixtures/sipgate/public_key.pem");
    /// A body, and its signature by sipgate's key: the sample that the library's own tests verify.
    const BODY: &[u8] = include_bytes!("../../../tests/fixtures/sipgate/signed_body.txt");
    const SIGNATURE: &str = include_str!("../../../tests/fixtures/sipgate/signature.txt");

    #[test]
    fn sipgates_own_sample_is_good_and_nothing_else() {
        let signature = STANDARD.decode(SIGNATURE.trim()).unwrap_or_default();
        let body = BODY.trim_ascii_end();
        assert!(is_by(KEY, body, &signature));
        let other = String::from_utf8_lossy(body).replace("123456789", "123456779");
        assert!(!is_by(KEY, other.as_bytes(), &signature));
        assert!(!is_by(KEY, body, &signature[1..]) && !is_by(KEY, body, b""));
        let mut changed = signature.clone();
        changed[100] ^= 1;
        assert!(!is_by(KEY, body, &changed));
    }

    #[test]
    fn a_key_is_checked_when_it_is_set() {
        assert!(check_key(KEY).is_ok());
        assert!(check_key("sipgate").is_err() && check_key(&KEY.replace("PUBLIC", "PRIVATE")).is_err());
        assert!(check_key("-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PUBLIC KEY-----\n").is_err());
    }
}
