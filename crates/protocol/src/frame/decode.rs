//! Messages out of CBOR: lenient in the order of keys and in keys that are not known, strict in what a
//! message must hold.

use super::TOKEN_BYTES_MAX;
use super::cbor::Reader;
use super::{
    Ephemeral, Frame, Join, Peer, PeerMetadata, RemoteHead, RemoteHeadsChanged, RemoteSubscriptionChange,
    SyncFrame,
};
use crate::{ChangeHash, DocumentId, EphemeralSessionId, ExtensionFrame, Heads, PeerId, Secret, StorageId};
use bytes::Bytes;
use std::borrow::Cow;
use std::str::FromStr;

/// Longest list that is read: of names, of heads, of storages whose heads are told.
const LIST_MAX: usize = 10_000;
/// Heads of one storage: as many as may stand side by side in a document that is not set to hold more.
const REMOTE_HEADS_MAX: usize = 1_000;

/// Bytes that are not a message of this protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("not a CBOR map with text keys")]
    NotAMap,
    #[error("field {0} is missing")]
    Missing(&'static str),
    #[error("field {0} has the wrong type or form")]
    Invalid(&'static str),
    #[error("the CBOR is truncated, too deep or not well-formed")]
    Malformed,
    #[error("bytes follow the message")]
    TrailingBytes,
}

impl Frame {
    /// Reads one WebSocket message. `data` fields share the memory of `bytes`.
    ///
    /// # Errors
    /// The first thing that is wrong with the message, with the field's name.
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        Fields::read(bytes)?.into_frame()
    }
}

/// Text that may have come in several pieces.
type Text<'a> = Cow<'a, str>;

/// Every field of every message type, as far as present.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<Text<'a>>,
    sender: Option<Text<'a>>,
    target: Option<Text<'a>>,
    document: Option<Text<'a>>,
    session: Option<Text<'a>>,
    message: Option<Text<'a>>,
    code: Option<Text<'a>>,
    detail: Option<Text<'a>>,
    change: Option<Text<'a>>,
    path: Option<Text<'a>>,
    conflict: Option<Text<'a>>,
    state: Option<Text<'a>>,
    count: Option<u64>,
    nonce: Option<u64>,
    left_ms: Option<u64>,
    token: Option<Text<'a>>,
    data: Option<Bytes>,
    metadata: PeerMetadata,
    versions: Vec<Text<'a>>,
    add: Vec<Text<'a>>,
    remove: Vec<Text<'a>>,
    heads: Vec<Text<'a>>,
    new_heads: Vec<NewHead<'a>>,
}

/// A storage id, its heads, and a timestamp in milliseconds.
type NewHead<'a> = (Text<'a>, Vec<Text<'a>>, u64);

impl<'a> Fields<'a> {
    fn read(bytes: &'a Bytes) -> Result<Self, DecodeError> {
        let mut fields = Self::default();
        let mut reader = Reader::new(bytes);
        if !reader.is_at_map()? {
            return Err(DecodeError::NotAMap);
        }
        reader.map("message", |key, reader| fields.read_field(&key, reader))?;
        if reader.is_at_end() { Ok(fields) } else { Err(DecodeError::TrailingBytes) }
    }

    fn read_field(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
        match key {
            "type" => self.kind = reader.text("type")?,
            "senderId" => self.sender = reader.text("senderId")?,
            "targetId" => self.target = reader.text("targetId")?,
            "documentId" => self.document = reader.text("documentId")?,
            "sessionId" => self.session = reader.text("sessionId")?,
            "message" => self.message = reader.text("message")?,
            "code" => self.code = reader.text("code")?,
            "detail" => self.detail = reader.text("detail")?,
            "change" => self.change = reader.text("change")?,
            "path" => self.path = reader.text("path")?,
            "conflict" => self.conflict = reader.text("conflict")?,
            "state" => self.state = reader.text("state")?,
            "count" => self.count = reader.integer("count")?,
            "nonce" => self.nonce = reader.integer("nonce")?,
            "leftMs" => self.left_ms = reader.integer("leftMs")?,
            "token" => self.token = reader.text("token")?,
            "data" => self.data = reader.data("data")?,
            "supportedProtocolVersions" => {
                self.versions = reader.texts("supportedProtocolVersions", LIST_MAX)?;
            }
            "add" => self.add = reader.texts("add", LIST_MAX)?,
            "remove" => self.remove = reader.texts("remove", LIST_MAX)?,
            "heads" => self.heads = reader.texts("heads", LIST_MAX)?,
            "peerMetadata" | "metadata" => self.metadata = read_metadata(reader)?,
            "newHeads" => self.new_heads = read_new_heads(reader)?,
            _unknown => reader.skip()?,
        }
        Ok(())
    }

