//! Without a build script there is no `OUT_DIR`, and that is how the crate finds the build directory (`home.rs`).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
