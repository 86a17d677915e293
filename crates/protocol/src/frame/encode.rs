//! Values to bytes. Every length is definite and every integer below 2^53, so that stock JavaScript peers
//! neither see a BigInt nor a null.

use super::{
    Ephemeral, Frame, Join, Peer, PeerMetadata, RemoteHeadsChanged, RemoteSubscriptionChange, SyncFrame,
};
use crate::frame::{PROTOCOL_VERSION, SAFE_INTEGER_MAX};
use crate::{DocumentId, ExtensionFrame, Heads, PeerId, StorageId};
use bytes::Bytes;
use minicbor::Encoder;
use std::convert::Infallible;

type Written = Result<(), minicbor::encode::Error<Infallible>>;

impl Frame {
    /// The bytes of one WebSocket message.
    pub fn encode(&self) -> Bytes {
        let data_bytes = match self {
            Self::Request(sync) | Self::Sync(sync) => sync.data.len(),
            Self::Ephemeral(ephemeral) => ephemeral.data.len(),
            Self::Join(_)
            | Self::Peer(_)
            | Self::DocUnavailable { .. }
            | Self::RemoteSubscriptionChange(_)
            | Self::RemoteHeadsChanged(_)
            | Self::Leave { .. }
            | Self::Error { .. }
            | Self::Extension { .. }
            | Self::Unknown { .. } => 0,
        };
        let mut bytes = Vec::with_capacity(data_bytes + 256);
        match write(&mut Writer(Encoder::new(&mut bytes)), self) {
            Ok(()) => bytes.into(),
            Err(never) => unreachable!("writing to a vector does not fail: {never}"),
        }
    }
}

struct Writer<'a>(Encoder<&'a mut Vec<u8>>);

impl Writer<'_> {
    fn map(&mut self, kind: &str, more_fields: u64) -> Written {
        self.0.map(more_fields + 1)?.str("type")?.str(kind)?;
        Ok(())
    }

    fn text(&mut self, key: &str, value: &str) -> Written {
        self.0.str(key)?.str(value)?;
        Ok(())
    }

    fn integer(&mut self, key: &str, value: u64) -> Written {
        self.0.str(key)?;
        // JavaScript decoders make a BigInt of every 8-byte integer, however small its value.
        match u32::try_from(value) {
            Ok(small) => self.0.u32(small)?,
            Err(_) => self.0.f64(value.min(SAFE_INTEGER_MAX) as f64)?,
        };
        Ok(())
    }

    fn data(&mut self, value: &[u8]) -> Written {
        self.0.str("data")?.bytes(value)?;
        Ok(())
    }

    fn texts<'t>(&mut self, key: &str, values: impl ExactSizeIterator<Item = &'t str>) -> Written {
        self.0.str(key)?.array(values.len() as u64)?;
        for value in values {
            self.0.str(value)?;
        }
        Ok(())
    }

    fn route(&mut self, sender: &PeerId, target: &PeerId) -> Written {
        self.text("senderId", sender.as_str())?;
        self.text("targetId", target.as_str())
    }

    fn heads(&mut self, heads: &Heads) -> Written {
        self.0.str("heads")?.array(heads.len() as u64)?;
        for hash in heads.iter() {
            self.0.str(&hash.to_string())?;
        }
        Ok(())
    }

    fn document(&mut self, document: DocumentId) -> Written {
        self.text("documentId", &document.to_string())
    }

    fn metadata(&mut self, metadata: &PeerMetadata) -> Written {
        let PeerMetadata { storage_id, is_ephemeral, extensions, token } = metadata;
        let optional = [storage_id.is_some(), !extensions.is_empty(), token.is_some()];
        let fields = 1 + optional.into_iter().map(u64::from).sum::<u64>();
        self.0.str("peerMetadata")?.map(fields)?;
        if let Some(storage_id) = storage_id {
            self.text("storageId", storage_id.as_str())?;
        }
        self.0.str("isEphemeral")?.bool(*is_ephemeral)?;
        if !extensions.is_empty() {
            self.texts("extensions", extensions.iter().map(String::as_str))?;
        }
        if let Some(token) = token {
            self.text("token", token.expose())?;
        }
        Ok(())
    }
}

fn write(out: &mut Writer<'_>, frame: &Frame) -> Written {
    match frame {
        Frame::Join(join) => write_join(out, join),
        Frame::Peer(peer) => write_peer(out, peer),
        Frame::Request(sync) => write_sync(out, "request", sync),
        Frame::Sync(sync) => write_sync(out, "sync", sync),
        Frame::DocUnavailable { document, sender, target } => {
            out.map("doc-unavailable", 3)?;
            out.route(sender, target)?;
            out.document(*document)
        }
        Frame::Ephemeral(ephemeral) => write_ephemeral(out, ephemeral),
        Frame::RemoteSubscriptionChange(change) => write_subscription(out, change),
        Frame::RemoteHeadsChanged(changed) => write_remote_heads(out, changed),
        Frame::Leave { sender } => {
            out.map("leave", 1)?;
            out.text("senderId", sender.as_str())
        }
        Frame::Error { sender, target, message } => {
            out.map("error", 3)?;
            out.route(sender, target)?;
            out.text("message", message)
        }
        Frame::Extension { sender, target, frame } => write_extension(out, sender, target, frame),
        Frame::Unknown { kind } => out.map(kind, 0),
    }
}

