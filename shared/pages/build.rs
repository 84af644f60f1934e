//! Embeds the pages: `shared/web/dist/viewer` and `shared/web/dist/admin`, which npm builds, each file with its compressed
//! forms. Without them the program builds all the same, and says on the pages what is missing.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Endings of compressed forms, which lie beside what they are of.
const COMPRESSED: [&str; 2] = ["br", "gz"];
/// Folders of applications, and what stands before the names of their files.
const APPLICATIONS: [(&str, &str); 2] = [("viewer", ""), ("admin", "admin/")];

fn main() -> Result<(), Box<dyn Error>> {
    let crate_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut source = String::from("static FILES: &[File] = &[\n");
    for (folder, prefix) in APPLICATIONS {
        let dist = crate_dir.join("../web/dist").join(folder);
        // A path that does not exist would make cargo build anew each time; its nearest ancestor does.
        let watched = dist.ancestors().find(|path| path.exists()).unwrap_or(&crate_dir);
        println!("cargo::rerun-if-changed={}", watched.display());
        embed(&dist, prefix, &mut source)?;
    }
    source.push_str("];\n");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("page_files.rs");
    fs::write(out, source)?;
    Ok(())
}

/// Adds what is in a folder, under names that begin with `prefix`.
fn embed(dist: &Path, prefix: &str, source: &mut String) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    if dist.is_dir() {
        collect(dist, &mut files)?;
    }
    files.sort();
    for file in files.iter().filter(|file| !is_compressed(file)) {
        let name = format!("{prefix}{}", file.strip_prefix(dist)?.to_string_lossy().replace('\\', "/"));
        let [brotli, gzip] = COMPRESSED.map(|ending| {
            let form = PathBuf::from(format!("{}.{ending}", file.display()));
            if form.is_file() { format!("Some({})", include(&form)) } else { "None".to_owned() }
        });
        let identity = include(file);
        writeln!(
            source,
            "    File {{ name: {name:?}, identity: {identity}, brotli: {brotli}, gzip: {gzip} }},"
        )?;
    }
    Ok(())
}

fn include(path: &Path) -> String {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    format!("include_bytes!({:?})", path.display().to_string())
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| COMPRESSED.iter().any(|form| ending == *form))
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
