//! Bytes to values. Lenient in what CBOR encoders differ (undefined, floats for integers, tags, indefinite
//! lengths, key order, unknown keys), strict in what a message must hold.

use super::{
    Ephemeral, Frame, Join, Peer, PeerMetadata, RemoteHead, RemoteHeadsChanged, RemoteSubscriptionChange,
    SyncFrame,
};
use crate::{ChangeHash, DocumentId, ExtensionFrame, Heads, PeerId, StorageId};
use bytes::Bytes;
use minicbor::Decoder;
use minicbor::data::Type;

/// Arrays and maps inside a message nest no deeper than this; stock peers need 4.
const NESTING_MAX: usize = 16;
/// Longest list of names or heads that is read; the rest of the message is refused.
const LIST_MAX: usize = 10_000;

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

/// Every field of every message type, as far as present.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<&'a str>,
    sender: Option<&'a str>,
    target: Option<&'a str>,
    document: Option<&'a str>,
    session: Option<&'a str>,
    message: Option<&'a str>,
    code: Option<&'a str>,
    detail: Option<&'a str>,
    change: Option<&'a str>,
    count: Option<u64>,
    data: Option<Bytes>,
    metadata: PeerMetadata,
    versions: Vec<&'a str>,
    add: Vec<&'a str>,
    remove: Vec<&'a str>,
    heads: Vec<&'a str>,
    new_heads: Vec<NewHead<'a>>,
}

/// A storage id, its heads, and a timestamp in milliseconds.
type NewHead<'a> = (&'a str, Vec<&'a str>, u64);

impl<'a> Fields<'a> {
    fn read(bytes: &'a Bytes) -> Result<Self, DecodeError> {
        let mut fields = Self::default();
        let mut reader = Reader { cbor: Decoder::new(bytes), whole: bytes };
        if !matches!(reader.peek()?, Type::Map | Type::MapIndef) {
            return Err(DecodeError::NotAMap);
        }
        reader.map(|key, reader| fields.read_field(key, reader))?;
        if reader.cbor.position() != bytes.len() {
            return Err(DecodeError::TrailingBytes);
        }
        Ok(fields)
    }

    fn read_field(&mut self, key: &'a str, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
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
            "count" => self.count = reader.integer("count")?,
            "data" => self.data = reader.data("data")?,
            "supportedProtocolVersions" => self.versions = reader.texts("supportedProtocolVersions")?,
            "add" => self.add = reader.texts("add")?,
            "remove" => self.remove = reader.texts("remove")?,
            "heads" => self.heads = reader.texts("heads")?,
            "peerMetadata" | "metadata" => self.metadata = reader.metadata()?,
            "newHeads" => self.new_heads = reader.new_heads()?,
            _unknown => reader.skip(0)?,
        }
        Ok(())
    }

    fn into_frame(self) -> Result<Frame, DecodeError> {
        Ok(match self.kind.ok_or(DecodeError::Missing("type"))? {
            "join" => Frame::Join(Join {
                sender: self.sender()?,
                versions: self.versions.iter().map(|version| (*version).to_owned()).collect(),
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
                sender: self.sender.map(|_| self.sender()).transpose()?,
                target: self.target.map(|_| self.target()).transpose()?,
                add: storage_ids("add", &self.add)?,
                remove: storage_ids("remove", &self.remove)?,
            }),
            "remote-heads-changed" => Frame::RemoteHeadsChanged(self.remote_heads()?),
            "leave" => Frame::Leave { sender: self.sender()? },
            "error" => Frame::Error {
                sender: self.sender()?,
                target: self.target()?,
                message: self.message.unwrap_or_default().to_owned(),
            },
            ExtensionFrame::DURABLE | ExtensionFrame::REFUSED => {
                Frame::Extension { sender: self.sender()?, target: self.target()?, frame: self.extension()? }
            }
            unknown => Frame::Unknown { kind: unknown.to_owned() },
        })
    }

    fn sender(&self) -> Result<PeerId, DecodeError> {
        peer_id("senderId", self.sender)
    }

    fn target(&self) -> Result<PeerId, DecodeError> {
        peer_id("targetId", self.target)
    }

    fn document(&self) -> Result<DocumentId, DecodeError> {
        let text = self.document.ok_or(DecodeError::Missing("documentId"))?;
        text.parse().map_err(|_| DecodeError::Invalid("documentId"))
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
            session: self.session.ok_or(DecodeError::Missing("sessionId"))?.to_owned(),
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

    fn extension(&self) -> Result<ExtensionFrame, DecodeError> {
        let document = self.document()?;
        if self.kind == Some(ExtensionFrame::DURABLE) {
            let hash = |text: &&str| text.parse().map_err(|_| DecodeError::Invalid("heads"));
            let heads: Heads = self.heads.iter().map(hash).collect::<Result<_, _>>()?;
            return Ok(ExtensionFrame::Durable { document, heads });
        }
        let hash = |text: &str| text.parse().map_err(|_| DecodeError::Invalid("change"));
        Ok(ExtensionFrame::Refused {
            document,
            change: self.change.map(hash).transpose()?,
            code: self.code.ok_or(DecodeError::Missing("code"))?.to_owned(),
            detail: self.detail.unwrap_or_default().to_owned(),
        })
    }
}

