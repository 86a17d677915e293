//! Ids of 16 bytes that say what they name: a prefix, and the bytes in base58.

macro_rules! prefixed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $invalid:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "_{}"), bs58::encode(self.0).into_string())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $invalid;

            fn from_str(text: &str) -> Result<Self, $invalid> {
                $crate::prefixed_id::parse(text, concat!($prefix, "_")).map(Self).ok_or($invalid)
            }
        }

        #[doc = concat!("A text that is no [`", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error("expected `{}_` and 16 bytes in base58", $prefix)]
        pub struct $invalid;
    )+};
}

pub(crate) use prefixed_ids;

/// The longest text of an id: its prefix, and 16 bytes in base58.
const ID_BYTES_MAX: usize = 4 + 22;

pub(crate) fn parse(text: &str, prefix: &str) -> Option<[u8; 16]> {
    if text.len() > ID_BYTES_MAX {
        return None;
    }
    bs58::decode(text.strip_prefix(prefix)?).into_vec().ok()?.try_into().ok()
}
