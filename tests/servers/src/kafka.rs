//! Apache Kafka from Maven Central: brokers in KRaft mode, each of which is a controller as well.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::supervised::{Supervised, free_ports, output};
use crate::{Link, Result};

const INSTALL: &str = "Java 17 and Maven are needed: apt-get install default-jre-headless maven, then cargo xtask setup";
/// The id of the cluster has 16 bytes, in base64.
const CLUSTER: &str = "dGFwbG9vbS1rYWZrYS0wMQ";
/// Time within which a broker has to listen.
const PATIENCE: Duration = Duration::from_secs(120);
/// Warnings only.
const LOG: &str = include_str!("../kafka/log4j2.properties");

/// A running cluster. Topics are not made automatically, and have as many replicas as there are brokers, at most three.
/// Dropping it ends the brokers and deletes their files.
///
/// A client that uses [`bootstrap`](Self::bootstrap) talks to the brokers themselves; one that uses
/// [`linked`](Self::linked) talks to them over [links](Self::links) that can be interrupted.
#[derive(Debug)]
pub struct Kafka {
    brokers: Vec<Broker>,
}

#[derive(Debug)]
struct Broker {
    server: Supervised,
    port: u16,
    link: Link,
}

impl Kafka {
    /// A cluster with a number of brokers. The folder has the libraries of Kafka, as `cargo xtask setup` installs them.
    ///
    /// # Errors
    /// A sentence that says what is missing, or the last messages of a broker that does not start.
    pub fn start(brokers: usize, libraries: &Path) -> Result<Self> {
        // The last file that the installation writes.
        if !libraries.join("installed.txt").is_file() {
            let folder = libraries.display();
            return Err(format!("Apache Kafka is not installed in {folder}\n{INSTALL}"));
        }
        let ports = (0..brokers).map(|_| free_ports::<3>()).collect::<Result<Vec<_>>>()?;
        let voters: Vec<String> = (1..)
            .zip(&ports)
            .map(|(id, [_, _, controller])| format!("{id}@127.0.0.1:{controller}"))
            .collect();
        // Most of the time goes to starting Java, for each broker twice.
        let started: Vec<Result<Broker>> = thread::scope(|scope| {
            let starting: Vec<_> = (1..)
                .zip(ports)
                .map(|(id, ports)| {
                    let voters = voters.join(",");
                    scope.spawn(move || Broker::start(id, ports, &voters, brokers, libraries))
                })
                .collect();
            let panicked = || Err("the start of a broker panicked".to_owned());
            starting.into_iter().map(|one| one.join().unwrap_or_else(|_| panicked())).collect()
        });
        let cluster = Self { brokers: started.into_iter().collect::<Result<_>>()? };
        cluster.brokers.iter().try_for_each(Broker::wait)?;
        Ok(cluster)
    }

    /// Number of brokers.
    pub fn len(&self) -> usize {
        self.brokers.len()
    }

    /// Whether there are no brokers.
    pub fn is_empty(&self) -> bool {
        self.brokers.is_empty()
    }

    /// `HOST:PORT` of all brokers.
    pub fn bootstrap(&self) -> String {
        list(self.brokers.iter().map(|broker| broker.port))
    }

    /// `HOST:PORT` of the links to all brokers.
    pub fn linked(&self) -> String {
        list(self.brokers.iter().map(|broker| broker.link.port()))
    }

    /// The links to the brokers.
    pub fn links(&mut self) -> impl Iterator<Item = &mut Link> {
        self.brokers.iter_mut().map(|broker| &mut broker.link)
    }

    /// Ends a broker at once, as a power cut does. Brokers are counted from 0.
    ///
    /// # Errors
    /// There is no such broker.
    pub fn kill(&mut self, broker: usize) -> Result<()> {
        self.broker(broker)?.server.end("KILL")
    }

    /// Stops a broker in order: it hands its partitions over first.
    ///
    /// # Errors
    /// There is no such broker.
    pub fn stop(&mut self, broker: usize) -> Result<()> {
        self.broker(broker)?.server.end("TERM")
    }

    /// Starts a broker that was ended, and waits until it listens.
    ///
    /// # Errors
    /// There is no such broker, or it does not start.
    pub fn start_again(&mut self, broker: usize) -> Result<()> {
        let broker = self.broker(broker)?;
        broker.server.start_again()?;
        broker.wait()
    }

    fn broker(&mut self, number: usize) -> Result<&mut Broker> {
        self.brokers.get_mut(number).ok_or_else(|| format!("there is no broker {number}"))
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        for broker in &mut self.brokers {
            // A broker that is stopped in order waits for the others.
            let _ = broker.server.end("KILL");
        }
    }
}

fn list(ports: impl Iterator<Item = u16>) -> String {
    ports.map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
}

impl Broker {
    fn start(
        id: usize,
        ports: [u16; 3],
        voters: &str,
        brokers: usize,
        libraries: &Path,
    ) -> Result<Self> {
        let folder = TempDir::with_prefix("taploom-kafka-");
        let folder = folder.map_err(|error| format!("can't make a temporary folder: {error}"))?;
        let [port, behind_link, _] = ports;
        let link = Link::to(behind_link)?;
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).map_err(|error| format!("can't write {name}: {error}"))?;
            Ok::<_, String>(path)
        };
        let logging = write("log4j2.properties", LOG)?;
        let properties = properties(id, ports, link.port(), voters, brokers, folder.path());
        let properties = write("server.properties", &properties)?;
        let java = |class: &str| {
            let mut java = Command::new("java");
            // The second compiler is not worth its time for brokers of a few minutes.
            java.args(["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
            java.arg(format!("-Dlog4j2.configurationFile={}", logging.display()));
            java.arg("-cp").arg(libraries.join("*")).arg(class);
            java
        };
        let mut format = java("kafka.tools.StorageTool");
        output(format.args(["format", "-t", CLUSTER, "-c"]).arg(&properties), INSTALL)?;
        let mut server = java("kafka.Kafka");
        server.arg(&properties);
        Ok(Self { server: Supervised::start(folder, &server, "TERM")?, port, link })
    }

    fn wait(&self) -> Result<()> {
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if started.elapsed() > PATIENCE {
                let log = self.server.log();
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
                return Err(format!("a broker of Kafka does not listen: {last}"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// The settings of a broker. It listens for clients, for clients behind its link, and for other controllers.
fn properties(
    id: usize,
    [port, behind_link, controller]: [u16; 3],
    link: u16,
    voters: &str,
    brokers: usize,
    folder: &Path,
) -> String {
    let replicas = brokers.min(3);
    let in_sync = replicas.div_ceil(2);
    format!(
        "process.roles=broker,controller\n\
         node.id={id}\n\
         controller.quorum.voters={voters}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},LINKED://127.0.0.1:{behind_link},\
         CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port},LINKED://127.0.0.1:{link}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,LINKED:PLAINTEXT\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         default.replication.factor={replicas}\n\
         min.insync.replicas={in_sync}\n\
         offsets.topic.num.partitions=4\n\
         offsets.topic.replication.factor={replicas}\n\
         group.initial.rebalance.delay.ms=0\n",
        folder.join("data").display()
    )
}
