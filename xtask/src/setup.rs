//! Installs the programs that the tests read files with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use crate::Outcome;
use crate::command::{cargo, command, run as start};
use crate::folders::{entries, root, target};

/// Installs the programs that are missing.
pub(crate) fn run() -> Outcome {
    openssl()?;
    // Most of the time goes to waiting for downloads.
    let installed = thread::scope(|scope| {
        let pythons = scope.spawn(|| python().and_then(|_| older_python()));
        let java = java().and_then(|()| kafka());
        [
            pythons.join().unwrap_or_else(|_| Err("the installer panicked".to_owned())).map(drop),
            java,
        ]
    });
    installed.into_iter().collect::<Outcome<()>>()?;
    stilts()?;
    // xmllint checks documents against the XML Schema of VOTable.
    debian("xmllint", &["libxml2-utils"])?;
    debian("mariadb-install-db", &["mariadb-server-core", "mariadb-client-core"])?;
    postgres()
}

/// PostgreSQL with pgSphere, whose programs are not in the PATH. The tests start servers themselves, so the one that
/// Debian's package would make is not wanted.
fn postgres() -> Outcome {
    let program = Path::new("/usr/lib/postgresql/15/bin/postgres");
    let extension = Path::new("/usr/share/postgresql/15/extension/pg_sphere.control");
    if program.is_file() && extension.is_file() {
        return Ok(());
    }
    let clusters = Path::new("/etc/postgresql-common/createcluster.conf");
    if is_root() && !clusters.exists() {
        let written = clusters.parent().map_or(Ok(()), fs::create_dir_all);
        let written = written.and_then(|()| fs::write(clusters, "create_main_cluster = false\n"));
        written.map_err(|error| format!("can't write {}: {error}", clusters.display()))?;
    }
    install_packages("PostgreSQL", &["postgresql-15", "postgresql-15-pgsphere"])
}

/// The headers of OpenSSL, with which librdkafka speaks TLS: it is compiled with the first step.
pub(crate) fn openssl() -> Outcome {
    debian("pkg-config", &["pkg-config"])?;
    let found = start(command("pkg-config", &["--exists", "openssl"]));
    if found.is_ok() { Ok(()) } else { install_packages("OpenSSL", &["libssl-dev"]) }
}

/// STILTS, which needs Java.
pub(crate) fn stilts() -> Outcome {
    debian("stilts", &["stilts"])
}

/// valgrind, whose callgrind counts instructions.
pub(crate) fn valgrind() -> Outcome {
    debian("valgrind", &["valgrind"])
}

/// The Python interpreter with the readers of the tests.
pub(crate) fn python() -> Outcome<String> {
    environment("python", "tests/readers/requirements.txt")
}

/// The Python interpreter with older versions of the readers.
fn older_python() -> Outcome<String> {
    environment("python-older", "tests/readers/requirements-older.txt")
}

/// STIL and parquet-java from Maven, and the program that reads files with them, in `java` in the target folder.
/// They are installed again when the versions or the program change.
fn java() -> Outcome {
    debian("javac", &["default-jdk-headless"])?;
    debian("mvn", &["maven"])?;
    let sources = root().join("tests/readers/java");
    let (libraries, classes) = (target().join("java/lib"), target().join("java/classes"));
    from_maven(&sources.join("pom.xml"), &libraries, "STIL and parquet-java")?;
    let programs = files_of(&sources, "java")?;
    install_once(&programs, &classes, |folder| {
        let libraries = libraries.join("*").display().to_string();
        let mut arguments = vec!["-nowarn", "-cp", &libraries, "-d", folder];
        let programs: Vec<String> =
            programs.iter().map(|path| path.display().to_string()).collect();
        arguments.extend(programs.iter().map(String::as_str));
        run_or(
            "javac",
            &arguments,
            "a Java compiler of version 17 is needed: apt-get install default-jdk-headless",
        )
    })
}

/// Apache Kafka from Maven, in `kafka` in the target folder.
pub(crate) fn kafka() -> Outcome {
    debian("java", &["default-jre-headless"])?;
    debian("mvn", &["maven"])?;
    let pom = root().join("tests/servers/kafka/pom.xml");
    from_maven(&pom, &target().join("kafka/lib"), "Apache Kafka")
}

