//! A TCP link of the tests, which can be interrupted.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Result;

/// Passes connections to a port of 127.0.0.1 on to another one. It can be [cut](Link::cut), as a network that drops
/// packets, and [closed](Link::close), as a service that is away.
#[derive(Debug)]
pub struct Link {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    to: u16,
    state: Mutex<State>,
    changed: Condvar,
    connections: Mutex<HashMap<u64, [TcpStream; 2]>>,
    last: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Cut,
    Closed,
}

impl Link {
    /// A link to a port of 127.0.0.1, on which a server may not listen yet.
    ///
    /// # Errors
    /// No port is free.
    pub fn to(port: u16) -> Result<Self> {
        let failed = |error| format!("can't listen: {error}");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            to: port,
            state: Mutex::new(State::Open),
            changed: Condvar::new(),
            connections: Mutex::default(),
            last: AtomicU64::new(0),
        });
        let accepting = Some(accept(listener, &shared));
        Ok(Self { port: address.port(), shared, accepting })
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Passes nothing on, and leaves connections open: neither side learns of it.
    pub fn cut(&self) {
        self.shared.set(State::Cut);
    }

    /// Breaks all connections, and refuses new ones.
    pub fn close(&mut self) {
        self.shared.set(State::Closed);
        // The connection wakes the thread, which then drops the listener.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        self.accepting.take().map(JoinHandle::join);
        self.shared.break_all();
    }

    /// Works again. Connections that were cut are broken, because bytes were lost.
    ///
    /// # Errors
    /// The link was closed, and its port is in use now.
    pub fn restore(&mut self) -> Result<()> {
        self.shared.break_all();
        self.shared.set(State::Open);
        if self.accepting.is_none() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port));
            let listener = listener.map_err(|error| format!("port {}: {error}", self.port))?;
            self.accepting = Some(accept(listener, &self.shared));
        }
        Ok(())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

fn accept(listener: TcpListener, shared: &Arc<Shared>) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if *shared.state() == State::Closed {
                return;
            }
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.connect(&stream));
        }
    })
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state() = state;
        self.changed.notify_all();
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<u64, [TcpStream; 2]>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn break_all(&self) {
        for streams in self.connections().values() {
            streams.iter().for_each(close);
        }
    }

    /// Connects a client to the server, until one of them closes the connection or it breaks.
    fn connect(&self, client: &TcpStream) {
        // A service that is away, or not there yet.
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.to)) else { return };
        let (Ok(one), Ok(other)) = (client.try_clone(), server.try_clone()) else { return };
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        self.connections().insert(id, [one, other]);
        thread::scope(|scope| {
            scope.spawn(|| self.pass(client, &server));
            self.pass(&server, client);
        });
        self.connections().remove(&id);
    }

    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if self.was_cut() || to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        close(from);
        close(to);
    }

    /// Waits while the link is cut. Returns whether it was, so that bytes are lost.
    fn was_cut(&self) -> bool {
        let mut state = self.state();
        let was_cut = *state == State::Cut;
        while *state == State::Cut {
            let waited = self.changed.wait_timeout(state, Duration::from_secs(1));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        was_cut
    }
}

fn close(stream: &TcpStream) {
    // It fails if the other side was faster.
    let _ = stream.shutdown(Shutdown::Both);
}
