use super::*;
use crate::{ConflictId, ConflictState, Heads};
use proptest::prelude::*;

fn peer(name: &str) -> PeerId {
    name.parse().unwrap()
}

fn document() -> DocumentId {
    DocumentId::from_bytes([7; 16])
}

fn sync() -> SyncFrame {
    SyncFrame {
        document: document(),
        sender: peer("ann"),
        target: peer("server"),
        data: Bytes::from_static(&[0x42, 0]),
    }
}

fn decode(bytes: &[u8]) -> Result<Frame, DecodeError> {
    Frame::decode(&Bytes::copy_from_slice(bytes))
}

/// A CBOR map written by hand, so that the oddities of other encoders can be spelled out.
fn cbor(build: impl FnOnce(&mut minicbor::Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    build(&mut minicbor::Encoder::new(&mut bytes));
    bytes
}

fn every_kind() -> Vec<Frame> {
    let (ann, server) = (peer("ann"), peer("server"));
    let storage: StorageId = "3f1c".parse().unwrap();
    let metadata = PeerMetadata {
        storage_id: Some(storage.clone()),
        is_ephemeral: true,
        extensions: vec!["tiebreak/1".to_owned()],
        token: None,
    };
    let with_token = PeerMetadata { token: Some(Secret::new("t".to_owned())), ..PeerMetadata::default() };
    let route = |frame| Frame::Extension { sender: server.clone(), target: ann.clone(), frame };
    vec![
        Frame::Join(Join::new(ann.clone(), metadata.clone())),
        Frame::Peer(Peer { sender: server.clone(), target: ann.clone(), metadata }),
        Frame::Request(sync()),
        Frame::Sync(sync()),
        Frame::DocUnavailable { document: document(), sender: ann.clone(), target: server.clone() },
        Frame::Ephemeral(Ephemeral {
            document: document(),
            sender: ann.clone(),
            target: server.clone(),
            count: 9,
            session: "s".parse().unwrap(),
            data: Bytes::from_static(&[1]),
        }),
        Frame::RemoteSubscriptionChange(RemoteSubscriptionChange {
            sender: Some(ann.clone()),
            target: Some(server.clone()),
            add: vec![storage.clone()],
            remove: vec![],
        }),
        Frame::RemoteHeadsChanged(RemoteHeadsChanged {
            document: document(),
            sender: server.clone(),
            target: ann.clone(),
            heads: vec![RemoteHead {
                storage,
                heads: vec![ChangeHash([3; 32])],
                timestamp_ms: 1_700_000_000_000,
            }],
        }),
        Frame::Leave { sender: ann.clone() },
        Frame::Error { sender: server.clone(), target: ann.clone(), message: "no".to_owned() },
        route(ExtensionFrame::Durable { document: document(), heads: Heads::new(vec![ChangeHash([1; 32])]) }),
        route(ExtensionFrame::Refused {
            document: document(),
            change: Some(ChangeHash([2; 32])),
            code: "equivocation".to_owned(),
            detail: "twice".to_owned(),
            path: None,
        }),
        route(ExtensionFrame::Ping { nonce: 7 }),
        route(ExtensionFrame::Pong { nonce: 7 }),
        route(ExtensionFrame::Close { document: document() }),
        route(ExtensionFrame::More { document: document(), heads: Heads::new(vec![ChangeHash([1; 32])]) }),
        Frame::Join(Join::new(ann.clone(), with_token)),
        route(ExtensionFrame::TokenWanted { left_ms: 30_000 }),
        route(ExtensionFrame::Token { token: Secret::new("t".to_owned()) }),
        Frame::Unknown { kind: "weird".to_owned() },
    ]
    .into_iter()
    .chain(of_kinds(&route))
    .collect()
}

/// What documents of a kind bring with them.
fn of_kinds(route: &impl Fn(ExtensionFrame) -> Frame) -> Vec<Frame> {
    vec![
        route(ExtensionFrame::Conflict {
            document: document(),
            conflict: ConflictId::from_bytes([9; 16]),
            state: ConflictState::Open,
        }),
        route(ExtensionFrame::Refused {
            document: document(),
            change: None,
            code: "protected_path".to_owned(),
            detail: "not there".to_owned(),
            path: Some("/members".to_owned()),
        }),
    ]
}

#[test]
fn every_kind_of_frame_survives_the_round_trip() {
    for frame in every_kind() {
        assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
    }
}

#[test]
fn large_numbers_are_written_as_floats_and_end_at_two_to_the_53_minus_one() {
    let mut frame = Frame::Ephemeral(Ephemeral {
        document: document(),
        sender: peer("ann"),
        target: peer("bob"),
        count: u64::MAX,
        session: "s".parse().unwrap(),
        data: Bytes::from_static(&[1]),
    });
    let Ok(Frame::Ephemeral(read)) = Frame::decode(&frame.encode()) else { panic!("not ephemeral") };
    assert_eq!(read.count, (1 << 53) - 1);
    // A float, not an integer of 8 bytes, which JavaScript decoders make a BigInt.
    assert!(frame.encode().windows(6).any(|bytes| bytes == b"count\xfb"));
    if let Frame::Ephemeral(ephemeral) = &mut frame {
        ephemeral.count = read.count;
    }
    assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
}

#[test]
fn undefined_and_null_fields_count_as_absent() {
    let bytes = cbor(|e| {
        e.map(4).unwrap().str("type").unwrap().str("remote-subscription-change").unwrap();
        e.str("add").unwrap().undefined().unwrap().str("remove").unwrap().null().unwrap();
        e.str("senderId").unwrap().str("ann").unwrap();
    });
    let expected = RemoteSubscriptionChange { sender: Some(peer("ann")), ..Default::default() };
    assert_eq!(decode(&bytes), Ok(Frame::RemoteSubscriptionChange(expected)));
}

#[test]
fn a_join_with_metadata_spelled_as_in_the_readme_and_an_undefined_storage_id_is_read() {
    let bytes = cbor(|e| {
        e.map(4)
            .unwrap()
            .str("type")
            .unwrap()
            .str("join")
            .unwrap()
            .str("senderId")
            .unwrap()
            .str("ann")
            .unwrap();
        e.str("metadata").unwrap().map(3).unwrap().str("storageId").unwrap().undefined().unwrap();
        e.str("isEphemeral").unwrap().bool(true).unwrap();
        e.str("future").unwrap().array(1).unwrap().map(1).unwrap().str("a").unwrap().u8(1).unwrap();
        e.str("supportedProtocolVersions").unwrap().array(2).unwrap().str("2").unwrap().str("1").unwrap();
    });
    let Ok(Frame::Join(join)) = decode(&bytes) else { panic!("not a join") };
    assert!(join.is_version_supported());
    assert_eq!(join.metadata, PeerMetadata { is_ephemeral: true, ..Default::default() });
}

#[test]
fn a_count_written_as_float_is_read_and_a_fraction_refused() {
    let with_count = |count: f64| {
        cbor(|e| {
            e.map(7).unwrap().str("type").unwrap().str("ephemeral").unwrap();
            e.str("senderId").unwrap().str("a").unwrap().str("targetId").unwrap().str("b").unwrap();
            e.str("documentId").unwrap().str(&document().to_string()).unwrap();
            e.str("sessionId").unwrap().str("s").unwrap().str("data").unwrap().bytes(&[1]).unwrap();
            e.str("count").unwrap().f64(count).unwrap();
        })
    };
    assert!(matches!(decode(&with_count(5e9)), Ok(Frame::Ephemeral(Ephemeral { count: 5_000_000_000, .. }))));
    for wrong in [0.5, -1.0, f64::NAN, f64::INFINITY, 1e300] {
        assert_eq!(decode(&with_count(wrong)), Err(DecodeError::Invalid("count")));
    }
}

#[test]
fn tagged_data_and_indefinite_maps_are_read() {
    let bytes = cbor(|e| {
        e.begin_map().unwrap().str("type").unwrap().str("sync").unwrap();
        e.str("senderId").unwrap().str("ann").unwrap().str("targetId").unwrap().str("server").unwrap();
        e.str("documentId").unwrap().str(&document().to_string()).unwrap();
        e.str("data").unwrap().tag(minicbor::data::Tag::new(64)).unwrap().bytes(&[0x42, 0]).unwrap();
        e.end().unwrap();
    });
    assert_eq!(decode(&bytes), Ok(Frame::Sync(sync())));
}

#[test]
fn empty_data_a_missing_field_and_a_bad_document_id_are_refused_by_name() {
    let with = |document: &str, data: &[u8]| {
        cbor(|e| {
            e.map(5).unwrap().str("type").unwrap().str("sync").unwrap();
            e.str("senderId").unwrap().str("ann").unwrap().str("targetId").unwrap().str("b").unwrap();
            e.str("documentId").unwrap().str(document).unwrap().str("data").unwrap().bytes(data).unwrap();
        })
    };
    assert_eq!(decode(&with(&document().to_string(), &[])), Err(DecodeError::Invalid("data")));
    assert_eq!(decode(&with("nonsense", &[1])), Err(DecodeError::Invalid("documentId")));
    let no_type = cbor(|e| {
        e.map(1).unwrap().str("hello").unwrap().u8(1).unwrap();
    });
    assert_eq!(decode(&no_type), Err(DecodeError::Missing("type")));
}

#[test]
fn an_unknown_type_survives_and_garbage_does_not() {
    assert_eq!(decode(b"\xa1dtypeeweird"), Ok(Frame::Unknown { kind: "weird".to_owned() }));
    for garbage in [&b""[..], b"\xf6", b"\xff\x00\x01", b"\x81\x01", b"a text frame", b"\xa1\x01\x02"] {
        assert!(decode(garbage).is_err(), "{garbage:?}");
    }
    assert_eq!(decode(b"\xa1dtypeeweird\x00"), Err(DecodeError::TrailingBytes));
}

#[test]
fn nesting_that_would_exhaust_a_stack_is_refused() {
    let mut bytes = b"\xa2dtypeeweirdax".to_vec();
    bytes.extend(vec![0x81; 1 << 20]);
    assert_eq!(decode(&bytes), Err(DecodeError::Malformed));
}

#[test]
fn a_length_beyond_the_message_is_refused_without_allocating_it() {
    assert!(decode(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    assert!(decode(b"\xa1ddata\x5b\x7f\xff\xff\xff\xff\xff\xff\xff").is_err());
    assert!(decode(b"\xa1caddx\x9b\x7f\xff\xff\xff\xff\xff\xff\xff").is_err());
}

#[test]
fn every_text_list_flag_and_map_is_read_behind_tags_and_in_pieces() {
    let tagged = |e: &mut minicbor::Encoder<&mut Vec<u8>>| {
        e.tag(minicbor::data::Tag::new(258)).unwrap();
    };
    let in_pieces = |e: &mut minicbor::Encoder<&mut Vec<u8>>, text: &str| {
        let (head, tail) = text.split_at(1);
        e.begin_str().unwrap().str(head).unwrap().str(tail).unwrap().end().unwrap();
    };
    let bytes = cbor(|e| {
        tagged(e);
        e.begin_map().unwrap();
        in_pieces(e, "type");
        tagged(e);
        in_pieces(e, "join");
        e.str("senderId").unwrap();
        in_pieces(e, "ann");
        e.str("peerMetadata").unwrap();
        tagged(e);
        e.begin_map().unwrap();
        e.str("isEphemeral").unwrap();
        tagged(e);
        e.bool(true).unwrap().str("extensions").unwrap();
        tagged(e);
        e.begin_array().unwrap();
        in_pieces(e, "tiebreak/1");
        e.end().unwrap().end().unwrap();
        e.str("unknown").unwrap();
        in_pieces(e, "skipped");
        e.str("supportedProtocolVersions").unwrap().begin_array().unwrap().str("1").unwrap().end().unwrap();
        e.end().unwrap();
    });
    let metadata =
        PeerMetadata { is_ephemeral: true, extensions: vec!["tiebreak/1".to_owned()], ..Default::default() };
    assert_eq!(decode(&bytes), Ok(Frame::Join(Join::new(peer("ann"), metadata))));
    let bytes = cbor(|e| {
        e.map(5).unwrap().str("type").unwrap().str("sync").unwrap();
        e.str("senderId").unwrap().str("ann").unwrap().str("targetId").unwrap().str("server").unwrap();
        e.str("documentId").unwrap().str(&document().to_string()).unwrap();
        e.str("data").unwrap().begin_bytes().unwrap().bytes(&[0x42]).unwrap().bytes(&[0]).unwrap();
        e.end().unwrap();
    });
    assert_eq!(decode(&bytes), Ok(Frame::Sync(sync())));
}

fn remote_heads(heads: usize, timestamp_ms: u64) -> RemoteHeadsChanged {
    RemoteHeadsChanged {
        document: document(),
        sender: peer("ann"),
        target: peer("server"),
        heads: vec![RemoteHead {
            storage: "3f1c".parse().unwrap(),
            heads: vec![ChangeHash([3; 32]); heads],
            timestamp_ms,
        }],
    }
}

#[test]
fn one_remote_head_past_the_limit_is_refused() {
    let frame = |heads| Frame::RemoteHeadsChanged(remote_heads(heads, 1));
    assert_eq!(Frame::decode(&frame(1_000).encode()), Ok(frame(1_000)));
    assert_eq!(Frame::decode(&frame(1_001).encode()), Err(DecodeError::Invalid("newHeads")));
}

#[test]
fn an_integer_past_two_to_the_53_minus_one_is_refused_however_it_is_written() {
    let with_timestamp = |write: &dyn Fn(&mut minicbor::Encoder<&mut Vec<u8>>)| {
        cbor(|e| {
            e.map(5).unwrap().str("type").unwrap().str("remote-heads-changed").unwrap();
            e.str("senderId").unwrap().str("ann").unwrap().str("targetId").unwrap().str("server").unwrap();
            e.str("documentId").unwrap().str(&document().to_string()).unwrap();
            e.str("newHeads").unwrap().map(1).unwrap().str("3f1c").unwrap().map(1).unwrap();
            e.str("timestamp").unwrap();
            write(e);
        })
    };
    let max = (1 << 53) - 1;
    let expected = Frame::RemoteHeadsChanged(remote_heads(0, max));
    let with_u64 = |value: u64| {
        decode(&with_timestamp(&|e| {
            e.u64(value).unwrap();
        }))
    };
    assert_eq!(with_u64(max), Ok(expected.clone()));
    assert_eq!(
        decode(&with_timestamp(&|e| {
            e.f64(max as f64).unwrap();
        })),
        Ok(expected)
    );
    for past in [max + 1, u64::MAX] {
        assert_eq!(with_u64(past), Err(DecodeError::Invalid("newHeads")));
    }
    let float = decode(&with_timestamp(&|e| {
        e.f64((max + 1) as f64).unwrap();
    }));
    assert_eq!(float, Err(DecodeError::Invalid("newHeads")));
}

#[test]
fn a_session_id_that_is_longer_than_any_name_is_refused() {
    let with_session = |length: usize| {
        cbor(|e| {
            e.map(7).unwrap().str("type").unwrap().str("ephemeral").unwrap();
            e.str("senderId").unwrap().str("a").unwrap().str("targetId").unwrap().str("b").unwrap();
            e.str("documentId").unwrap().str(&document().to_string()).unwrap();
            e.str("data").unwrap().bytes(&[1]).unwrap().str("count").unwrap().u8(1).unwrap();
            e.str("sessionId").unwrap().str(&"s".repeat(length)).unwrap();
        })
    };
    assert!(decode(&with_session(256)).is_ok());
    assert_eq!(decode(&with_session(257)), Err(DecodeError::Invalid("sessionId")));
}

/// What peers read, a line a frame in the order of `every_kind`: lines are added, none ever changes.
#[test]
fn the_bytes_of_every_kind_of_frame_are_frozen() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let written: Vec<_> = every_kind().iter().map(|frame| hex(&frame.encode())).collect();
    assert_eq!(written, include_str!("frozen.hex").lines().collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _verdict = decode(&bytes);
    }

    #[test]
    fn no_damaged_frame_makes_the_decoder_panic(which in 0_usize..22, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = every_kind()[which].encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _verdict = decode(&bytes);
    }
}

#[test]
fn a_token_too_long_is_refused_before_anybody_looks_at_it() {
    let join = |bytes| {
        let token = Some(Secret::new("t".repeat(bytes)));
        Frame::Join(Join::new(peer("ann"), PeerMetadata { token, ..PeerMetadata::default() })).encode()
    };
    assert!(decode(&join(TOKEN_BYTES_MAX)).is_ok());
    assert_eq!(decode(&join(TOKEN_BYTES_MAX + 1)), Err(DecodeError::Invalid("token")));
}

#[test]
fn a_token_does_not_show_when_a_frame_is_printed() {
    let token = Some(Secret::new("canary".to_owned()));
    let join = Frame::Join(Join::new(peer("ann"), PeerMetadata { token, ..PeerMetadata::default() }));
    let target = peer("server");
    let frame = ExtensionFrame::Token { token: Secret::new("canary".to_owned()) };
    let fresh = Frame::Extension { sender: peer("ann"), target, frame };
    assert!(!format!("{join:?}{fresh:#?}").contains("canary"));
}
