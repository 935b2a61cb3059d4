//! Signatures by the Standard Webhooks specification 1.0 (<https://www.standardwebhooks.com>), so that receivers verify
//! them with its libraries.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const PREFIX: &str = "whsec_";

/// A signing secret: 256 random bits behind a prefix that secret scanners know.
pub fn new_secret() -> String {
    format!("{PREFIX}{}", STANDARD.encode(crate::secret::random_bytes::<32>()))
}

/// The value of the header `webhook-signature`: over id, time and body. `timestamp`: seconds since 1970.
pub fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
    let encoded = secret.strip_prefix(PREFIX).unwrap_or(secret);
    // what is no base64 (a row that somebody edited) is taken as it is: the receiver has the same text
    let key = STANDARD.decode(encoded).unwrap_or_else(|_| secret.as_bytes().to_vec());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() }; // any length is good
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn it_is_as_the_specification_has_it() {
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_differ_and_are_long() {
        let (one, other) = (new_secret(), new_secret());
        assert!(one != other && one.starts_with(PREFIX) && one.len() == PREFIX.len() + 44, "{one}");
    }
}
