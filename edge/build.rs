//! Embeds the player page: `shared/web/dist/viewer`, which npm builds. Without it the program
//! builds all the same, and says on the page what is missing.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let crate_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let dist = crate_dir.join("../shared/web/dist/viewer");
    // A path that does not exist would make cargo build anew each time; its nearest ancestor does.
    let watched = dist.ancestors().find(|path| path.exists()).unwrap_or(&crate_dir);
    println!("cargo::rerun-if-changed={}", watched.display());
    println!("cargo::rerun-if-changed=build.rs");

    let mut files = Vec::new();
    if dist.is_dir() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    let mut source = String::from("static FILES: &[(&str, &[u8])] = &[\n");
    for file in &files {
        let name = file.strip_prefix(&dist)?.to_string_lossy().replace('\\', "/");
        let path = fs::canonicalize(file)?;
        writeln!(source, "    ({name:?}, include_bytes!({:?})),", path.display().to_string())?;
    }
    source.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("player_files.rs");
    fs::write(out, source)?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