    fn into_frame(self) -> Result<Frame, DecodeError> {
        Ok(match self.kind.as_deref().ok_or(DecodeError::Missing("type"))? {
            "join" => Frame::Join(Join {
                sender: self.sender()?,
                versions: self.versions.iter().map(|version| version.clone().into_owned()).collect(),
                metadata: self.metadata,
            }),
            "peer" => {
                Frame::Peer(Peer { sender: self.sender()?, target: self.target()?, metadata: self.metadata })
            }
            "request" => Frame::Request(self.sync()?),
            "sync" => Frame::Sync(self.sync()?),
            "doc-unavailable" => Frame::DocUnavailable {
                document: self.document()?,
                sender: self.sender()?,
                target: self.target()?,
            },
            "ephemeral" => Frame::Ephemeral(self.ephemeral()?),
            "remote-subscription-change" => Frame::RemoteSubscriptionChange(RemoteSubscriptionChange {
                sender: self.sender.as_ref().map(|_| self.sender()).transpose()?,
                target: self.target.as_ref().map(|_| self.target()).transpose()?,
                add: storage_ids("add", &self.add)?,
                remove: storage_ids("remove", &self.remove)?,
            }),
            "remote-heads-changed" => Frame::RemoteHeadsChanged(self.remote_heads()?),
            "leave" => Frame::Leave { sender: self.sender()? },
            "error" => Frame::Error {
                sender: self.sender()?,
                target: self.target()?,
                message: self.message.unwrap_or_default().into_owned(),
            },
            kind => match self.extension(kind)? {
                Some(frame) => Frame::Extension { sender: self.sender()?, target: self.target()?, frame },
                None => Frame::Unknown { kind: kind.to_owned() },
            },
        })
    }

    fn sender(&self) -> Result<PeerId, DecodeError> {
        peer_id("senderId", self.sender.as_deref())
    }

    fn target(&self) -> Result<PeerId, DecodeError> {
        peer_id("targetId", self.target.as_deref())
    }

    fn document(&self) -> Result<DocumentId, DecodeError> {
        let text = self.document.as_deref().ok_or(DecodeError::Missing("documentId"))?;
        text.parse().map_err(|_| DecodeError::Invalid("documentId"))
    }

    fn session(&self) -> Result<EphemeralSessionId, DecodeError> {
        let text = self.session.as_deref().ok_or(DecodeError::Missing("sessionId"))?;
        text.parse().map_err(|_| DecodeError::Invalid("sessionId"))
    }

    fn data(&self) -> Result<Bytes, DecodeError> {
        let data = self.data.clone().ok_or(DecodeError::Missing("data"))?;
        if data.is_empty() {
            return Err(DecodeError::Invalid("data"));
        }
        Ok(data)
    }

    fn sync(&self) -> Result<SyncFrame, DecodeError> {
        Ok(SyncFrame {
            document: self.document()?,
            sender: self.sender()?,
            target: self.target()?,
            data: self.data()?,
        })
    }

    fn ephemeral(&self) -> Result<Ephemeral, DecodeError> {
        Ok(Ephemeral {
            document: self.document()?,
            sender: self.sender()?,
            target: self.target()?,
            count: self.count.ok_or(DecodeError::Missing("count"))?,
            session: self.session()?,
            data: self.data()?,
        })
    }

