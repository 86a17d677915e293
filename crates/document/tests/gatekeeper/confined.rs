//! The worst inputs in a child process with little memory and a small stack: none may take it down.

use crate::{chunk, corpus, messages};
use bytes::Bytes;
use flate2::{Compression, write::DeflateEncoder};
use std::io::Write;
use std::process::Command;
use tiebreak_document::{check_change, split_chunks};
use tiebreak_protocol::{Limits, Refusal};

const IN_CHILD: &str = "GATEKEEPER_CONFINED";
const ADDRESS_SPACE_KIB_MAX: usize = 512 * 1024;
const STACK_BYTES: usize = 2 * 1024 * 1024;
const MIB: usize = 1024 * 1024;

#[test]
fn nothing_breaks_out_of_512_mib_of_memory_and_2_mib_of_stack() {
    let test = "confined::everything_that_is_hostile_is_refused";
    let output = Command::new("sh")
        .args(["-c", r#"ulimit -v "$1" && shift && exec "$@""#, "sh", &ADDRESS_SPACE_KIB_MAX.to_string()])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--test-threads", "1"])
        .env(IN_CHILD, "1")
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn everything_that_is_hostile_is_refused() {
    let confined = std::thread::Builder::new().stack_size(STACK_BYTES);
    confined.spawn(refuse_everything).unwrap().join().unwrap();
}

fn refuse_everything() {
    if std::env::var_os(IN_CHILD).is_some() {
        // The confinement is real: what must not happen would be noticed.
        assert!(Vec::<u8>::new().try_reserve(ADDRESS_SPACE_KIB_MAX * 1024).is_err());
    }
    assert_eq!(corpus::replay(), Vec::<String>::new());
    assert_eq!(messages::replay(), Vec::<String>::new());
    assert_eq!(check_change(deflate_bomb(256 * MIB), &Limits::default()), Err(Refusal::ChangeTooLarge));
    assert_eq!(check_change(deflate_bomb(2 * MIB), &Limits::default()), Err(Refusal::ChangeTooLarge));
    let text = chunk::plain(&vec![b'x'; 10 * MIB]);
    assert_eq!(check_change(text.into(), &Limits::default()), Err(Refusal::ChangeTooLarge));
    let nothing = chunk::plain(&[]).repeat(MIB);
    assert_eq!(split_chunks(nothing.into()), Err(Refusal::MessageTooLarge));
}

/// A compressed change that inflates to as many zeros, about a thousandth of them long.
fn deflate_bomb(bytes: usize) -> Bytes {
    let mut deflater = DeflateEncoder::new(Vec::new(), Compression::best());
    for _ in 0..bytes / MIB {
        deflater.write_all(&vec![0; MIB]).unwrap();
    }
    let deflated = deflater.finish().unwrap();
    let mut bomb = chunk::plain(&deflated);
    bomb[8] = 2;
    bomb.into()
}
