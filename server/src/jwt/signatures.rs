//! The cryptography below tokens, on ring, which TLS links anyway. Of the two that the token library brings, one
//! needs a slow C build for the same code, and the other an RSA implementation with an open advisory and eight more
//! crates.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{self, Ed25519KeyPair, RsaParameters, UnparsedPublicKey, VerificationAlgorithm};

static RING: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes this the cryptography of the process; again does nothing.
pub(crate) fn install() {
    RING.install_default().ok();
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    // Ours sign with this one only.
    if *algorithm != Algorithm::EdDSA {
        return Err(ErrorKind::UnsupportedAlgorithm.into());
    }
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.as_bytes());
    Ok(Box::new(Ed25519(pair.map_err(|_| ErrorKind::InvalidEddsaKey)?)))
}

struct Ed25519(Ed25519KeyPair);

impl Signer<Vec<u8>> for Ed25519 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, SignatureError> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed25519 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let check = Check::of(*algorithm).ok_or(ErrorKind::UnsupportedAlgorithm)?;
    Ok(Box::new(PublicKey { algorithm: *algorithm, check, key: key.clone() }))
}

/// How ring names an algorithm. Shared secrets have none: whoever can verify with one can sign.
#[derive(Clone, Copy)]
enum Check {
    Bytes(&'static dyn VerificationAlgorithm),
    Rsa(&'static RsaParameters),
}

impl Check {
    fn of(algorithm: Algorithm) -> Option<Self> {
        // Not a `match`: the list of algorithms is the library's to extend, and what is not here is refused.
        const KNOWN: [(Algorithm, Check); 9] = [
            (Algorithm::EdDSA, Check::Bytes(&signature::ED25519)),
            (Algorithm::ES256, Check::Bytes(&signature::ECDSA_P256_SHA256_FIXED)),
            (Algorithm::ES384, Check::Bytes(&signature::ECDSA_P384_SHA384_FIXED)),
            (Algorithm::RS256, Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256)),
            (Algorithm::RS384, Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384)),
            (Algorithm::RS512, Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512)),
            (Algorithm::PS256, Check::Rsa(&signature::RSA_PSS_2048_8192_SHA256)),
            (Algorithm::PS384, Check::Rsa(&signature::RSA_PSS_2048_8192_SHA384)),
            (Algorithm::PS512, Check::Rsa(&signature::RSA_PSS_2048_8192_SHA512)),
        ];
        KNOWN.iter().find(|(known, _)| *known == algorithm).map(|(_, check)| *check)
    }
}

struct PublicKey {
    algorithm: Algorithm,
    check: Check,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for PublicKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), SignatureError> {
        let verified = match (self.check, self.key.kind()) {
            (Check::Bytes(algorithm), DecodingKeyKind::SecretOrDer(key)) => {
                UnparsedPublicKey::new(algorithm, key).verify(message, signature)
            }
            (Check::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Check::Bytes(_) | Check::Rsa(_), _another_kind) => Err(ring::error::Unspecified),
        };
        verified.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for PublicKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
