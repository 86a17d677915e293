//! The few fields of a frame that light clients and the broadcast need, without the costs of validation.

use anyhow::Context;
use bytes::Bytes;
use minicbor::Decoder;
use minicbor::data::Type;
use tiebreak_protocol::{Frame, SyncFrame};

/// A received message; everything is borrowed from it.
#[derive(Default)]
pub(crate) struct LightFrame<'a> {
    pub(crate) kind: &'a str,
    pub(crate) sender: &'a str,
    pub(crate) document: &'a str,
    pub(crate) message: &'a str,
    pub(crate) data: Option<&'a [u8]>,
}

impl<'a> LightFrame<'a> {
    pub(crate) fn scan(bytes: &'a [u8]) -> anyhow::Result<Self> {
        let mut cbor = Decoder::new(bytes);
        let mut frame = Self::default();
        let mut left = cbor.map()?.unwrap_or(u64::MAX);
        while left > 0 && cbor.datatype()? != Type::Break {
            left -= 1;
            match cbor.str()? {
                "type" => frame.kind = cbor.str()?,
                "senderId" => frame.sender = cbor.str()?,
                "documentId" => frame.document = cbor.str()?,
                "message" => frame.message = cbor.str()?,
                "data" => {
                    // JavaScript encoders mark typed arrays with a tag.
                    while cbor.datatype()? == Type::Tag {
                        cbor.tag()?;
                    }
                    frame.data = Some(cbor.bytes()?);
                }
                _other => cbor.skip()?,
            }
        }
        Ok(frame)
    }
}

/// Sync frames of one sender, target and document: all but the data is encoded once.
pub(crate) struct SyncFrameTemplate {
    head: Vec<u8>,
}

impl SyncFrameTemplate {
    pub(crate) fn new(frame: &SyncFrame) -> anyhow::Result<Self> {
        const MARK: &[u8] = &[0xa5];
        let marked = SyncFrame { data: Bytes::from_static(MARK), ..frame.clone() };
        let encoded = Frame::Sync(marked).encode();
        // The data comes last, as a byte string of length one.
        let head =
            encoded.strip_suffix(&[0x41, MARK[0]]).context("the data is not the last field of a frame")?;
        Ok(Self { head: head.to_vec() })
    }

    pub(crate) fn frame(&self, data: &[u8]) -> Bytes {
        let mut frame = Vec::with_capacity(self.head.len() + 5 + data.len());
        frame.extend_from_slice(&self.head);
        match u32::try_from(data.len()) {
            Ok(length @ 0..=23) => frame.push(0x40 | length as u8),
            Ok(length @ 24..=0xff) => frame.extend_from_slice(&[0x58, length as u8]),
            Ok(length) => {
                frame.push(0x5a);
                frame.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => unreachable!("no sync message is as large as 4 GiB"),
        }
        frame.extend_from_slice(data);
        frame.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_templated_frame_decodes_as_the_frame_it_stands_for() {
        let sync = SyncFrame {
            document: crate::document::BenchDocument::new(1, 1).id,
            sender: "ann".parse().unwrap(),
            target: "server".parse().unwrap(),
            data: Bytes::new(),
        };
        let template = SyncFrameTemplate::new(&sync).unwrap();
        for length in [1, 23, 24, 255, 256, 70_000] {
            let data = Bytes::from(vec![7; length]);
            let frame = template.frame(&data);
            assert_eq!(
                Frame::decode(&frame),
                Ok(Frame::Sync(SyncFrame { data: data.clone(), ..sync.clone() }))
            );
            let light = LightFrame::scan(&frame).unwrap();
            assert_eq!((light.kind, light.sender, light.data), ("sync", "ann", Some(&data[..])));
            assert_eq!(light.document, sync.document.to_string());
        }
    }
}
