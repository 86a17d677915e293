//! Lets cargo notice when the page of the demo was built anew: its files are embedded.

const PAGE: &str = "web/dist";

fn main() {
    // Cargo takes a folder that does not exist for one that has changed, and would compile the server every time.
    std::fs::create_dir_all(PAGE).ok();
    println!("cargo:rerun-if-changed={PAGE}");
}