/// Copies the dependencies of a Maven project into a folder.
fn from_maven(pom: &Path, libraries: &Path, what: &str) -> Outcome {
    install_once(&[pom.to_owned()], libraries, |folder| {
        let (pom, out) = (pom.display().to_string(), format!("-DoutputDirectory={folder}"));
        let dependencies = ["-q", "-B", "-f", &pom, "dependency:copy-dependencies", &out];
        let hint = format!("{what} can't be installed: is Maven Central reachable?");
        run_or("mvn", &dependencies, &hint)
    })
}

/// The Python interpreter with the programs that `bench peers` compares with.
pub(crate) fn peers_python() -> Outcome<String> {
    environment("bench-python", "benches/peers.txt")
}

/// Miller, with which `bench peers` compares.
pub(crate) fn miller() -> Outcome {
    debian("mlr", &["miller"])
}

/// The program xan, with which `bench peers` compares. It is compiled once, which takes minutes.
pub(crate) fn xan() -> Outcome<String> {
    const VERSION: &str = "0.61.0";
    let folder = target().join("xan");
    let program = folder.join(VERSION).join("bin/xan");
    if !program.is_file() {
        let root = folder.join(VERSION).display().to_string();
        let compiled = folder.join("target").display().to_string();
        let mut install = cargo(&["install", "--locked", "--quiet", "--root", &root]);
        install.args(["--version", VERSION, "xan"]).env("CARGO_TARGET_DIR", &compiled);
        start(install)?;
        let _ = fs::remove_dir_all(folder.join("target"));
    }
    Ok(program.display().to_string())
}

/// The interpreter of a Python environment in the target folder. The environment is made again when the
/// pinned versions change.
fn environment(folder: &str, pins: &str) -> Outcome<String> {
    let environment = target().join(folder);
    let python = environment.join("bin/python").display().to_string();
    let pins = root().join(pins);
    install_once(std::slice::from_ref(&pins), &environment, |environment| {
        run_or(
            "python3",
            &["-m", "venv", environment],
            "Python 3.11 with venv is needed: apt-get install python3-venv",
        )?;
        let pins = pins.display().to_string();
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run_or(
            &python,
            &[&install[..], &["--only-binary", ":all:", "-r", &pins]].concat(),
            "the readers can't be installed: is the Python package index reachable?",
        )
    })?;
    Ok(python)
}

/// Fills a folder, unless it was filled from the same files before.
fn install_once(from: &[PathBuf], folder: &Path, fill: impl FnOnce(&str) -> Outcome) -> Outcome {
    let mut contents = String::new();
    for file in from {
        contents += &fs::read_to_string(file)
            .map_err(|error| format!("can't read {}: {error}", file.display()))?;
    }
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == contents) {
        return Ok(());
    }
    let failed = |error| format!("can't write {}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::create_dir_all(folder).map_err(failed)?;
    fill(&folder.display().to_string())?;
    fs::write(&installed, contents).map_err(failed)
}

/// The files of a folder with an extension, by name.
fn files_of(folder: &Path, extension: &str) -> Outcome<Vec<PathBuf>> {
    let mut files = entries(folder)?;
    files.retain(|path| path.extension().is_some_and(|own| own == extension));
    Ok(files)
}

/// Installs Debian packages if a program is missing and this process has the rights; otherwise the error
/// says how to install them.
fn debian(program: &str, packages: &[&str]) -> Outcome {
    if is_there(program) {
        return Ok(());
    }
    install_packages(program, packages)
}

/// Installs the Debian packages that `what` needs, if this process has the rights.
fn install_packages(what: &str, packages: &[&str]) -> Outcome {
    let hint = format!("{what} is needed: apt-get install {}", packages.join(" "));
    if !is_root() || !is_there("apt-get") {
        return Err(hint);
    }
    run_or("apt-get", &["update", "-qq"], &hint)?;
    // A file of settings that is there already is kept without a question.
    let keep = "Dpkg::Options::=--force-confold";
    let install = ["install", "-y", "-qq", "--no-install-recommends", "-o", keep];
    run_or("apt-get", &[&install, packages].concat(), &hint)
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

fn run_or(program: &str, arguments: &[&str], hint: &str) -> Outcome {
    let mut command = command(program, arguments);
    command.stdout(Stdio::null()).env("DEBIAN_FRONTEND", "noninteractive");
    start(command).map_err(|error| format!("{error}\n{hint}"))
}