fn peer_id(field: &'static str, text: Option<&str>) -> Result<PeerId, DecodeError> {
    text.ok_or(DecodeError::Missing(field))?.parse().map_err(|_| DecodeError::Invalid(field))
}

fn storage_ids(field: &'static str, texts: &[&str]) -> Result<Vec<StorageId>, DecodeError> {
    texts.iter().map(|text| text.parse().map_err(|_| DecodeError::Invalid(field))).collect()
}

/// Walks one CBOR item after the other, with the oddities of peers' encoders folded away.
struct Reader<'a> {
    cbor: Decoder<'a>,
    whole: &'a Bytes,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Result<Type, DecodeError> {
        self.cbor.datatype().map_err(|_| DecodeError::Malformed)
    }

    /// Whether the item is absent in all but name: `null` or `undefined`; consumes it then.
    fn is_nothing(&mut self) -> Result<bool, DecodeError> {
        let nothing = matches!(self.peek()?, Type::Null | Type::Undefined);
        if nothing {
            self.skip(0)?;
        }
        Ok(nothing)
    }

    /// Tags (typed arrays, dates) say nothing that matters here.
    fn untag(&mut self) -> Result<(), DecodeError> {
        for _ in 0..NESTING_MAX {
            if self.peek()? != Type::Tag {
                return Ok(());
            }
            self.cbor.tag().map_err(|_| DecodeError::Malformed)?;
        }
        Err(DecodeError::Malformed)
    }

    fn text(&mut self, field: &'static str) -> Result<Option<&'a str>, DecodeError> {
        if self.is_nothing()? {
            return Ok(None);
        }
        self.cbor.str().map(Some).map_err(|_| DecodeError::Invalid(field))
    }

    fn data(&mut self, field: &'static str) -> Result<Option<Bytes>, DecodeError> {
        if self.is_nothing()? {
            return Ok(None);
        }
        self.untag()?;
        let bytes = self.cbor.bytes().map_err(|_| DecodeError::Invalid(field))?;
        Ok(Some(self.whole.slice_ref(bytes)))
    }

    /// Whole numbers may come as floats: JavaScript encoders write large ones so.
    fn integer(&mut self, field: &'static str) -> Result<Option<u64>, DecodeError> {
        if self.is_nothing()? {
            return Ok(None);
        }
        self.untag()?;
        let invalid = |_| DecodeError::Invalid(field);
        if !matches!(self.peek()?, Type::F16 | Type::F32 | Type::F64) {
            return self.cbor.u64().map(Some).map_err(invalid);
        }
        let value = self.cbor.f64().map_err(invalid)?;
        if value.fract() != 0.0 || !(0.0..=9_007_199_254_740_991.0).contains(&value) {
            return Err(DecodeError::Invalid(field));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the line above leaves whole numbers from 0 to 2^53 - 1"
        )]
        Ok(Some(value as u64))
    }

    fn boolean(&mut self, field: &'static str) -> Result<Option<bool>, DecodeError> {
        if self.is_nothing()? {
            return Ok(None);
        }
        self.cbor.bool().map(Some).map_err(|_| DecodeError::Invalid(field))
    }

    fn texts(&mut self, field: &'static str) -> Result<Vec<&'a str>, DecodeError> {
        let mut texts = Vec::new();
        if self.is_nothing()? {
            return Ok(texts);
        }
        let length = self.cbor.array().map_err(|_| DecodeError::Invalid(field))?;
        self.items(length, |reader| {
            if texts.len() == LIST_MAX {
                return Err(DecodeError::Invalid(field));
            }
            texts.extend(reader.text(field)?);
            Ok(())
        })?;
        Ok(texts)
    }

    fn metadata(&mut self) -> Result<PeerMetadata, DecodeError> {
        const FIELD: &str = "peerMetadata";
        let mut metadata = PeerMetadata::default();
        if self.is_nothing()? {
            return Ok(metadata);
        }
        self.map(|key, reader| {
            match key {
                "storageId" => {
                    metadata.storage_id = storage_ids(FIELD, reader.text(FIELD)?.as_slice())?.pop();
                }
                "isEphemeral" => metadata.is_ephemeral = reader.boolean(FIELD)?.unwrap_or_default(),
                "extensions" => {
                    metadata.extensions = reader.texts(FIELD)?.into_iter().map(str::to_owned).collect();
                }
                _unknown => reader.skip(1)?,
            }
            Ok(())
        })?;
        Ok(metadata)
    }

    fn new_heads(&mut self) -> Result<Vec<NewHead<'a>>, DecodeError> {
        const FIELD: &str = "newHeads";
        let mut all = Vec::new();
        self.map(|storage, reader| {
            let (mut heads, mut timestamp_ms) = (Vec::new(), 0);
            reader.map(|key, reader| {
                match key {
                    "heads" => heads = reader.texts(FIELD)?,
                    "timestamp" => timestamp_ms = reader.integer(FIELD)?.unwrap_or_default(),
                    _unknown => reader.skip(2)?,
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

    fn map(
        &mut self,
        mut entry: impl FnMut(&'a str, &mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let length = self.cbor.map().map_err(|_| DecodeError::Malformed)?;
        self.items(length, |reader| {
            let key = reader.cbor.str().map_err(|_| DecodeError::NotAMap)?;
            entry(key, reader)
        })
    }

    /// Runs `item` `length` times, or up to the break of an indefinite length.
    fn items(
        &mut self,
        length: Option<u64>,
        mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if let Some(length) = length {
            return (0..length).try_for_each(|_| item(self));
        }
        while self.peek()? != Type::Break {
            item(self)?;
        }
        let after_break = self.cbor.position() + 1;
        self.cbor.set_position(after_break);
        Ok(())
    }

    /// Passes over one item of any type. The library's own `skip` has no bound on nesting.
    fn skip(&mut self, depth: usize) -> Result<(), DecodeError> {
        if depth > NESTING_MAX {
            return Err(DecodeError::Malformed);
        }
        let malformed = |_| DecodeError::Malformed;
        let kind = self.peek()?;
        if matches!(kind, Type::Array | Type::ArrayIndef) {
            let length = self.cbor.array().map_err(malformed)?;
            self.items(length, |reader| reader.skip(depth + 1))
        } else if matches!(kind, Type::Map | Type::MapIndef) {
            let length = self.cbor.map().map_err(malformed)?;
            self.items(length, |reader| {
                reader.skip(depth + 1)?;
                reader.skip(depth + 1)
            })
        } else if kind == Type::Tag {
            self.cbor.tag().map_err(malformed)?;
            self.skip(depth + 1)
        } else if kind == Type::Break {
            Err(DecodeError::Malformed)
        } else {
            self.cbor.skip().map_err(malformed)
        }
    }
}
