//! Prints the public surface of the client SDK, one item a line, from the JSON that rustdoc wrote: see `tests/surface`.
#![expect(clippy::print_stdout, reason = "printing is what it does")]

use public_api::Builder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let json = std::env::args().nth(1).ok_or("which file? target/surface/doc/tiebreak_client.json")?;
    let surface = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    println!("{surface}");
    Ok(())
}