    fn remote_heads(&self) -> Result<RemoteHeadsChanged, DecodeError> {
        let head = |(storage, heads, timestamp_ms): &NewHead<'_>| {
            Ok(RemoteHead {
                storage: storage.parse().map_err(|_| DecodeError::Invalid("newHeads"))?,
                heads: heads
                    .iter()
                    .map(|text| ChangeHash::from_base58(text).map_err(|_| DecodeError::Invalid("newHeads")))
                    .collect::<Result<_, _>>()?,
                timestamp_ms: *timestamp_ms,
            })
        };
        Ok(RemoteHeadsChanged {
            document: self.document()?,
            sender: self.sender()?,
            target: self.target()?,
            heads: self.new_heads.iter().map(head).collect::<Result<_, _>>()?,
        })
    }

    /// `None` for a type that is none of ours.
    fn extension(&self, kind: &str) -> Result<Option<ExtensionFrame>, DecodeError> {
        Ok(Some(match kind {
            ExtensionFrame::DURABLE => {
                ExtensionFrame::Durable { document: self.document()?, heads: self.heads()? }
            }
            ExtensionFrame::MORE => ExtensionFrame::More { document: self.document()?, heads: self.heads()? },
            ExtensionFrame::REFUSED => {
                let hash = |text: &str| text.parse().map_err(|_| DecodeError::Invalid("change"));
                ExtensionFrame::Refused {
                    document: self.document()?,
                    change: self.change.as_deref().map(hash).transpose()?,
                    code: self.code.as_deref().ok_or(DecodeError::Missing("code"))?.to_owned(),
                    detail: self.detail.as_deref().unwrap_or_default().to_owned(),
                    path: self.path.as_deref().map(str::to_owned),
                }
            }
            ExtensionFrame::CONFLICT => ExtensionFrame::Conflict {
                document: self.document()?,
                conflict: word("conflict", self.conflict.as_deref())?,
                state: word("state", self.state.as_deref())?,
            },
            ExtensionFrame::PING => ExtensionFrame::Ping { nonce: self.nonce()? },
            ExtensionFrame::PONG => ExtensionFrame::Pong { nonce: self.nonce()? },
            ExtensionFrame::CLOSE => ExtensionFrame::Close { document: self.document()? },
            ExtensionFrame::TOKEN_WANTED => {
                let left_ms = self.left_ms.ok_or(DecodeError::Missing("leftMs"))?;
                ExtensionFrame::TokenWanted { left_ms }
            }
            ExtensionFrame::TOKEN => {
                let token = self.token.clone().ok_or(DecodeError::Missing("token"))?;
                ExtensionFrame::Token { token: secret("token", token)? }
            }
            _unknown => return Ok(None),
        }))
    }

    fn heads(&self) -> Result<Heads, DecodeError> {
        let hash = |text: &Text<'_>| text.parse().map_err(|_| DecodeError::Invalid("heads"));
        self.heads.iter().map(hash).collect()
    }

    fn nonce(&self) -> Result<u64, DecodeError> {
        self.nonce.ok_or(DecodeError::Missing("nonce"))
    }
}

fn word<T: FromStr>(field: &'static str, text: Option<&str>) -> Result<T, DecodeError> {
    text.ok_or(DecodeError::Missing(field))?.parse().map_err(|_| DecodeError::Invalid(field))
}

fn peer_id(field: &'static str, text: Option<&str>) -> Result<PeerId, DecodeError> {
    text.ok_or(DecodeError::Missing(field))?.parse().map_err(|_| DecodeError::Invalid(field))
}

fn secret(field: &'static str, text: Text<'_>) -> Result<Secret, DecodeError> {
    if text.len() > TOKEN_BYTES_MAX {
        return Err(DecodeError::Invalid(field));
    }
    Ok(Secret::new(text.into_owned()))
}

fn storage_ids(field: &'static str, texts: &[Text<'_>]) -> Result<Vec<StorageId>, DecodeError> {
    texts.iter().map(|text| text.parse().map_err(|_| DecodeError::Invalid(field))).collect()
}

fn read_metadata(reader: &mut Reader<'_>) -> Result<PeerMetadata, DecodeError> {
    const FIELD: &str = "peerMetadata";
    let mut metadata = PeerMetadata::default();
    reader.map(FIELD, |key, reader| {
        match key.as_ref() {
            "storageId" => metadata.storage_id = storage_ids(FIELD, reader.text(FIELD)?.as_slice())?.pop(),
            "isEphemeral" => metadata.is_ephemeral = reader.boolean(FIELD)?.unwrap_or_default(),
            "extensions" => {
                let extensions = reader.texts(FIELD, LIST_MAX)?;
                metadata.extensions = extensions.into_iter().map(Cow::into_owned).collect();
            }
            "token" => metadata.token = reader.text(FIELD)?.map(|text| secret("token", text)).transpose()?,
            _unknown => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(metadata)
}

fn read_new_heads<'a>(reader: &mut Reader<'a>) -> Result<Vec<NewHead<'a>>, DecodeError> {
    const FIELD: &str = "newHeads";
    let mut all = Vec::new();
    reader.map(FIELD, |storage, reader| {
        let (mut heads, mut timestamp_ms) = (Vec::new(), 0);
        reader.map(FIELD, |key, reader| {
            match key.as_ref() {
                "heads" => heads = reader.texts(FIELD, REMOTE_HEADS_MAX)?,
                "timestamp" => timestamp_ms = reader.integer(FIELD)?.unwrap_or_default(),
                _unknown => reader.skip()?,
            }
            Ok(())
        })?;
        if all.len() == LIST_MAX {
            return Err(DecodeError::Invalid(FIELD));
        }
        all.push((storage, heads, timestamp_ms));
        Ok(())
    })?;
    Ok(all)
}
