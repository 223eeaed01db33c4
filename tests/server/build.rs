//! A build script that does nothing: without one there is no `OUT_DIR`, from which the crate finds the build
//! directory (`home.rs`).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