fn write_join(out: &mut Writer<'_>, join: &Join) -> Written {
    out.map("join", 3)?;
    out.text("senderId", join.sender.as_str())?;
    out.metadata(&join.metadata)?;
    out.texts("supportedProtocolVersions", join.versions.iter().map(String::as_str))
}

fn write_peer(out: &mut Writer<'_>, peer: &Peer) -> Written {
    out.map("peer", 4)?;
    out.route(&peer.sender, &peer.target)?;
    out.metadata(&peer.metadata)?;
    out.text("selectedProtocolVersion", PROTOCOL_VERSION)
}

fn write_sync(out: &mut Writer<'_>, kind: &str, sync: &SyncFrame) -> Written {
    out.map(kind, 4)?;
    out.route(&sync.sender, &sync.target)?;
    out.document(sync.document)?;
    out.data(&sync.data)
}

fn write_ephemeral(out: &mut Writer<'_>, ephemeral: &Ephemeral) -> Written {
    out.map("ephemeral", 6)?;
    out.route(&ephemeral.sender, &ephemeral.target)?;
    out.document(ephemeral.document)?;
    out.integer("count", ephemeral.count)?;
    out.text("sessionId", ephemeral.session.as_str())?;
    out.data(&ephemeral.data)
}

fn write_subscription(out: &mut Writer<'_>, change: &RemoteSubscriptionChange) -> Written {
    let ids = [("senderId", &change.sender), ("targetId", &change.target)];
    let lists = [("add", &change.add), ("remove", &change.remove)];
    let fields = ids.iter().filter(|(_, id)| id.is_some()).count()
        + lists.iter().filter(|(_, list)| !list.is_empty()).count();
    out.map("remote-subscription-change", fields as u64)?;
    for (key, id) in ids {
        if let Some(id) = id {
            out.text(key, id.as_str())?;
        }
    }
    for (key, list) in lists {
        if !list.is_empty() {
            out.texts(key, list.iter().map(StorageId::as_str))?;
        }
    }
    Ok(())
}

fn write_remote_heads(out: &mut Writer<'_>, changed: &RemoteHeadsChanged) -> Written {
    out.map("remote-heads-changed", 4)?;
    out.route(&changed.sender, &changed.target)?;
    out.document(changed.document)?;
    out.0.str("newHeads")?.map(changed.heads.len() as u64)?;
    for head in &changed.heads {
        out.0.str(head.storage.as_str())?.map(2)?;
        out.0.str("heads")?.array(head.heads.len() as u64)?;
        for hash in &head.heads {
            out.0.str(&hash.to_base58())?;
        }
        out.integer("timestamp", head.timestamp_ms)?;
    }
    Ok(())
}

fn write_extension(
    out: &mut Writer<'_>,
    sender: &PeerId,
    target: &PeerId,
    frame: &ExtensionFrame,
) -> Written {
    match frame {
        ExtensionFrame::Durable { document, heads } => {
            out.map(ExtensionFrame::DURABLE, 4)?;
            out.route(sender, target)?;
            out.document(*document)?;
            out.heads(heads)
        }
        ExtensionFrame::More { document, heads } => {
            out.map(ExtensionFrame::MORE, 4)?;
            out.route(sender, target)?;
            out.document(*document)?;
            out.heads(heads)
        }
        ExtensionFrame::Refused { document, change, code, detail, path } => {
            let optional = u64::from(change.is_some()) + u64::from(path.is_some());
            out.map(ExtensionFrame::REFUSED, 5 + optional)?;
            out.route(sender, target)?;
            out.document(*document)?;
            if let Some(change) = change {
                out.text("change", &change.to_string())?;
            }
            out.text("code", code)?;
            out.text("detail", detail)?;
            if let Some(path) = path {
                out.text("path", path)?;
            }
            Ok(())
        }
        ExtensionFrame::Conflict { document, conflict, state } => {
            out.map(ExtensionFrame::CONFLICT, 5)?;
            out.route(sender, target)?;
            out.document(*document)?;
            out.text("conflict", &conflict.to_string())?;
            out.text("state", state.as_str())
        }
        ExtensionFrame::Ping { nonce } => {
            out.map(ExtensionFrame::PING, 3)?;
            out.route(sender, target)?;
            out.integer("nonce", *nonce)
        }
        ExtensionFrame::Pong { nonce } => {
            out.map(ExtensionFrame::PONG, 3)?;
            out.route(sender, target)?;
            out.integer("nonce", *nonce)
        }
        ExtensionFrame::Close { document } => {
            out.map(ExtensionFrame::CLOSE, 3)?;
            out.route(sender, target)?;
            out.document(*document)
        }
        ExtensionFrame::TokenWanted { left_ms } => {
            out.map(ExtensionFrame::TOKEN_WANTED, 3)?;
            out.route(sender, target)?;
            out.integer("leftMs", *left_ms)
        }
        ExtensionFrame::Token { token } => {
            out.map(ExtensionFrame::TOKEN, 3)?;
            out.route(sender, target)?;
            out.text("token", token.expose())
        }
    }
}
