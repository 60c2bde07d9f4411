//! Checks the packages as crates.io would get them: each has the licences and a page, and compiles from its own
//! files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Outcome;
use crate::command::{cargo, command, output, run};
use crate::folders::{root, target};

/// Files that every package has to hold.
const FILES: [&str; 3] = ["LICENSE-MIT", "LICENSE-APACHE", "README.md"];
/// Fields of a manifest that crates.io shows to users.
const FIELDS: [&str; 7] =
    ["description", "license", "repository", "readme", "keywords", "categories", "rust_version"];

/// Packages every crate, and compiles the packages together.
///
/// `cargo publish` would compile every package with all its dependencies in a separate folder. That takes many times as
/// long and checks the same.
pub(crate) fn check() -> Outcome {
    run(cargo(&["publish", "--workspace", "--dry-run", "--no-verify", "--allow-dirty"]))?;
    let packages = publishable()?;
    let mut package = cargo(&["package", "--no-verify", "--allow-dirty", "--quiet"]);
    for one in &packages {
        package.args(["-p", &one.name]);
    }
    run(package)?;

    let folder = target().join("package/unpacked");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)
        .map_err(|error| format!("can't make {}: {error}", folder.display()))?;
    let mut faults = Vec::new();
    for package in &packages {
        faults.extend(package.missing_fields());
        let unpacked = package.unpack(&folder)?;
        let missing = FILES.iter().filter(|file| !unpacked.join(file).is_file());
        faults.extend(missing.map(|file| format!("{} has no {file}", package.name)));
    }
    if !faults.is_empty() {
        return Err(faults.join("; "));
    }
    write_workspace(&folder, &packages)?;
    let manifest = folder.join("Cargo.toml").display().to_string();
    run(cargo(&["check", "--workspace", "--lib", "--bins", "--manifest-path", &manifest]))
}

/// A crate of the workspace that may be published.
struct Package {
    name: String,
    version: String,
    manifest: Value,
}

impl Package {
    /// Fields that the manifest lacks.
    fn missing_fields(&self) -> Vec<String> {
        let is_empty =
            |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let missing = FIELDS.iter().filter(|field| is_empty(&self.manifest[**field]));
        let mut missing: Vec<String> =
            missing.map(|field| format!("{} has no {field}", self.name)).collect();
        if self.manifest["metadata"]["docs"]["rs"].is_null() {
            missing.push(format!("{} has no [package.metadata.docs.rs]", self.name));
        }
        missing
    }

    /// Unpacks the package below a folder, and returns where.
    fn unpack(&self, folder: &Path) -> Outcome<PathBuf> {
        let name = format!("{}-{}", self.name, self.version);
        let archive = target().join("package").join(format!("{name}.crate"));
        let (archive, parent) = (archive.display().to_string(), folder.display().to_string());
        // Files in a package are dated 2006, so Cargo would reuse what it compiled of an earlier version of
        // the package.
        output(command("tar", &["xzmf", &archive, "-C", &parent]))?;
        Ok(folder.join(name))
    }
}

/// The crates of the workspace that may be published.
fn publishable() -> Outcome<Vec<Package>> {
    let metadata = output(cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let publishable = packages.iter().filter(|package| package["publish"].is_null());
    let publishable = publishable.map(|package| Package {
        name: text(&package["name"]),
        version: text(&package["version"]),
        manifest: package.clone(),
    });
    Ok(publishable.collect())
}

/// A workspace of unpacked packages, which depend on each other instead of on crates.io.
fn write_workspace(folder: &Path, packages: &[Package]) -> Outcome {
    let path = |package: &Package| format!("{}-{}", package.name, package.version);
    let members: Vec<String> =
        packages.iter().map(|package| format!("{:?}", path(package))).collect();
    let patches: String = packages
        .iter()
        .map(|package| format!("{} = {{ path = {:?} }}\n", package.name, path(package)))
        .collect();
    let members = members.join(", ");
    let manifest = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[patch.crates-io]\n{patches}\n\
         [profile.dev]\ndebug = false\n"
    );
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| format!("can't write {}: {error}", path.display()))
    };
    write("Cargo.toml", &manifest)?;
    let lock = root().join("Cargo.lock");
    let lock = fs::read_to_string(&lock)
        .map_err(|error| format!("can't read {}: {error}", lock.display()))?;
    write("Cargo.lock", &lock)
}
