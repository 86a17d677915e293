//! Lets cargo notice when the page of the demo was built anew: its files are embedded.

const PAGE: &str = "web/dist";

fn main() {
    // Cargo takes a folder that does not exist for one that has changed, and would compile the server every time.
    if let Err(error) = std::fs::create_dir_all(PAGE) {
        println!("cargo:warning=could not make {PAGE}: {error}");
    }
    println!("cargo:rerun-if-changed={PAGE}");
}
