//! Accounts as people name them on the command line.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use tiebreak_protocol::AccountId;

/// An account by its id, or by its name, with or without an `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountName(String);

impl FromStr for AccountName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text.parse::<AccountId>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        Ok(Self(format!("@{}", text.strip_prefix('@').unwrap_or(text))))
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AccountName {
    /// What the server answers about the account.
    pub(super) fn path(&self) -> String {
        format!("/v1/accounts/{}", self.segment())
    }

    /// As it stands in a path: names may hold every letter that there is.
    pub(super) fn segment(&self) -> String {
        let escaped = |byte: u8| match byte {
            b'@' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        self.0.bytes().map(escaped).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_by_its_id_or_its_name() {
        let id = AccountId::from_bytes([7; 16]).to_string();
        for (text, named) in [("ann", "@ann"), ("@ann", "@ann"), (id.as_str(), id.as_str())] {
            assert_eq!(text.parse::<AccountName>().unwrap().to_string(), named);
        }
    }

    #[test]
    fn no_name_says_more_in_a_path_than_who_it_is() {
        let segment = |text: &str| text.parse::<AccountName>().unwrap().segment();
        assert_eq!(segment("jörg"), "@j%C3%B6rg");
        assert_eq!(segment("../x?y#z%"), "@..%2Fx%3Fy%23z%25");
    }
}
